// JoinGroup v0-9. v1: rebalance timeout. v4: a new member is told its id first (KIP-394). v5: static members (KIP-345).
// v6: flexible. v7: protocol type. v8: reason. v9: skip_assignment (KIP-814).
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/join_group.h"

namespace broker::handlers {
namespace {

using coordinators::group::JoinReply;
using coordinators::group::JoinRequest;
using kernel::Fiber;
using net::JoinGroupRequest;
using net::JoinGroupResponse;

JoinRequest wish_of(const Call& call, const JoinGroupRequest& request) {
  JoinRequest wish;
  wish.group_id = request.group_id;
  wish.member_id = request.member_id;
  if (request.group_instance_id) wish.instance_id = *request.group_instance_id;
  wish.client_id = call.header.client_id.value_or("");
  wish.client_host = "/" + call.slot.connection()->peer().address;
  wish.protocol_type = request.protocol_type;
  for (const auto& protocol : request.protocols)
    wish.protocols.push_back({std::string{protocol.name}, kernel::Buffer::copy_of(protocol.metadata)});
  wish.session_timeout_ms = request.session_timeout_ms;
  wish.rebalance_timeout_ms = call.version() == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
  wish.requires_known_id = call.version() >= 4;
  wish.may_skip_assignment = call.version() >= 9;
  return wish;
}

}  // namespace

void handle_join_group(Fiber& f, Call& call) {
  const auto request = net::decode<JoinGroupRequest>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  JoinRequest wish = wish_of(call, *request);
  call.let_go_of_request();
  const std::string group_id = wish.group_id;
  const auto asked = at_group(f, call, group_id, [&](Fiber& there, GroupCoordinator& groups) {
    return groups.join(there, std::move(wish));
  });
  const JoinReply reply = asked ? *asked : JoinReply{.error = net::ErrorCode::not_coordinator};
  JoinGroupResponse response;
  response.error_code = reply.error;
  response.generation_id = reply.generation;
  response.protocol_type.reset();
  response.protocol_name.reset();
  if (reply.protocol_type) response.protocol_type = *reply.protocol_type;
  if (reply.protocol) response.protocol_name = *reply.protocol;
  else if (call.version() < 7) response.protocol_name = "";
  response.leader = reply.leader;
  response.skip_assignment = reply.skip_assignment;
  response.member_id = reply.member_id;
  response.members = call.arena->list<JoinGroupResponse::JoinGroupResponseMember>(reply.members.size());
  for (std::size_t i = 0; i < reply.members.size(); ++i) {
    auto& out = response.members[i];
    out.member_id = reply.members[i].id;
    out.group_instance_id.reset();
    if (reply.members[i].instance_id) out.group_instance_id = *reply.members[i].instance_id;
    out.metadata = reply.members[i].metadata.view();
  }
  call.reply(f, response);
}

}  // namespace broker::handlers
