// OffsetForLeaderEpoch v2-4. v3: replica id. v4: flexible. Where the records of an epoch end, so that a reader finds out
// whether what it has read is still what the log says.
#include "broker/handlers/apis.h"
#include "broker/handlers/partitions.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/offset_for_leader_epoch.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using net::OffsetForLeaderEpochRequest;
using net::OffsetForLeaderEpochResponse;
using EpochAnswer = OffsetForLeaderEpochResponse::EpochEndOffset;
using End = std::optional<log::LeaderEpochs::End>;

void fill(Fiber& f, Call& call, const metadata::Topic* topic,
          const OffsetForLeaderEpochRequest::OffsetForLeaderPartition& wanted, EpochAnswer& answer) {
  answer.partition = wanted.partition;
  const auto key = find_partition(topic, wanted.partition);
  if (!key) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
    return;
  }
  const auto found = at_partition(f, call, *key, [&](Fiber&, replication::Partition& partition) -> Result<End> {
    TRY(partition.check_epoch(wanted.current_leader_epoch));
    return partition.log().epochs().end_of(wanted.leader_epoch, partition.log().written_end());
  });
  if (!found) {
    answer.error_code = wire_code(found.error());
  } else if (*found) {
    answer.leader_epoch = (*found)->epoch;
    answer.end_offset = (*found)->end;
  }
}

OffsetForLeaderEpochResponse respond(Fiber& f, Call& call, const OffsetForLeaderEpochRequest& request) {
  OffsetForLeaderEpochResponse response;
  const metadata::ImageRef image = call.image();
  response.topics = call.arena->list<OffsetForLeaderEpochResponse::OffsetForLeaderTopicResult>(request.topics.size());
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto& wanted = request.topics[t];
    response.topics[t].topic = wanted.topic;
    response.topics[t].partitions = call.arena->list<EpochAnswer>(wanted.partitions.size());
    const metadata::Topic* topic = image->find_topic(wanted.topic);
    for (std::size_t p = 0; p < wanted.partitions.size(); ++p)
      fill(f, call, topic, wanted.partitions[p], response.topics[t].partitions[p]);
  }
  return response;
}

}  // namespace

void handle_offset_for_leader_epoch(Fiber& f, Call& call) { answer<OffsetForLeaderEpochRequest>(f, call, respond); }

}  // namespace broker::handlers
