// LeaveGroup v0-5. v3: many members, also by instance id alone. v4: flexible. v5: reason.
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/leave_group.h"

namespace broker::handlers {
namespace {

using net::ErrorCode;
using net::LeaveGroupRequest;
using net::LeaveGroupResponse;

LeaveGroupResponse respond(kernel::Fiber& f, Call& call, const LeaveGroupRequest& request) {
  std::vector<coordinators::group::Leaving> leaving;
  if (call.version() < 3) leaving.push_back({request.member_id, std::nullopt});
  for (const auto& member : request.members) leaving.push_back({member.member_id, member.group_instance_id});
  const auto reply = at_group(f, call, request.group_id, [&](kernel::Fiber& there, GroupCoordinator& groups) {
    return groups.leave(there, request.group_id, leaving);
  });
  LeaveGroupResponse response;
  response.error_code = reply ? reply->error : ErrorCode::not_coordinator;
  if (response.error_code != ErrorCode::none) return response;
  if (call.version() < 3) {
    response.error_code = reply->members.front();
    return response;
  }
  response.members = call.arena->list<LeaveGroupResponse::MemberResponse>(leaving.size());
  for (std::size_t i = 0; i < leaving.size(); ++i) {
    response.members[i].member_id = leaving[i].member_id;
    response.members[i].group_instance_id = leaving[i].instance_id;
    response.members[i].error_code = reply->members[i];
  }
  return response;
}

}  // namespace

void handle_leave_group(kernel::Fiber& f, Call& call) { answer<LeaveGroupRequest>(f, call, respond); }

}  // namespace broker::handlers
