// Where reading begins and ends: what --from and --to say, and what that is in each partition.
//
//   const auto from = parse_place("2026-03-01T12:00", now_ms);       // also 15m: so long ago
//   Bounds bounds{to, {.stops_at_end = !follow}};
//   TRY(bounds.add(f, *cluster, partitions));
//   if (bounds.is_past(at, record)) ...                              // this partition is done
//   if (bounds.is_done(at, position)) ...
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "clients/consumer/consumer.h"

namespace clients::cli {

/// beginning, end, an offset, a point in time (see times.h), or how long ago that was: 90s, 15m, 2h, 7d.
[[nodiscard]] std::optional<consumer::Start> parse_place(std::string_view text, std::int64_t now_ms);
/// What parse_place takes, for people.
inline constexpr std::string_view kPlaces = "beginning, end, an offset, a time (2026-03-01T12:30, @MILLISECONDS), or how long ago (15m)";

class Bounds {
 public:
  struct Options {
    bool stops_at_end = true;  ///< where the log ends when a partition is added
    consumer::IsolationLevel isolation = consumer::IsolationLevel::read_uncommitted;
  };
  /// `to`: the first record that is not wanted; nothing: all are.
  Bounds(std::optional<consumer::Start> to, Options options) : to_{to}, options_{options} {}

  /// Looks up where these partitions end, anew for those that were added before. Suspends. Errors: those of
  /// consumer::list_offsets.
  kernel::Result<> add(kernel::Fiber& f, core::Cluster& cluster, const std::vector<core::TopicPartition>& partitions);
  /// Whether the record is behind what is wanted of its partition, which ends there then.
  [[nodiscard]] bool is_past(const core::TopicPartition& at, const net::record::RecordView& record);
  [[nodiscard]] bool is_done(const core::TopicPartition& at, std::optional<net::Offset> position) const;
  [[nodiscard]] const std::map<core::TopicPartition, net::Offset>& ends() const { return ends_; }

 private:
  std::optional<consumer::Start> to_;
  Options options_;
  std::map<core::TopicPartition, net::Offset> ends_;  ///< where an end is known
};

}  // namespace clients::cli
