// Waiting times between attempts: doubling from a first value to a largest one, spread by a fifth either way so that
// clients that failed together do not come back together (KIP-580).
//
//   Backoff backoff{config.retry_backoff, config.retry_backoff_max};
//   TRY(f.sleep(backoff.next(random)));  ...  backoff.reset();   // after a success
#pragma once

#include <algorithm>

#include "kernel/random.h"
#include "kernel/time.h"

namespace clients::core {

class Backoff {
 public:
  Backoff(kernel::Duration first, kernel::Duration max) : first_{first}, max_{std::max(first, max)} {}

  /// How long to wait now; the next answer is about twice as long.
  kernel::Duration next(kernel::Random& random) {
    kernel::Duration base = first_;
    for (int i = 0; i < attempts_ && base < max_; ++i) base *= 2;
    base = std::min(base, max_);
    ++attempts_;
    if (base.count() <= 0) return kernel::Duration{0};
    const std::int64_t fifth = base.count() / 5;
    return base + kernel::Duration{random.between(-fifth, fifth)};
  }
  void reset() { attempts_ = 0; }
  /// next() calls since the last reset().
  [[nodiscard]] int attempts() const { return attempts_; }

 private:
  kernel::Duration first_;
  kernel::Duration max_;
  int attempts_ = 0;
};

}  // namespace clients::core
