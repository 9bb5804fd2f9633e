// Heartbeat v0-4. v3: static members. v4: flexible.
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/heartbeat.h"

namespace broker::handlers {
namespace {

net::HeartbeatResponse respond(kernel::Fiber& f, Call& call, const net::HeartbeatRequest& request) {
  const auto code = at_group(f, call, request.group_id, [&](kernel::Fiber& there, GroupCoordinator& groups) {
    return groups.heartbeat(there, {.group_id = request.group_id,
                                    .generation = request.generation_id,
                                    .member_id = request.member_id,
                                    .instance_id = request.group_instance_id});
  });
  net::HeartbeatResponse response;
  response.error_code = code.value_or(net::ErrorCode::not_coordinator);
  return response;
}

}  // namespace

void handle_heartbeat(kernel::Fiber& f, Call& call) { answer<net::HeartbeatRequest>(f, call, respond); }

}  // namespace broker::handlers
