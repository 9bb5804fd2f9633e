// A fiber: a cooperative thread pinned to a shard, with a stack of its own.
//
// A function that may suspend takes `Fiber&`; one that does not, may not suspend. Deadline and cancellation ride on
// the fiber: every suspending call answers Errc::deadline or Errc::cancelled, and TRY carries it out. After a call
// that suspends, whatever was checked before is only a memory.
//
//   const auto within = f.deadline_in(5s);       // nests and only shrinks; restored at the end of the block
//   const Buffer answer = TRY(ask(f, peer));
//   TRY(f.sleep(100ms));
//
// Nothing suspends in a destructor, a catch block, a noexcept function or a C callback. When a simulated node is
// killed, the suspending call never returns: the stack unwinds (`catch (...)` is banned, it would swallow that).
#pragma once

#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "kernel/intrusive_list.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/result.h"
#include "kernel/scheduler.h"
#include "kernel/time.h"
#include "kernel/timer.h"

namespace kernel {

class Node;
struct ShardTag;
struct ScopeTag;
struct OpenScopesTag;

class Fiber final : public ListHook<RunTag>, public ListHook<ShardTag>, public ListHook<ScopeTag> {
 public:
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  [[nodiscard]] Node& node() const;
  [[nodiscard]] Shard& shard() const { return shard_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] Mono now() const;
  [[nodiscard]] Wall wall() const;
  [[nodiscard]] Log log() const;

  /// Lets others run. Suspends. Errors: cancelled, deadline.
  Result<> yield();
  /// Suspends. Errors: cancelled, or deadline if the fiber's own deadline comes first.
  Result<> sleep(Duration duration) { return sleep_until(saturating_add(now(), duration)); }
  Result<> sleep_until(Mono when);

  /// Restores the fiber's former deadline at the end of its block.
  class DeadlineBlock {
   public:
    DeadlineBlock(const DeadlineBlock&) = delete;
    DeadlineBlock& operator=(const DeadlineBlock&) = delete;
    ~DeadlineBlock() { fiber_.set_deadline(former_); }

   private:
    friend class Fiber;
    DeadlineBlock(Fiber& fiber, Mono deadline) : fiber_{fiber}, former_{fiber.deadline_} {
      fiber.set_deadline(deadline < former_ ? deadline : former_);
    }
    Fiber& fiber_;
    Mono former_;
  };
  [[nodiscard]] DeadlineBlock deadline_in(Duration duration) { return deadline_at(saturating_add(now(), duration)); }
  [[nodiscard]] DeadlineBlock deadline_at(Mono when) { return DeadlineBlock{*this, when}; }
  [[nodiscard]] Mono deadline() const { return deadline_; }
  [[nodiscard]] bool cancelled() const { return cancelled_ && shields_ == 0; }

  /// Until the end of its block neither deadline nor cancellation ends a wait of this fiber; afterwards both count again.
  /// For a change in several steps that others would find half done: a file operation whose wait was given up goes on.
  /// Only for waits that end by themselves.
  class ShieldBlock {
   public:
    ShieldBlock(const ShieldBlock&) = delete;
    ShieldBlock& operator=(const ShieldBlock&) = delete;
    ~ShieldBlock() { fiber_.lower_shield(former_); }

   private:
    friend class Fiber;
    explicit ShieldBlock(Fiber& fiber) : fiber_{fiber}, former_{fiber.deadline_} {
      ++fiber.shields_;
      fiber.set_deadline(kNever);
    }
    Fiber& fiber_;
    Mono former_;
  };
  [[nodiscard]] ShieldBlock shield() { return ShieldBlock{*this}; }
  /// Wakes the fiber with Errc::cancelled at this and every later suspending call, and so all fibers below it.
  void cancel();

  /// A named chance to do a legal but rare thing (a short read, a yield, a tiny segment): always false in
  /// production, seeded in simulation. It may delay, shorten or reorder; never corrupt.
  [[nodiscard]] bool nudge(std::string_view name) const;

  // What primitives are made of.

  /// Suspends until wake(). May return early for no reason; the caller looks again. Errors: cancelled, deadline.
  Result<> park(Where where = Where::here());
  /// Suspends until wake(), whatever the deadline and cancellation say: for what has begun and must be awaited.
  void park_regardless();
  /// Makes a parked fiber runnable; otherwise does nothing. Same thread only.
  void wake();

  /// Starts a fiber on `shard` that belongs to `scope` (or to nobody, for roots). The callable moves to its stack.
  template <class F>
  static Fiber& start(Shard& shard, Scope* scope, std::string_view name, F&& body);

 private:
  friend class Scheduler;
  friend class Scope;
  enum class State : std::uint8_t { ready, running, parked, finished };
  enum class Action : std::uint8_t { run, destroy };
  using Body = void (*)(Fiber& fiber, void* callable, Action action);

  class WakeTimer final : public Timer {
   public:
    explicit WakeTimer(Fiber& fiber) : fiber_{fiber} {}

   private:
    void fire() override { fiber_.wake(); }
    Fiber& fiber_;
  };

  Fiber(Shard& shard, Scope* scope, std::string_view name, Stack stack, Body body, void* callable);
  static Fiber& launch(Shard& shard, Scope* scope, std::string_view name, Stack stack, std::byte* fiber_at,
                       std::byte* stack_top, Body body, void* callable);
  static void entry(boost::context::detail::transfer_t transfer);
  static Stack take_stack(Shard& shard);
  void set_deadline(Mono deadline);
  void lower_shield(Mono deadline);
  void cancel_below();
  void suspend();
  void throw_if_killed();

  Shard& shard_;
  Scheduler& scheduler_;
  Scope* scope_;
  std::uint64_t id_;
  std::string_view name_;
  Stack stack_;
  Body body_;
  void* callable_;
  boost::context::detail::fcontext_t context_ = nullptr;
  State state_ = State::ready;
  bool started_ = false;
  bool cancelled_ = false;
  bool killed_ = false;
  int shields_ = 0;
  Mono deadline_ = kNever;
  WakeTimer deadline_timer_{*this};
  IntrusiveList<Scope, OpenScopesTag> open_scopes_;
  void* fake_stack_ = nullptr;
};

/// Thrown through a killed fiber's frames; never caught but by the fiber's own entry.
struct FiberKilled {};

template <class F>
Fiber& Fiber::start(Shard& shard, Scope* scope, std::string_view name, F&& body) {
  using Callable = std::decay_t<F>;
  static_assert(std::is_invocable_v<Callable&, Fiber&>);
  const Stack stack = take_stack(shard);
  const auto down = [](std::byte* from, std::size_t size, std::size_t align) {
    auto address = reinterpret_cast<std::uintptr_t>(from) - size;
    return reinterpret_cast<std::byte*>(address & ~(static_cast<std::uintptr_t>(align) - 1));
  };
  std::byte* fiber_at = down(stack.high(), sizeof(Fiber), 64);
  std::byte* callable_at = down(fiber_at, sizeof(Callable), std::max<std::size_t>(alignof(Callable), 64));
  auto* callable = new (callable_at) Callable(std::forward<F>(body));
  const Body run = [](Fiber& fiber, void* at, Action action) {
    auto& self = *static_cast<Callable*>(at);
    if (action == Action::destroy) {
      self.~Callable();
      return;
    }
    self(fiber);
  };
  return launch(shard, scope, name, stack, fiber_at, callable_at, run, callable);
}

}  // namespace kernel
