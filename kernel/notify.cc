#include "kernel/notify.h"

namespace kernel {

void Notify::notify_all(std::int64_t bytes) {
  for (Waiter* waiter = waiters_.first(); waiter != nullptr;) {
    Waiter* next = waiters_.next(*waiter);
    Wait& wait = waiter->wait;
    wait.missing = bytes >= wait.missing ? 0 : wait.missing - bytes;
    if (wait.missing == 0 && !wait.woken) {
      wait.woken = true;
      wait.fiber.wake();
    }
    waiter = next;
  }
}

void Notify::notify_one() {
  for (Waiter* waiter = waiters_.first(); waiter != nullptr; waiter = waiters_.next(*waiter)) {
    if (waiter->wait.woken) continue;
    waiter->wait.missing = 0;
    waiter->wait.woken = true;
    waiter->wait.fiber.wake();
    return;
  }
}

Result<> Notify::wait(Fiber& f, Where where) {
  Wait wait{f, 1};
  Waiter waiter{wait};
  waiters_.push_back(waiter);
  while (!wait.woken) {
    const Result<> parked = f.park(where);
    // Whoever was chosen by notify_one must not give that up for a deadline of the same moment.
    if (!parked && !wait.woken) return parked;
  }
  return {};
}

Result<> WaitAny::wait(Where where) {
  while (wait_.missing > 0) {
    const Result<> parked = wait_.fiber.park(where);
    if (!parked && wait_.missing > 0) return parked;
  }
  return {};
}

}  // namespace kernel
