#include "kernel/fiber.h"

#include <exception>

#include "kernel/node.h"
#include "kernel/sanitizer.h"
#include "kernel/scope.h"

namespace kernel {

Fiber::Fiber(Shard& shard, Scope* scope, std::string_view name, Stack stack, Body body, void* callable)
    : shard_{shard},
      scheduler_{shard.scheduler()},
      scope_{scope},
      id_{scheduler_.next_fiber_id_++},
      name_{name},
      stack_{stack},
      body_{body},
      callable_{callable} {}

Fiber::~Fiber() { CHECK(open_scopes_.empty()); }

Stack Fiber::take_stack(Shard& shard) { return shard.scheduler().stacks_.take(); }

Fiber& Fiber::launch(Shard& shard, Scope* scope, std::string_view name, Stack stack, std::byte* fiber_at,
                     std::byte* stack_top, Body body, void* callable) {
  auto* fiber = new (fiber_at) Fiber(shard, scope, name, stack, body, callable);
  fiber->context_ = boost::context::detail::make_fcontext(
      stack_top, static_cast<std::size_t>(stack_top - stack.low), &Fiber::entry);
  shard.fibers_.push_back(*fiber);
  if (scope != nullptr) {
    scope->adopt(*fiber);
    if (scope->owner().cancelled_) fiber->cancelled_ = true;
  }
  fiber->scheduler_.make_ready(*fiber);
  return *fiber;
}

void Fiber::entry(boost::context::detail::transfer_t transfer) {
  Fiber& self = *static_cast<Fiber*>(transfer.data);
  Scheduler& scheduler = self.scheduler_;
  scheduler.loop_context_ = transfer.fctx;
  sanitizer::after_switch(nullptr, &scheduler.loop_stack_low_, &scheduler.loop_stack_size_);
  try {
    self.body_(self, self.callable_, Action::run);
  } catch (const FiberKilled&) {
    // A killed fiber's frames are gone; nothing else throws.
  }
  self.body_(self, self.callable_, Action::destroy);
  self.state_ = State::finished;
  scheduler.switch_back(self, /*for_good=*/true);
  std::terminate();
}

std::vector<std::string_view> Shard::fiber_names() {
  std::vector<std::string_view> names;
  for (Fiber* fiber = fibers_.first(); fiber != nullptr; fiber = fibers_.next(*fiber)) names.push_back(fiber->name());
  return names;
}

Node& Fiber::node() const { return shard_.node(); }
Mono Fiber::now() const { return shard_.node().clock().now(); }
Wall Fiber::wall() const { return shard_.node().clock().wall(); }
Log Fiber::log() const { return Log{shard_.node().log_sink(), shard_.node().clock()}; }
bool Fiber::nudge(std::string_view name) const { return shard_.node().nudge(name); }

void Fiber::throw_if_killed() {
  if (killed_) [[unlikely]]
    throw FiberKilled{};
}

void Fiber::suspend() {
  CHECK(scheduler_.current_ == this);
  CHECK(std::uncaught_exceptions() == 0);
  state_ = State::parked;
  scheduler_.switch_back(*this, /*for_good=*/false);
  throw_if_killed();
}

Result<> Fiber::park(Where where) {
  if (cancelled()) return fail(Errc::cancelled, 0, where);
  if (deadline_ != kNever) {
    if (now() >= deadline_) return fail(Errc::deadline, 0, where);
    if (!deadline_timer_.armed()) {
      scheduler_.timers_.arm(deadline_timer_, shard_.node().clock().scheduler_time(deadline_));
    }
  }
  suspend();
  if (cancelled()) return fail(Errc::cancelled, 0, where);
  if (deadline_ != kNever && now() >= deadline_) return fail(Errc::deadline, 0, where);
  return {};
}

void Fiber::park_regardless() { suspend(); }

void Fiber::wake() {
  if (state_ != State::parked) return;
  scheduler_.make_ready(*this);
}

void Fiber::set_deadline(Mono deadline) {
  if (deadline == deadline_) return;
  deadline_ = deadline;
  deadline_timer_.disarm();
}

Result<> Fiber::yield() {
  if (cancelled()) return fail(Errc::cancelled);
  if (deadline_ != kNever && now() >= deadline_) return fail(Errc::deadline);
  state_ = State::parked;
  scheduler_.make_ready(*this);
  scheduler_.switch_back(*this, /*for_good=*/false);
  throw_if_killed();
  if (cancelled()) return fail(Errc::cancelled);
  return {};
}

Result<> Fiber::sleep_until(Mono when) {
  const bool ours_first = when <= deadline_;
  const auto until = deadline_at(when);
  for (;;) {
    const Result<> woken = park();
    if (woken) continue;  // a wake-up that was meant for somebody else's wait
    if (ours_first && woken.error().is(Errc::deadline)) return {};
    return woken;
  }
}

void Fiber::cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  if (shields_ > 0) return;
  cancel_below();
  wake();
}

void Fiber::cancel_below() {
  for (Scope* scope = open_scopes_.first(); scope != nullptr; scope = open_scopes_.next(*scope)) scope->cancel();
}

void Fiber::lower_shield(Mono deadline) {
  --shields_;
  set_deadline(deadline);
  if (cancelled() && !killed_) cancel_below();
}

Scope::Scope(Fiber& owner) : owner_{owner} { owner.open_scopes_.push_back(*this); }

Scope::~Scope() {
  // When the owner is unwound its children are gone already: the newest fiber dies first.
  CHECK(count_ == 0);
}

void Scope::adopt(Fiber& child) {
  children_.push_back(child);
  ++count_;
}

void Scope::child_ended(Fiber& child) {
  static_cast<ListHook<ScopeTag>&>(child).unlink();
  --count_;
  if (joining_ && count_ == 0) owner_.wake();
}

void Scope::cancel() {
  for (Fiber* child = children_.first(); child != nullptr; child = children_.next(*child)) child->cancel();
}

Result<> Scope::join(Fiber& f) {
  CHECK(&f == &owner_);
  joining_ = true;
  while (count_ > 0) f.park_regardless();
  joining_ = false;
  if (first_error_) return std::unexpected(*first_error_);
  return {};
}

}  // namespace kernel
