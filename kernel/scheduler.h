// Runs fibers on one thread. A production shard has one scheduler of its own; in a simulation one scheduler runs the
// fibers of every node. Which runnable fiber goes next is first in, first out, or the choice of a DispatchPolicy.
//
//   while (!stopping) {
//     while (scheduler.run_one()) {}
//     scheduler.timers().fire_one(now) or wait for I/O
//   }
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <span>

#include "kernel/intrusive_list.h"
#include "kernel/stack_pool.h"
#include "kernel/timer.h"

namespace kernel {

class Fiber;
class Scheduler;
class Scope;
class Shard;
struct RunTag;
using RunQueue = IntrusiveList<Fiber, RunTag>;

/// The simulator's say in scheduling. Production has none.
class DispatchPolicy {
 public:
  virtual ~DispatchPolicy() = default;
  /// Chooses among `ready`, which is not empty and holds `count` fibers.
  virtual Fiber& choose(RunQueue& ready, std::size_t count) = 0;
  /// The chosen fiber is about to run.
  virtual void dispatching(Fiber& fiber) = 0;
};

class Scheduler {
 public:
  explicit Scheduler(StackPool& stacks, DispatchPolicy* policy = nullptr) : stacks_{stacks}, policy_{policy} {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  /// Runs one runnable fiber until it suspends or ends. False when none is runnable.
  bool run_one();
  [[nodiscard]] bool idle() const { return ready_count_ == 0; }
  [[nodiscard]] TimerQueue& timers() { return timers_; }
  /// The fiber that runs now, or null in the loop itself.
  [[nodiscard]] Fiber* current() { return current_; }
  [[nodiscard]] std::uint64_t dispatches_total() const { return dispatches_total_; }

  /// Ends every fiber of `shards` (all those of a node) without another step of its own: stacks unwind, newest fiber
  /// first, while nothing they touch does anything. Called from the loop, never from a fiber.
  void kill_fibers(std::span<Shard* const> shards);
  /// Stops dispatching the fibers of `shard` until resume(); they collect on its held queue.
  void hold(Shard& shard);
  void resume(Shard& shard);

 private:
  friend class Fiber;
  using Context = boost::context::detail::fcontext_t;

  void make_ready(Fiber& fiber);
  void switch_to(Fiber& fiber);
  void switch_back(Fiber& fiber, bool for_good);
  void reap(Fiber& fiber);
  void kill(Fiber& fiber);

  StackPool& stacks_;
  DispatchPolicy* policy_;
  TimerQueue timers_;
  RunQueue ready_;
  std::size_t ready_count_ = 0;
  Fiber* current_ = nullptr;
  Context loop_context_ = nullptr;
  std::uint64_t next_fiber_id_ = 1;
  std::uint64_t dispatches_total_ = 0;
  // What the sanitizers know of the loop's own stack.
  void* loop_fake_stack_ = nullptr;
  const void* loop_stack_low_ = nullptr;
  std::size_t loop_stack_size_ = 0;
  void* loop_tsan_fiber_ = nullptr;
};

}  // namespace kernel
