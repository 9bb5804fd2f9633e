// Metadata v0-13. v0: an empty list means all topics; v1+: null does. v4: auto creation. v8: authorized operations.
// v9: flexible. v10: topic ids. v12: by id with a null name. v13: top-level error.
#include <set>

#include "broker/controller/topic_names.h"
#include "broker/coordinators/placement.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/operations.h"
#include "net/messages/metadata.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::ErrorCode;
using net::MetadataRequest;
using net::MetadataResponse;
using TopicAnswer = MetadataResponse::MetadataResponseTopic;

bool is_valid_name(std::string_view name) { return !controller::check_topic_name(name); }

void fill(TopicAnswer& answer, const metadata::Topic& topic, net::Arena& arena,
          const metadata::Image& image) {
  answer.name = arena.copy(topic.name);
  answer.topic_id = topic.id;
  answer.is_internal = coordinators::is_internal_topic(topic.name);
  answer.partitions = arena.list<MetadataResponse::MetadataResponsePartition>(topic.partitions.size());
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const metadata::Partition& partition = topic.partitions[i];
    auto& out = answer.partitions[i];
    out.partition_index = net::PartitionId{static_cast<std::int32_t>(i)};
    out.leader_id = partition.leader;
    out.leader_epoch = partition.leader_epoch;
    out.replica_nodes = arena.copy(partition.replicas);
    out.isr_nodes = arena.copy(partition.isr);
    for (const net::BrokerId replica : partition.replicas) {
      if (!metadata::is_online(image, partition, replica)) arena.push_back(out.offline_replicas, replica);
    }
    if (partition.leader == net::BrokerId{-1}) out.error_code = ErrorCode::leader_not_available;
  }
}

struct Wish {
  std::optional<std::string> name;
  net::TopicId id{};
  friend auto operator<=>(const Wish&, const Wish&) = default;
};

/// Topics by name that are missing and may be made.
std::vector<controller::NewTopic> to_create(const Call& call, const MetadataRequest& request,
                                            const std::vector<Wish>& wishes) {
  std::vector<controller::NewTopic> missing;
  const bool allowed = (call.version() < 4 || request.allow_auto_topic_creation) &&
                       call.shard.config().auto_create_topics;
  if (!allowed) return missing;
  for (const Wish& wish : wishes) {
    if (!wish.name || !is_valid_name(*wish.name) || call.image()->find_topic(*wish.name) != nullptr) continue;
    if (coordinators::is_internal_topic(*wish.name)) continue;
    controller::NewTopic topic;
    topic.name = *wish.name;
    missing.push_back(std::move(topic));
  }
  return missing;
}

void add_brokers(MetadataResponse& response, const Call& call, const metadata::Image& image, net::Arena& arena) {
  for (const auto& [id, broker] : image.brokers) {
    if (broker.fenced) continue;
    for (const metadata::Endpoint& endpoint : broker.endpoints) {
      if (endpoint.listener != call.slot.connection()->listener()) continue;
      auto& out = arena.push_back(response.brokers, {.node_id = id, .host = arena.copy(endpoint.host), .port = endpoint.port});
      if (!broker.rack.empty()) out.rack = arena.copy(broker.rack);
    }
  }
}

MetadataResponse respond(Fiber& f, Call& call, const MetadataRequest& request) {
  net::Arena& arena = *call.arena;
  MetadataResponse response;
  const bool all = !request.topics || (call.version() == 0 && request.topics->empty());
  std::vector<Wish> wishes;
  std::set<Wish> once;
  if (!all) {
    for (const auto& topic : *request.topics) {
      Wish wish{.id = topic.topic_id};
      if (topic.name) wish.name = std::string{*topic.name};
      // Whoever asks twice gets one answer, and no refusal for having wished for two new topics of one name.
      if (once.insert(wish).second) wishes.push_back(std::move(wish));
    }
  }
  std::map<std::string, ErrorCode> not_created;
  if (const auto missing = to_create(call, request, wishes); !missing.empty()) {
    const auto made = call.broker().create_topics(f, missing, /*validate_only=*/false);
    if (made) {
      for (const auto& topic : *made) {
        if (topic.code != ErrorCode::none && topic.code != ErrorCode::topic_already_exists) {
          not_created[topic.name] = topic.code;
        }
      }
    }
  }
  const metadata::ImageRef image = call.image();  // after the creation, which shows it to every shard
  add_brokers(response, call, *image, arena);
  response.cluster_id = call.broker().cluster_id();
  response.controller_id = call.broker().id();
  if (call.version() >= 8 && call.version() <= 10 && request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  if (all) {
    response.topics = arena.list<TopicAnswer>(image->topics.size());
    std::size_t i = 0;
    for (const auto& [name, topic] : image->topics) fill(response.topics[i++], *topic, arena, *image);
  } else {
    response.topics = arena.list<TopicAnswer>(wishes.size());
    for (std::size_t i = 0; i < wishes.size(); ++i) {
      const Wish& wish = wishes[i];
      TopicAnswer& answer = response.topics[i];
      const metadata::Topic* topic = wish.name ? image->find_topic(*wish.name) : image->find_topic(wish.id);
      if (topic != nullptr) {
        fill(answer, *topic, arena, *image);
        continue;
      }
      answer.topic_id = wish.id;
      if (wish.name) {
        answer.name = arena.copy(*wish.name);
        answer.is_internal = coordinators::is_internal_topic(*wish.name);
        const auto why = not_created.find(*wish.name);
        answer.error_code = !is_valid_name(*wish.name)      ? ErrorCode::invalid_topic_exception
                            : why != not_created.end() ? why->second
                                                       : ErrorCode::unknown_topic_or_partition;
      } else {
        answer.name.reset();
        answer.error_code = ErrorCode::unknown_topic_id;
        if (call.version() < 12) answer.name = "";
      }
    }
  }
  if (call.version() >= 8 && request.include_topic_authorized_operations) {
    for (TopicAnswer& topic : response.topics) topic.topic_authorized_operations = kTopicOperations;
  }
  return response;
}

}  // namespace

void handle_metadata(Fiber& f, Call& call) { answer<MetadataRequest>(f, call, respond); }

}  // namespace broker::handlers
