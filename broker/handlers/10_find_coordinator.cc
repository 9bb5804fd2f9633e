// FindCoordinator v0-6. v1: key type. v4: many keys. v6: share groups. The topic of groups is made when the first one is
// looked for. Transactions and share groups have no coordinator: COORDINATOR_NOT_AVAILABLE, as Kafka says while its own
// are not there.
#include "broker/coordinators/internal_topic.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/find_coordinator.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::ErrorCode;
using net::FindCoordinatorRequest;
using net::FindCoordinatorResponse;
using Coordinator = FindCoordinatorResponse::Coordinator;

constexpr std::int8_t kGroup = 0, kTransaction = 1, kShare = 2;

Coordinator nobody(std::string_view key, ErrorCode error, std::string_view message) {
  return {.key = key, .node_id = net::kBrokerIdNone, .port = -1, .error_code = error, .error_message = message};
}

Coordinator find_group(Fiber& f, Call& call, std::string_view key) {
  if (!partition_of_group(call, key)) {
    const controller::NewTopic topic = coordinators::offsets_topic(call.shard.config().groups);
    const auto made = call.broker().create_topics(f, {&topic, 1}, /*validate_only=*/false);
    if (!made) f.log().warn("offsets_topic_not_made", {{"error", made.error()}});
    else if (made->front().code != ErrorCode::none && made->front().code != ErrorCode::topic_already_exists)
      f.log().warn("offsets_topic_not_made", {{"why", made->front().message}});
  }
  const auto partition = partition_of_group(call, key);
  if (!partition)
    return nobody(key, ErrorCode::coordinator_not_available, "the topic of groups is not there yet");
  const metadata::ImageRef image = call.image();
  const metadata::Topic& topic = *image->find_topic(coordinators::kOffsetsTopic);
  const auto leader = image->brokers.find(topic.partitions[static_cast<std::size_t>(partition->raw())].leader);
  if (leader != image->brokers.end()) {
    for (const metadata::Endpoint& endpoint : leader->second.endpoints) {
      if (endpoint.listener != call.slot.connection()->listener()) continue;
      return {.key = key, .node_id = leader->first, .host = call.arena->copy(endpoint.host), .port = endpoint.port};
    }
  }
  return nobody(key, ErrorCode::coordinator_not_available, "the partition of the group has no leader");
}

Coordinator find(Fiber& f, Call& call, std::int8_t key_type, std::string_view key) {
  switch (key_type) {
    case kGroup: return find_group(f, call, key);
    case kTransaction:
      return nobody(key, ErrorCode::coordinator_not_available, "transactions are not coordinated here");
    case kShare:
      if (call.version() >= 6)
        return nobody(key, ErrorCode::coordinator_not_available, "share groups are not coordinated here");
      return nobody(key, ErrorCode::invalid_request, "share groups need FindCoordinator version 6 or later");
    default: return nobody(key, ErrorCode::invalid_request, "there is no coordinator of that type");
  }
}

FindCoordinatorResponse respond(Fiber& f, Call& call, const FindCoordinatorRequest& request) {
  FindCoordinatorResponse response;
  if (call.version() < 4) {
    const Coordinator found = find(f, call, request.key_type, request.key);
    response.error_code = found.error_code;
    response.error_message = found.error_message;
    response.node_id = found.node_id;
    response.host = found.host;
    response.port = found.port;
    return response;
  }
  response.coordinators = call.arena->list<Coordinator>(request.coordinator_keys.size());
  for (std::size_t i = 0; i < request.coordinator_keys.size(); ++i)
    response.coordinators[i] = find(f, call, request.key_type, request.coordinator_keys[i]);
  return response;
}

}  // namespace

void handle_find_coordinator(Fiber& f, Call& call) { answer<FindCoordinatorRequest>(f, call, respond); }

}  // namespace broker::handlers
