#include "kernel/scheduler.h"

#include "kernel/fiber.h"
#include "kernel/node.h"
#include "kernel/sanitizer.h"
#include "kernel/scope.h"

namespace kernel {

Scheduler::~Scheduler() { CHECK(ready_count_ == 0); }

void Scheduler::make_ready(Fiber& fiber) {
  if (fiber.shard_.dead_) [[unlikely]]
    return;  // the node is being killed: nothing wakes any more
  fiber.state_ = Fiber::State::ready;
  if (fiber.shard_.held_) [[unlikely]] {
    fiber.shard_.held_fibers_.push_back(fiber);
    return;
  }
  ready_.push_back(fiber);
  ++ready_count_;
}

bool Scheduler::run_one() {
  if (ready_count_ == 0) return false;
  Fiber& fiber = policy_ == nullptr ? ready_.front() : policy_->choose(ready_, ready_count_);
  static_cast<ListHook<RunTag>&>(fiber).unlink();
  --ready_count_;
  if (policy_ != nullptr) policy_->dispatching(fiber);
  ++dispatches_total_;
  switch_to(fiber);
  return true;
}

void Scheduler::switch_to(Fiber& fiber) {
  CHECK(current_ == nullptr);
  current_ = &fiber;
  fiber.state_ = Fiber::State::running;
  fiber.started_ = true;
  if (loop_tsan_fiber_ == nullptr) loop_tsan_fiber_ = sanitizer::current_fiber();
  sanitizer::before_switch(&loop_fake_stack_, fiber.stack_.low, fiber.stack_.size, fiber.stack_.sanitizer_fiber);
  const auto back = boost::context::detail::jump_fcontext(fiber.context_, &fiber);
  sanitizer::after_switch(loop_fake_stack_, nullptr, nullptr);
  fiber.context_ = back.fctx;
  current_ = nullptr;
  CHECK(StackPool::intact(fiber.stack_));
  if (fiber.state_ == Fiber::State::finished) reap(fiber);
}

void Scheduler::switch_back(Fiber& fiber, bool for_good) {
  sanitizer::before_switch(for_good ? nullptr : &fiber.fake_stack_, loop_stack_low_, loop_stack_size_,
                           loop_tsan_fiber_);
  const auto back = boost::context::detail::jump_fcontext(loop_context_, nullptr);
  sanitizer::after_switch(fiber.fake_stack_, &loop_stack_low_, &loop_stack_size_);
  loop_context_ = back.fctx;
}

void Scheduler::reap(Fiber& fiber) {
  if (fiber.scope_ != nullptr) fiber.scope_->child_ended(fiber);
  const Stack stack = fiber.stack_;
  fiber.~Fiber();
  stacks_.give_back(stack);
}

void Scheduler::kill(Fiber& fiber) {
  auto& queued = static_cast<ListHook<RunTag>&>(fiber);
  if (queued.linked()) {
    queued.unlink();
    if (!fiber.shard_.held_) --ready_count_;
  }
  if (!fiber.started_) {
    fiber.body_(fiber, fiber.callable_, Fiber::Action::destroy);
    reap(fiber);
    return;
  }
  fiber.killed_ = true;
  switch_to(fiber);
}

void Scheduler::kill_fibers(std::span<Shard* const> shards) {
  CHECK(current_ == nullptr);
  for (Shard* shard : shards) shard->dead_ = true;
  // A newer fiber may use what lies in an older one's frames (its scope, a call across shards), never the reverse.
  for (;;) {
    Fiber* newest = nullptr;
    for (Shard* shard : shards) {
      if (shard->fibers_.empty()) continue;
      Fiber& last = shard->fibers_.back();
      if (newest == nullptr || last.id_ > newest->id_) newest = &last;
    }
    if (newest == nullptr) return;
    kill(*newest);
  }
}

void Scheduler::hold(Shard& shard) {
  if (shard.held_) return;
  shard.held_ = true;
  for (Fiber* fiber = ready_.first(); fiber != nullptr;) {
    Fiber* next = ready_.next(*fiber);
    if (&fiber->shard_ == &shard) {
      static_cast<ListHook<RunTag>&>(*fiber).unlink();
      --ready_count_;
      shard.held_fibers_.push_back(*fiber);
    }
    fiber = next;
  }
}

void Scheduler::resume(Shard& shard) {
  if (!shard.held_) return;
  shard.held_ = false;
  while (!shard.held_fibers_.empty()) {
    ready_.push_back(shard.held_fibers_.pop_front());
    ++ready_count_;
  }
}

}  // namespace kernel
