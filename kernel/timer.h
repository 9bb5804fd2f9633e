// Timers ordered by (deadline, sequence): two with one deadline fire in the order they were armed, in every build.
// A 4-ary heap of pointers with the slot kept in the timer: arming and disarming cost O(log n), nothing ticks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/check.h"
#include "kernel/time.h"

namespace kernel {

/// Something that happens at a time. Fires at most once per arming; leaves its queue when destroyed.
class Timer {
 public:
  explicit Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();
  [[nodiscard]] bool armed() const { return queue_ != nullptr; }
  [[nodiscard]] Mono due() const { return due_; }
  void disarm();

 protected:
  /// Called from the scheduler's loop, never from a fiber. May arm timers and make fibers ready; may not suspend.
  virtual void fire() = 0;

 private:
  friend class TimerQueue;
  class TimerQueue* queue_ = nullptr;
  Mono due_{};
  std::uint64_t sequence_ = 0;
  std::size_t slot_ = 0;
};

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  /// Arms `timer` for `due`; it must not be armed. A time in the past fires at the next turn.
  void arm(Timer& timer, Mono due);
  void disarm(Timer& timer);
  /// When the next timer is due; kNever when there is none.
  [[nodiscard]] Mono next_due() const { return heap_.empty() ? kNever : heap_.front()->due_; }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  /// Fires the earliest timer if it is due at `now`. False when none is.
  bool fire_one(Mono now);

 private:
  static bool before(const Timer& a, const Timer& b) {
    return a.due_ != b.due_ ? a.due_ < b.due_ : a.sequence_ < b.sequence_;
  }
  void place(Timer* timer, std::size_t slot);
  void sift_up(Timer* timer, std::size_t slot);
  void sift_down(Timer* timer, std::size_t slot);

  std::vector<Timer*> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace kernel
