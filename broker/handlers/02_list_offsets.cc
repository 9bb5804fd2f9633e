// ListOffsets v1-11. v2: isolation. v4: leader epoch. v6: flexible. v7: max timestamp (-3). v8: earliest local (-4).
// v9: latest tiered (-5). v10: timeout. v11: earliest pending upload (-6). Nothing is tiered here: -5 and -6 find
// nothing, -4 is the log start.
#include <set>

#include "broker/handlers/apis.h"
#include "broker/handlers/partitions.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/list_offsets.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using kernel::Result;
using log::TimestampedOffset;
using net::ErrorCode;
using net::ListOffsetsRequest;
using net::ListOffsetsResponse;
using OffsetAnswer = ListOffsetsResponse::ListOffsetsPartitionResponse;

constexpr std::int64_t kLatest = -1, kEarliest = -2, kMaxTimestamp = -3, kEarliestLocal = -4, kLatestTiered = -5,
                       kEarliestPendingUpload = -6;

std::int16_t first_version_of(std::int64_t timestamp) {
  switch (timestamp) {
    case kMaxTimestamp: return 7;
    case kEarliestLocal: return 8;
    case kLatestTiered: return 9;
    case kEarliestPendingUpload: return 11;
    default: return 1;
  }
}

Result<std::optional<TimestampedOffset>> find(Fiber& there, replication::Partition& partition, std::int64_t timestamp,
                                              bool read_committed) {
  const net::Offset end = read_committed ? partition.last_stable_offset() : partition.high_watermark();
  const auto at = [&](net::Offset offset) -> std::optional<TimestampedOffset> {
    const auto epoch = partition.log().epochs().epoch_at(offset);
    return TimestampedOffset{-1, offset, epoch.value_or(net::LeaderEpoch{-1})};
  };
  switch (timestamp) {
    case kLatest: return TimestampedOffset{-1, end, partition.epoch()};
    case kEarliest:
    case kEarliestLocal: return at(partition.log_start());
    case kMaxTimestamp: return partition.log().max_timestamp(there, end);
    case kLatestTiered:
    case kEarliestPendingUpload: return std::nullopt;
    default: return partition.log().find_by_timestamp(there, timestamp, end);
  }
}

void fill(Fiber& f, Call& call, const metadata::Topic* topic,
          const ListOffsetsRequest::ListOffsetsPartition& wanted, bool read_committed, OffsetAnswer& answer) {
  const auto key = find_partition(topic, wanted.partition_index);
  if (wanted.timestamp < kEarliestPendingUpload || call.version() < first_version_of(wanted.timestamp)) {
    answer.error_code = ErrorCode::unsupported_version;
  } else if (!key) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
  } else {
    using Found = Result<std::optional<TimestampedOffset>>;
    const auto found = at_partition(f, call, *key, [&](Fiber& there, replication::Partition& partition) -> Found {
      TRY(partition.check_epoch(wanted.current_leader_epoch));
      return find(there, partition, wanted.timestamp, read_committed);
    });
    if (!found) {
      answer.error_code = wire_code(found.error());
    } else if (*found) {
      answer.timestamp = (*found)->timestamp_ms;
      answer.offset = (*found)->offset;
      if (call.version() >= 4) answer.leader_epoch = (*found)->leader_epoch;
    }
  }
}

ListOffsetsResponse respond(Fiber& f, Call& call, const ListOffsetsRequest& request) {
  ListOffsetsResponse response;
  net::Arena& arena = *call.arena;
  const metadata::ImageRef image = call.image();
  const bool read_committed = request.isolation_level == 1;
  std::set<std::pair<std::string_view, net::PartitionId>> seen, twice;
  for (const auto& topic : request.topics)
    for (const auto& partition : topic.partitions)
      if (!seen.insert({topic.name, partition.partition_index}).second)
        twice.insert({topic.name, partition.partition_index});
  response.topics = arena.list<ListOffsetsResponse::ListOffsetsTopicResponse>(request.topics.size());
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto& wanted = request.topics[t];
    response.topics[t].name = wanted.name;
    response.topics[t].partitions = arena.list<OffsetAnswer>(wanted.partitions.size());
    const metadata::Topic* topic = image->find_topic(wanted.name);
    for (std::size_t p = 0; p < wanted.partitions.size(); ++p) {
      OffsetAnswer& answer = response.topics[t].partitions[p];
      answer.partition_index = wanted.partitions[p].partition_index;
      if (twice.contains({wanted.name, answer.partition_index})) answer.error_code = ErrorCode::invalid_request;
      else fill(f, call, topic, wanted.partitions[p], read_committed, answer);
    }
  }
  return response;
}

}  // namespace

void handle_list_offsets(kernel::Fiber& f, Call& call) { answer<ListOffsetsRequest>(f, call, respond); }

}  // namespace broker::handlers
