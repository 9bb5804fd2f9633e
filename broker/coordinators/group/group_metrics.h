// What the coordinators of groups of one shard count.
#pragma once

#include <string>
#include <string_view>

#include "kernel/metrics.h"

namespace broker::coordinators::group {

inline constexpr std::string_view kLoadMetric = "kalda_coordinator_load_seconds";

struct GroupMetrics {
  explicit GroupMetrics(kernel::MetricRegistry& r)
      : groups{r.gauge("kalda_groups", "Consumer groups known here, empty ones too")},
        member_bytes{r.gauge("kalda_group_member_bytes", "What is kept in memory of the members of groups")},
        joins_put_off_total{r.counter("kalda_group_joins_put_off_total", "Joins told to come again because the memory for members is used up")},
        rebalances_total{r.counter("kalda_group_rebalances_total", "Generations of groups that got their assignment")},
        offset_commits_total{r.counter("kalda_offset_commits_total", "Offsets committed by consumers")},
        offsets_expired_total{r.counter("kalda_offsets_expired_total", "Offsets removed because nobody used them")},
        load_seconds{r.histogram(std::string{kLoadMetric}, "Replaying a partition's groups when it is led here")} {}

  kernel::Gauge groups;
  kernel::Gauge member_bytes;
  kernel::Counter joins_put_off_total;
  kernel::Counter rebalances_total;
  kernel::Counter offset_commits_total;
  kernel::Counter offsets_expired_total;
  kernel::Histogram load_seconds;
};

}  // namespace broker::coordinators::group
