// FindCoordinator v0-6. v1: key type. v4: many keys. v6: share groups. This cluster has no coordinator of any kind, and
// says so as Kafka does while its own are not there: COORDINATOR_NOT_AVAILABLE. It is served all the same because
// librdkafka takes it for the sign that a broker knows lz4, and drops that codec silently otherwise.
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "net/messages/find_coordinator.h"

namespace broker::handlers {
namespace {

using net::ErrorCode;
using net::FindCoordinatorRequest;
using net::FindCoordinatorResponse;

constexpr std::int8_t kGroup = 0, kTransaction = 1, kShare = 2;
constexpr net::BrokerId kNobody{-1};
constexpr std::int32_t kNoPort = -1;

struct Found {
  ErrorCode error;
  std::string_view message;
};

Found find(std::int8_t key_type, std::int16_t version) {
  switch (key_type) {
    case kGroup: return {ErrorCode::coordinator_not_available, "groups are not coordinated here"};
    case kTransaction: return {ErrorCode::coordinator_not_available, "transactions are not coordinated here"};
    case kShare:
      if (version >= 6) return {ErrorCode::coordinator_not_available, "share groups are not coordinated here"};
      return {ErrorCode::invalid_request, "share groups need FindCoordinator version 6 or later"};
    default: return {ErrorCode::invalid_request, "there is no coordinator of that type"};
  }
}

FindCoordinatorResponse respond(kernel::Fiber&, Call& call, const FindCoordinatorRequest& request) {
  FindCoordinatorResponse response;
  const Found found = find(request.key_type, call.version());
  if (call.version() < 4) {
    response.error_code = found.error;
    response.error_message = found.message;
    response.node_id = kNobody;
    response.port = kNoPort;
    return response;
  }
  response.coordinators =
      call.arena->list<FindCoordinatorResponse::Coordinator>(request.coordinator_keys.size());
  for (std::size_t i = 0; i < request.coordinator_keys.size(); ++i) {
    response.coordinators[i] = {.key = request.coordinator_keys[i],
                                .node_id = kNobody,
                                .port = kNoPort,
                                .error_code = found.error,
                                .error_message = found.message};
  }
  return response;
}

}  // namespace

void handle_find_coordinator(kernel::Fiber& f, Call& call) { answer<FindCoordinatorRequest, respond>(f, call); }

}  // namespace broker::handlers
