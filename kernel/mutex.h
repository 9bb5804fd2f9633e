// Mutual exclusion between fibers of one shard, for sections that suspend. First come, first served: the lock is
// handed to the fiber that has waited longest, so a newcomer cannot overtake it.
//
//   const Mutex::Lock lock = TRY(mutex.lock(f));
#pragma once

#include "kernel/semaphore.h"

namespace kernel {

class Mutex {
 public:
  using Lock = Semaphore::Units;
  /// Suspends while another fiber holds it. Errors: cancelled, deadline.
  Result<Lock> lock(Fiber& f, Where where = Where::here()) { return one_.acquire(f, 1, where); }
  [[nodiscard]] bool locked() const { return one_.available() == 0; }

 private:
  Semaphore one_{1};
};

}  // namespace kernel
