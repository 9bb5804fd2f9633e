// Where on a log a time, the beginning or the end is (ListOffsets).
#pragma once

#include <map>
#include <variant>

#include "clients/consumer/config.h"
#include "clients/core/cluster.h"

namespace clients::consumer {

struct Beginning {
  friend bool operator==(Beginning, Beginning) = default;
};
struct End {
  friend bool operator==(End, End) = default;
};
/// The first record that is not older.
struct AtTime {
  std::int64_t timestamp_ms = 0;
  friend bool operator==(AtTime, AtTime) = default;
};
/// Where to begin to read.
using Start = std::variant<net::Offset, Beginning, End, AtTime>;

struct FoundOffset {
  net::Offset offset{-1};  ///< -1: no record that young
  std::int64_t timestamp_ms = -1;
  net::LeaderEpoch leader_epoch = net::kLeaderEpochNone;
};
using OffsetQuery = std::map<core::TopicPartition, Start>;
using OffsetAnswer = std::map<core::TopicPartition, kernel::Result<FoundOffset>>;

/// One request to one broker, no retries. Offsets are answered as they are. With read_committed, the end is the last
/// stable offset. Errors: those of Cluster::request; for single partitions broker_error.
kernel::Result<OffsetAnswer> list_offsets_at(kernel::Fiber& f, core::Cluster& cluster, net::BrokerId broker,
                                             const OffsetQuery& query, IsolationLevel isolation);
/// Asks the leaders and asks again until all is answered or default.api.timeout.ms has passed.
/// Errors: the last problem, where it was for good or time ran out.
kernel::Result<std::map<core::TopicPartition, FoundOffset>> list_offsets(kernel::Fiber& f, core::Cluster& cluster,
                                                                         OffsetQuery query, IsolationLevel isolation);

}  // namespace clients::consumer
