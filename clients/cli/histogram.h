// How long things took: counts by size, percentiles, and a picture of them for people. Pure.
//
//   LatencyHistogram taken;
//   taken.record(f.now() - began);
//   print(taken.quantile(0.99)); print(taken.picture(40));
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "kernel/time.h"

namespace clients::cli {

class LatencyHistogram {
 public:
  void record(kernel::Duration taken);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] kernel::Duration max() const { return max_; }
  /// Zero when nothing was recorded.
  [[nodiscard]] kernel::Duration mean() const;
  /// What `share` of all took at most, 1.6 % too large at worst, never more than max(); 0 <= share <= 1.
  [[nodiscard]] kernel::Duration quantile(double share) const;

  struct Step {
    kernel::Duration below;  ///< Duration::max() for the last one
    std::uint64_t count = 0;
  };
  /// Counts in steps of 1, 2, 5, 10, 20, 50 ... microseconds, from the first to the last that is not empty.
  [[nodiscard]] std::vector<Step> steps() const;
  /// The steps as lines with bars of up to `width` columns, then the percentiles.
  [[nodiscard]] std::string picture(std::size_t width) const;

 private:
  static constexpr int kSubBits = 6;  // 64 buckets for each power of two
  static constexpr std::size_t kBuckets = (64 - kSubBits) << kSubBits;
  static constexpr std::size_t kSteps = 25;  // 1 us ... 100 s, and more

  std::vector<std::uint64_t> buckets_;  // empty until something is recorded
  std::array<std::uint64_t, kSteps> steps_{};
  std::uint64_t count_ = 0;
  std::int64_t sum_ns_ = 0;
  kernel::Duration max_{0};
};

/// "85 us", "1.25 ms", "3.1 s": three digits.
[[nodiscard]] std::string print_latency(kernel::Duration taken);

}  // namespace clients::cli
