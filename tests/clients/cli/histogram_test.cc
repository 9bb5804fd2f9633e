#include "clients/cli/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernel/random.h"

namespace clients::cli {
namespace {

using namespace std::chrono_literals;
using kernel::Duration;

TEST(Histogram, of_nothing_says_nothing) {
  const LatencyHistogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.mean(), Duration{0});
  EXPECT_EQ(none.quantile(0.99), Duration{0});
  EXPECT_TRUE(none.steps().empty());
  EXPECT_EQ(none.picture(40), "");
}

TEST(Histogram, quantiles_are_never_too_small_and_at_most_one_part_in_sixty_four_too_large) {
  kernel::Random random = kernel::Random(7, kernel::Domain::workload, 0);
  LatencyHistogram taken;
  std::vector<Duration> all;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(Duration{static_cast<std::int64_t>(random.heavy_tail(20'000'000'000))});
    taken.record(all.back());
  }
  std::ranges::sort(all);
  for (const double share : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(share * 20'000)));
    const Duration exact = all[rank - 1], told = taken.quantile(share);
    EXPECT_GE(told, exact) << share;
    EXPECT_LE(told.count(), exact.count() + exact.count() / 64 + 1) << share;
  }
  EXPECT_EQ(taken.quantile(1), all.back());
  EXPECT_EQ(taken.max(), all.back());
}

TEST(Histogram, steps_hold_everything_once_at_their_bounds) {
  LatencyHistogram taken;
  for (const Duration one : {Duration{-5}, Duration{999}, Duration{1us}, Duration{1999ns}, Duration{5ms}, Duration{500s}}) taken.record(one);
  const auto steps = taken.steps();
  EXPECT_EQ(steps.front().below, 1us);
  EXPECT_EQ(steps.front().count, 2u);
  EXPECT_EQ(steps[1].below, 2us);
  EXPECT_EQ(steps[1].count, 2u);
  EXPECT_EQ(steps.back().below, Duration::max());
  EXPECT_EQ(steps.back().count, 1u);
  std::uint64_t sum = 0;
  for (const auto& step : steps) sum += step.count;
  EXPECT_EQ(sum, taken.count());
}

TEST(Histogram, picture_shows_the_largest_step_in_full_width) {
  LatencyHistogram taken;
  for (int i = 0; i < 3; ++i) taken.record(1500us);
  taken.record(7ms);
  EXPECT_EQ(taken.picture(4),
            "     < 2 ms  ████   75.0 %  3\n"
            "     < 5 ms          0.0 %  0\n"
            "    < 10 ms  █▍     25.0 %  1\n"
            "  p50 1.51 ms   p90 7 ms   p99 7 ms   p99.9 7 ms   p99.99 7 ms   max 7 ms\n");
}

TEST(Latency, is_printed_with_three_digits) {
  EXPECT_EQ(print_latency(85us), "85 us");
  EXPECT_EQ(print_latency(1250us), "1.25 ms");
  EXPECT_EQ(print_latency(20ms), "20 ms");
  EXPECT_EQ(print_latency(12'340us), "12.3 ms");
  EXPECT_EQ(print_latency(999'960us), "1000 ms");
  EXPECT_EQ(print_latency(3100ms), "3.10 s");
}

}  // namespace
}  // namespace clients::cli
