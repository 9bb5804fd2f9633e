// The way of a request to the coordinator of its group, which may live on another shard.
//
//   const auto reply = at_group(f, call, request.group_id, [&](Fiber& there, GroupCoordinator& groups) {
//     return groups.join(there, wish);
//   });
//   if (!reply) ...NOT_COORDINATOR
#pragma once

#include <optional>
#include <string_view>

#include "broker/coordinators/placement.h"
#include "broker/handlers/call.h"
#include "kernel/shard.h"

namespace broker::handlers {

using coordinators::group::GroupCoordinator;

/// Which partition of __consumer_offsets has the group; nothing while that topic is not there.
inline std::optional<net::PartitionId> partition_of_group(const Call& call, std::string_view group_id) {
  const metadata::Topic* topic = call.image()->find_topic(coordinators::kOffsetsTopic);
  if (topic == nullptr || topic->partitions.empty()) return std::nullopt;
  return coordinators::partition_for(group_id, static_cast<std::int32_t>(topic->partitions.size()));
}

/// What `ask` answers on the coordinator's shard; nothing when the group is not coordinated here. Suspends.
template <class Ask>
auto at_group(kernel::Fiber& f, Call& call, std::string_view group_id, Ask&& ask)
    -> std::optional<std::invoke_result_t<Ask&, kernel::Fiber&, GroupCoordinator&>> {
  const auto partition = partition_of_group(call, group_id);
  if (!partition) return std::nullopt;
  BrokerShard& home = call.broker().home_of({call.image()->find_topic(coordinators::kOffsetsTopic)->id, *partition});
  using Reply = std::optional<std::invoke_result_t<Ask&, kernel::Fiber&, GroupCoordinator&>>;
  return kernel::call_on(f, home.shard(), [&](kernel::Fiber& there) -> Reply {
    const auto groups = home.coordinators.groups(*partition);
    if (groups == nullptr) return std::nullopt;
    return ask(there, *groups);
  });
}

/// Bits of what an operator of an unsecured broker may do with a group. Source: AclOperation codes.
inline constexpr std::int32_t kGroupOperations = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

}  // namespace broker::handlers
