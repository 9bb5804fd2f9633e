// OffsetDelete v0. Offsets of topics that a member of the group reads stay.
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/offset_delete.h"

namespace broker::handlers {
namespace {

using net::ErrorCode;
using net::OffsetDeleteRequest;
using net::OffsetDeleteResponse;

bool exists(const metadata::Image& image, std::string_view name, net::PartitionId partition) {
  const metadata::Topic* topic = image.find_topic(name);
  return topic != nullptr && partition.raw() >= 0 && static_cast<std::size_t>(partition.raw()) < topic->partitions.size();
}

OffsetDeleteResponse respond(kernel::Fiber& f, Call& call, const OffsetDeleteRequest& request) {
  net::Arena& arena = *call.arena;
  std::vector<coordinators::group::TopicPartition> wanted;
  const metadata::ImageRef image = call.image();
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      if (exists(*image, topic.name, partition.partition_index))
        wanted.push_back({std::string{topic.name}, partition.partition_index});
    }
  }
  const auto reply = at_group(f, call, request.group_id, [&](kernel::Fiber& there, GroupCoordinator& groups) {
    return groups.delete_offsets(there, request.group_id, wanted);
  });
  OffsetDeleteResponse response;
  response.error_code = reply ? reply->error : ErrorCode::not_coordinator;
  if (response.error_code != ErrorCode::none) return response;
  std::size_t next = 0;
  for (const auto& topic : request.topics) {
    auto& out = arena.push_back(response.topics, {.name = topic.name});
    for (const auto& partition : topic.partitions) {
      const bool asked = exists(*image, topic.name, partition.partition_index);
      arena.push_back(out.partitions,
                      {.partition_index = partition.partition_index,
                       .error_code = asked ? reply->partitions[next++] : ErrorCode::unknown_topic_or_partition});
    }
  }
  return response;
}

}  // namespace

void handle_offset_delete(kernel::Fiber& f, Call& call) { answer<OffsetDeleteRequest>(f, call, respond); }

}  // namespace broker::handlers
