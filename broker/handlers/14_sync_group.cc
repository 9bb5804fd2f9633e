// SyncGroup v0-5. v3: static members. v4: flexible. v5: protocol type and name, which are then needed.
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/sync_group.h"

namespace broker::handlers {
namespace {

using coordinators::group::SyncReply;
using coordinators::group::SyncRequest;
using net::ErrorCode;

SyncRequest wish_of(const net::SyncGroupRequest& request) {
  SyncRequest wish;
  wish.group_id = request.group_id;
  wish.generation = request.generation_id;
  wish.member_id = request.member_id;
  if (request.group_instance_id) wish.instance_id = *request.group_instance_id;
  if (request.protocol_type) wish.protocol_type = *request.protocol_type;
  if (request.protocol_name) wish.protocol = *request.protocol_name;
  for (const auto& one : request.assignments)
    wish.assignments.emplace_back(std::string{one.member_id}, kernel::Buffer::copy_of(one.assignment));
  return wish;
}

SyncReply ask(kernel::Fiber& f, Call& call, const net::SyncGroupRequest& request) {
  if (call.version() >= 5 && (!request.protocol_type || !request.protocol_name))
    return {.error = ErrorCode::inconsistent_group_protocol};
  SyncRequest wish = wish_of(request);
  call.let_go_of_request();
  const std::string group_id = wish.group_id;
  auto reply = at_group(f, call, group_id, [&](kernel::Fiber& there, GroupCoordinator& groups) {
    return groups.sync(there, std::move(wish));
  });
  return reply ? std::move(*reply) : SyncReply{.error = ErrorCode::not_coordinator};
}

}  // namespace

void handle_sync_group(kernel::Fiber& f, Call& call) {
  const auto request = net::decode<net::SyncGroupRequest>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  const SyncReply reply = ask(f, call, *request);
  net::SyncGroupResponse response;
  response.error_code = reply.error;
  response.protocol_type.reset();
  response.protocol_name.reset();
  if (reply.protocol_type) response.protocol_type = *reply.protocol_type;
  if (reply.protocol) response.protocol_name = *reply.protocol;
  response.assignment = reply.assignment.view();
  call.reply(f, response);
}

}  // namespace broker::handlers
