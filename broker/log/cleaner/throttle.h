// Keeps a stream of work to a rate: each piece pays for itself by a rest behind it.
//
//   const kernel::Duration pause = throttle.rest(f.now(), bytes, bytes_per_second);
#pragma once

#include <algorithm>

#include "kernel/time.h"

namespace broker::log::cleaner {

class Throttle {
 public:
  /// How long to rest from `now` on, so that this and all that was counted before keep to the rate (above 0).
  [[nodiscard]] kernel::Duration rest(kernel::Mono now, std::uint64_t bytes, double bytes_per_second) {
    constexpr double kSecondNs = 1e9;
    constexpr double kRestMaxNs = 3600 * kSecondNs;
    const double cost_ns = std::min(static_cast<double>(bytes) / bytes_per_second * kSecondNs, kRestMaxNs);
    free_at_ = kernel::saturating_add(std::max(free_at_, now), kernel::Duration{static_cast<std::int64_t>(cost_ns)});
    return free_at_ - now;
  }

 private:
  kernel::Mono free_at_ = kernel::Mono::min();
};

}  // namespace broker::log::cleaner
