// Waiting for something to change, on one shard. Notify is a condition variable for fibers; WaitAny waits for any of
// many, with a countdown in bytes: what a Fetch over hundreds of partitions needs.
//
//   while (high_watermark < wanted) TRY(moved.wait(f));
//
//   WaitAny some{f, min_bytes};                     // parks until that many bytes were announced
//   for (Partition* p : partitions) some.add(p->readable);
//   TRY(some.wait());                               // or deadline, or cancelled
#pragma once

#include <cstdint>
#include <deque>
#include <limits>

#include "kernel/fiber.h"
#include "kernel/intrusive_list.h"

namespace kernel {

struct WaiterTag;
inline constexpr std::int64_t kWakeAll = std::numeric_limits<std::int64_t>::max();

class Notify {
 public:
  Notify() = default;
  /// Wakes everybody who waits now. `bytes` counts towards WaitAny countdowns; plain waits do not care.
  void notify_all(std::int64_t bytes = kWakeAll);
  /// Wakes the one who has waited longest.
  void notify_one();
  /// Suspends until notified. Errors: cancelled, deadline.
  Result<> wait(Fiber& f, Where where = Where::here());
  [[nodiscard]] bool has_waiters() const { return !waiters_.empty(); }

 private:
  friend class WaitAny;
  struct Wait {
    Fiber& fiber;
    std::int64_t missing;  // bytes still to be announced; woken when not above 0
    bool woken = false;
  };
  struct Waiter final : ListHook<WaiterTag> {
    explicit Waiter(Wait& wait) : wait{wait} {}
    Wait& wait;
  };
  IntrusiveList<Waiter, WaiterTag> waiters_;
};

class WaitAny {
 public:
  explicit WaitAny(Fiber& f, std::int64_t bytes_wanted = 1) : wait_{f, bytes_wanted} {}
  WaitAny(const WaitAny&) = delete;
  WaitAny& operator=(const WaitAny&) = delete;
  /// The Notify must outlive this object.
  void add(Notify& notify) { notify.waiters_.push_back(waiters_.emplace_back(wait_)); }
  /// Suspends until the bytes announced since add() reach the wanted ones. Errors: cancelled, deadline.
  Result<> wait(Where where = Where::here());
  [[nodiscard]] bool ready() const { return wait_.missing <= 0; }

 private:
  Notify::Wait wait_;
  std::deque<Notify::Waiter> waiters_;
};

}  // namespace kernel
