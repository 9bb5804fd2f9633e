// DescribeCluster v0-2. v1: endpoint type. v2: fenced brokers.
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/operations.h"
#include "net/messages/describe_cluster.h"

namespace broker::handlers {
namespace {

using net::DescribeClusterRequest;
using net::DescribeClusterResponse;
using net::ErrorCode;

constexpr std::int8_t kBrokers = 1, kControllers = 2;

DescribeClusterResponse respond(kernel::Fiber&, Call& call, const DescribeClusterRequest& request) {
  DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != kBrokers) {
    const bool known = request.endpoint_type == kControllers;
    response.error_code = known ? ErrorCode::mismatched_endpoint_type : ErrorCode::unsupported_endpoint_type;
    response.error_message = known ? "this is a broker listener; controllers are asked at theirs"
                                   : "unknown endpoint type";
    return response;
  }
  net::Arena& arena = *call.arena;
  response.cluster_id = call.broker().cluster_id();
  response.controller_id = call.broker().id();
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kClusterOperations;
  for (const auto& [id, broker] : call.image()->brokers) {
    if (broker.fenced && !request.include_fenced_brokers) continue;
    for (const metadata::Endpoint& endpoint : broker.endpoints) {
      if (endpoint.listener != call.slot.connection()->listener()) continue;
      auto& out = arena.push_back(
          response.brokers, {.broker_id = id, .host = arena.copy(endpoint.host), .port = endpoint.port});
      if (!broker.rack.empty()) out.rack = arena.copy(broker.rack);
      out.is_fenced = broker.fenced;
    }
  }
  return response;
}

}  // namespace

void handle_describe_cluster(kernel::Fiber& f, Call& call) { answer<DescribeClusterRequest>(f, call, respond); }

}  // namespace broker::handlers
