// DescribeTopicPartitions v0. Topics by name, a bounded number of partitions at a time; the cursor says where to go on.
#include <set>

#include "broker/controller/topic_names.h"
#include "broker/coordinators/placement.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/operations.h"
#include "net/messages/describe_topic_partitions.h"

namespace broker::handlers {
namespace {

using net::DescribeTopicPartitionsRequest;
using net::DescribeTopicPartitionsResponse;
using net::ErrorCode;
using DescribedTopic = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;
using DescribedPartition = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponsePartition;

DescribedPartition told(const metadata::Partition& partition, std::size_t index, const metadata::Image& image,
                     net::Arena& arena) {
  DescribedPartition out;
  out.partition_index = net::PartitionId{static_cast<std::int32_t>(index)};
  out.leader_id = partition.leader;
  out.leader_epoch = partition.leader_epoch;
  out.replica_nodes = arena.copy(partition.replicas);
  out.isr_nodes = arena.copy(partition.isr);
  out.eligible_leader_replicas = arena.copy(partition.eligible_leader_replicas);
  out.last_known_elr = arena.copy(partition.last_known_leaders);
  for (const net::BrokerId replica : partition.replicas) {
    if (!metadata::is_online(image, partition, replica)) arena.push_back(out.offline_replicas, replica);
  }
  if (partition.leader == net::kBrokerIdNone) out.error_code = ErrorCode::leader_not_available;
  return out;
}

/// What is described, in order. Without names: all topics, and none of them is told as missing.
std::set<std::string> names_of(const metadata::Image& image, const DescribeTopicPartitionsRequest& request) {
  std::set<std::string> names;
  for (const auto& topic : request.topics) names.insert(std::string{topic.name});
  if (request.topics.empty())
    for (const auto& [name, topic] : image.topics) names.insert(name);
  if (request.cursor) names.erase(names.begin(), names.lower_bound(std::string{request.cursor->topic_name}));
  return names;
}

bool is_possible(const DescribeTopicPartitionsRequest& request, const std::set<std::string>& names) {
  if (!request.cursor) return true;
  const bool named = request.topics.empty() || names.contains(std::string{request.cursor->topic_name});
  return named && request.cursor->partition_index.raw() >= 0;
}

DescribeTopicPartitionsResponse respond(kernel::Fiber&, Call& call, const DescribeTopicPartitionsRequest& request) {
  DescribeTopicPartitionsResponse response;
  net::Arena& arena = *call.arena;
  const metadata::ImageRef image = call.image();
  const std::set<std::string> names = names_of(*image, request);
  if (!is_possible(request, names)) {
    for (const auto& topic : request.topics)
      arena.push_back(response.topics, {.error_code = ErrorCode::invalid_request, .name = topic.name});
    return response;
  }
  auto left = static_cast<std::size_t>(
      std::max(std::min(request.response_partition_limit, call.shard.config().describe_partitions_max), 1));
  const auto go_on_at = [&](std::string_view name, std::size_t index) {
    response.next_cursor.emplace();
    response.next_cursor->topic_name = arena.copy(name);
    response.next_cursor->partition_index = net::PartitionId{static_cast<std::int32_t>(index)};
  };
  for (const std::string& name : names) {
    const metadata::Topic* topic = image->find_topic(name);
    if (topic != nullptr && left == 0) {
      go_on_at(name, 0);
      break;
    }
    if (topic == nullptr && request.topics.empty()) continue;
    DescribedTopic& answer = arena.push_back(response.topics, {.name = arena.copy(name)});
    answer.is_internal = coordinators::is_internal_topic(name);
    if (topic == nullptr) {
      answer.error_code = controller::check_topic_name(name) ? ErrorCode::invalid_topic_exception
                                                             : ErrorCode::unknown_topic_or_partition;
      continue;
    }
    answer.topic_id = topic->id;
    answer.topic_authorized_operations = kTopicOperations;
    const bool resumed = request.cursor && request.cursor->topic_name == name;
    std::size_t index = resumed ? static_cast<std::size_t>(request.cursor->partition_index.raw()) : 0;
    for (; index < topic->partitions.size() && left > 0; ++index, --left)
      arena.push_back(answer.partitions, told(topic->partitions[index], index, *image, arena));
    if (index < topic->partitions.size()) {
      go_on_at(name, index);
      break;
    }
  }
  return response;
}

}  // namespace

void handle_describe_topic_partitions(kernel::Fiber& f, Call& call) {
  answer<DescribeTopicPartitionsRequest>(f, call, respond);
}

}  // namespace broker::handlers
