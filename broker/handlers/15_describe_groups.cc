// DescribeGroups v0-6. v3: authorized operations. v4: static members. v5: flexible. v6: a group that is not there is an
// error; before that it is a dead one.
#include <fmt/format.h>

#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/describe_groups.h"

namespace broker::handlers {
namespace {

using coordinators::group::DescribedGroup;
using kernel::Fiber;
using net::DescribeGroupsResponse;
using net::ErrorCode;

void fill(DescribeGroupsResponse::DescribedGroup& out, const DescribedGroup& group, Call& call, bool tell_operations) {
  net::Arena& arena = *call.arena;
  out.error_code = group.error;
  out.error_message.reset();
  if (group.error == ErrorCode::group_id_not_found) {
    if (call.version() < 6) out.error_code = ErrorCode::none;
    else out.error_message = arena.copy(fmt::format("Group {} not found.", out.group_id));
  }
  out.group_state = group.state;
  out.protocol_type = group.protocol_type;
  out.protocol_data = group.protocol;
  if (tell_operations && call.version() >= 3) out.authorized_operations = kGroupOperations;
  for (const auto& member : group.members) {
    auto& one = arena.push_back(out.members, {.member_id = member.id});
    one.group_instance_id.reset();
    if (member.instance_id) one.group_instance_id = *member.instance_id;
    one.client_id = member.client_id;
    one.client_host = member.client_host;
    one.member_metadata = member.metadata.view();
    one.member_assignment = member.assignment.view();
  }
}

}  // namespace

void handle_describe_groups(Fiber& f, Call& call) {
  const auto request = net::decode<net::DescribeGroupsRequest>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  std::deque<DescribedGroup> described;  // the response points into it
  DescribeGroupsResponse response;
  response.groups = call.arena->list<DescribeGroupsResponse::DescribedGroup>(request->groups.size());
  for (std::size_t i = 0; i < request->groups.size(); ++i) {
    const std::string_view id = request->groups[i];
    auto reply = at_group(f, call, id, [&](Fiber&, GroupCoordinator& groups) { return groups.describe(id); });
    described.push_back(reply ? std::move(*reply) : DescribedGroup{.error = ErrorCode::not_coordinator});
    response.groups[i].group_id = id;
    fill(response.groups[i], described.back(), call, request->include_authorized_operations);
  }
  call.reply(f, response);
}

}  // namespace broker::handlers
