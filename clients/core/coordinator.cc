#include "clients/core/coordinator.h"

#include "net/messages/find_coordinator.h"

namespace clients::core {

using kernel::Errc;
using kernel::fail;
using kernel::Result;
using net::BrokerId;
using net::ErrorCode;

namespace {

constexpr std::int8_t kKeyTypeGroup = 0;
/// From here on many are looked for at once.
constexpr std::int16_t kFindManyFirst = 4;

}  // namespace

CoordinatorNews coordinator_news(ErrorCode code) {
  switch (code) {
    case ErrorCode::coordinator_load_in_progress: return CoordinatorNews::busy;
    case ErrorCode::coordinator_not_available:
    case ErrorCode::not_coordinator: return CoordinatorNews::moved;
    default: return CoordinatorNews::none;
  }
}

bool is_passing(const kernel::Error& error) {
  const ErrorCode code = broker_code(error);
  if (code != ErrorCode::none) return net::facts(code).retriable;
  return !error.is(Errc::cancelled) && !error.is(Errc::deadline) && !error.is(Reason::closed) &&
         !error.is(Reason::unsupported_version) && !error.is(Errc::invalid_argument);
}

Result<BrokerId> Coordinator::find(kernel::Fiber& f) {
  if (known_ != net::kBrokerIdNone) return known_;
  const auto connection = TRY(cluster_->any_connection(f));
  using Request = net::FindCoordinatorRequest;
  const std::int16_t version = TRY(connection->pick_version(Request::kApiKey, Request::kVersions, {}));
  net::Arena arena;
  Request request;
  if (version >= kFindManyFirst) arena.push_back(request.coordinator_keys, std::string_view{group_});
  else request.key = group_;
  if (version >= 1) request.key_type = kKeyTypeGroup;
  Exchange exchange = TRY(connection->start(f, request, {.first = version, .last = version}));
  const auto answer = TRY(exchange.await<net::FindCoordinatorResponse>(f, cluster_->config().request_timeout));
  net::FindCoordinatorResponse::Coordinator found;
  if (version >= kFindManyFirst) {
    if (answer->coordinators.size() != 1) return fail(Reason::malformed_answer);
    found = answer->coordinators[0];
  } else {
    found.node_id = answer->node_id;
    found.host = answer->host;
    found.port = answer->port;
    found.error_code = answer->error_code;
  }
  if (found.error_code != ErrorCode::none) return fail_code(found.error_code);
  if (found.node_id == net::kBrokerIdNone) return fail(Reason::malformed_answer);
  cluster_->learn_broker(found.node_id, {std::string{found.host}, static_cast<std::uint16_t>(found.port)});
  known_ = found.node_id;
  return known_;
}

}  // namespace clients::core
