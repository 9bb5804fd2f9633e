// DeleteGroups v0-3. v2: flexible. v3: messages. Only groups without members; their offsets go with them.
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/delete_groups.h"

namespace broker::handlers {
namespace {

using net::DeleteGroupsRequest;
using net::DeleteGroupsResponse;
using net::ErrorCode;

DeleteGroupsResponse respond(kernel::Fiber& f, Call& call, const DeleteGroupsRequest& request) {
  DeleteGroupsResponse response;
  response.results = call.arena->list<DeleteGroupsResponse::DeletableGroupResult>(request.groups_names.size());
  for (std::size_t i = 0; i < request.groups_names.size(); ++i) {
    const std::string_view id = request.groups_names[i];
    const auto code = at_group(f, call, id, [&](kernel::Fiber& there, GroupCoordinator& groups) {
      return groups.delete_group(there, id);
    });
    auto& out = response.results[i];
    out.group_id = id;
    out.error_code = code.value_or(ErrorCode::not_coordinator);
    out.error_message.reset();
    if (out.error_code != ErrorCode::none) out.error_message = call.arena->copy(net::text_of(out.error_code));
  }
  return response;
}

}  // namespace

void handle_delete_groups(kernel::Fiber& f, Call& call) { answer<DeleteGroupsRequest>(f, call, respond); }

}  // namespace broker::handlers
