// DeleteRecords v0-2. v2: flexible. The log start moves durably; whole segments below it go, and nothing below it is
// read any more.
#include "broker/coordinators/placement.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/partitions.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/delete_records.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::DeleteRecordsRequest;
using net::DeleteRecordsResponse;
using net::ErrorCode;
using DeletedRecords = DeleteRecordsResponse::DeleteRecordsPartitionResult;

constexpr std::int64_t kNoWatermark = -1;

void fill(Fiber& f, Call& call, const metadata::Topic* topic, const DeleteRecordsRequest::DeleteRecordsPartition& wanted,
          DeletedRecords& answer) {
  const auto refuse = [&](ErrorCode code) {
    answer.error_code = code;
    answer.low_watermark = kNoWatermark;
  };
  answer.partition_index = wanted.partition_index;
  const auto key = find_partition(topic, wanted.partition_index);
  if (!key) return refuse(ErrorCode::unknown_topic_or_partition);
  if (coordinators::is_internal_topic(topic->name)) return refuse(ErrorCode::invalid_topic_exception);
  const config::TopicConfig& rules = call.shard.topic_config(*topic);
  if (rules.compacts && !rules.deletes) return refuse(ErrorCode::policy_violation);
  const auto moved = at_partition(f, call, *key, [&](Fiber& there, replication::Partition& partition) {
    return partition.delete_records(there, wanted.offset);
  });
  if (!moved) return refuse(wire_code(moved.error()));
  answer.low_watermark = moved->raw();
}

DeleteRecordsResponse respond(Fiber& f, Call& call, const DeleteRecordsRequest& request) {
  DeleteRecordsResponse response;
  const metadata::ImageRef image = call.image();
  const auto within = f.deadline_in(std::chrono::milliseconds{std::max(request.timeout_ms, 0)});
  response.topics = call.arena->list<DeleteRecordsResponse::DeleteRecordsTopicResult>(request.topics.size());
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto& wanted = request.topics[t];
    response.topics[t].name = wanted.name;
    response.topics[t].partitions = call.arena->list<DeletedRecords>(wanted.partitions.size());
    const metadata::Topic* topic = image->find_topic(wanted.name);
    for (std::size_t p = 0; p < wanted.partitions.size(); ++p)
      fill(f, call, topic, wanted.partitions[p], response.topics[t].partitions[p]);
  }
  return response;
}

}  // namespace

void handle_delete_records(Fiber& f, Call& call) { answer<DeleteRecordsRequest>(f, call, respond); }

}  // namespace broker::handlers
