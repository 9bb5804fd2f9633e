// ListGroups v0-5. v3: flexible. v4: states, and a filter by them. v5: types, and a filter by them. Words of filters count
// in any case; every group here is a classic one.
#include <algorithm>

#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/list_groups.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::ErrorCode;
using net::ListGroupsResponse;

constexpr std::string_view kClassic = "classic";

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool passes(const net::List<std::string_view>& filter, std::string_view word) {
  return filter.empty() || std::ranges::any_of(filter, [&](std::string_view one) { return same_word(one, word); });
}

}  // namespace

void handle_list_groups(Fiber& f, Call& call) {
  const auto request = net::decode<net::ListGroupsRequest>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  using Reply = GroupCoordinator::ListReply;
  std::deque<Reply> replies;  // the response points into it
  for (BrokerShard* shard : call.broker().shards()) {
    replies.push_back(kernel::call_on(f, shard->shard(), [&](Fiber&) {
      Reply all;
      for (const auto& groups : shard->coordinators.all_groups()) {
        Reply one = groups->list();
        if (one.error != ErrorCode::none) all.error = one.error;
        std::ranges::move(one.groups, std::back_inserter(all.groups));
      }
      return all;
    }));
  }
  ListGroupsResponse response;
  for (const Reply& reply : replies) {
    if (reply.error != ErrorCode::none) response.error_code = reply.error;
    for (const auto& group : reply.groups) {
      if (!passes(request->states_filter, group.state) || !passes(request->types_filter, kClassic)) continue;
      call.arena->push_back(response.groups, {.group_id = group.id,
                                              .protocol_type = group.protocol_type,
                                              .group_state = group.state,
                                              .group_type = kClassic});
    }
  }
  if (response.error_code != ErrorCode::none) response.groups = {};
  std::ranges::sort(response.groups, {}, &ListGroupsResponse::ListedGroup::group_id);
  call.reply(f, response);
}

}  // namespace broker::handlers
