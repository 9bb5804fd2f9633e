// OffsetCommit v2-10. v2-4: retention of its own. v6: leader epochs. v7: static members. v8: flexible. v9: a group that
// is not there is said so. v10: topics by id.
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/offset_commit.h"

namespace broker::handlers {
namespace {

using coordinators::group::CommitPartition;
using coordinators::group::CommitRequest;
using net::ErrorCode;
using net::OffsetCommitRequest;
using net::OffsetCommitResponse;

OffsetCommitResponse respond(kernel::Fiber& f, Call& call, const OffsetCommitRequest& request) {
  CommitRequest wish{.group_id = request.group_id,
                     .member_id = request.member_id,
                     .instance_id = request.group_instance_id,
                     .generation = request.generation_id_or_member_epoch,
                     .retention_ms = request.retention_time_ms,
                     .says_group_not_found = call.version() >= 9,
                     .partitions = {}};
  const metadata::ImageRef image = call.image();  // names point into it
  for (const auto& topic : request.topics) {
    const metadata::Topic* known =
        call.version() >= 10 ? image->find_topic(topic.topic_id) : image->find_topic(topic.name);
    for (const auto& partition : topic.partitions) {
      CommitPartition& one = wish.partitions.emplace_back();
      one.partition = partition.partition_index;
      one.offset = partition.committed_offset;
      one.leader_epoch = partition.committed_leader_epoch;
      one.metadata = partition.committed_metadata.value_or("");
      if (known == nullptr) {
        one.error = call.version() >= 10 ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
        continue;
      }
      one.topic = known->name;
      one.topic_id = known->id;
      const std::int32_t index = partition.partition_index.raw();
      if (index < 0 || static_cast<std::size_t>(index) >= known->partitions.size())
        one.error = ErrorCode::unknown_topic_or_partition;
    }
  }
  const auto reached = at_group(f, call, request.group_id, [&](kernel::Fiber& there, GroupCoordinator& groups) {
    groups.commit(there, wish);
    return true;
  });
  OffsetCommitResponse response;
  net::Arena& arena = *call.arena;
  response.topics = arena.list<OffsetCommitResponse::OffsetCommitResponseTopic>(request.topics.size());
  std::size_t next = 0;
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    auto& answer = response.topics[t];
    answer.name = request.topics[t].name;
    answer.topic_id = request.topics[t].topic_id;
    for (const auto& partition : request.topics[t].partitions) {
      const ErrorCode error = wish.partitions[next++].error;
      arena.push_back(answer.partitions,
                      {.partition_index = partition.partition_index,
                       .error_code = reached || error != ErrorCode::none ? error : ErrorCode::not_coordinator});
    }
  }
  return response;
}

}  // namespace

void handle_offset_commit(kernel::Fiber& f, Call& call) { answer<OffsetCommitRequest>(f, call, respond); }

}  // namespace broker::handlers
