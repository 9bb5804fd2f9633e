#include "clients/admin/groups.h"

#include "net/messages/delete_groups.h"
#include "net/messages/describe_groups.h"
#include "net/messages/list_groups.h"

namespace clients::admin {

using core::Coordinator;
using core::Reason;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;

namespace {

constexpr std::int16_t kListStatesFirst = 4;

Result<> list_of(Fiber& f, core::Cluster& cluster, net::BrokerId broker, const std::vector<std::string>& states,
                 std::map<std::string, GroupListing>& out) {
  core::Backoff backoff{cluster.config().retry_backoff, cluster.config().retry_backoff_max};
  kernel::Random random = cluster.random("list_groups");
  const kernel::Mono due = kernel::saturating_add(f.now(), cluster.config().default_api_timeout);
  for (;;) {
    const auto connection = TRY(cluster.connection(f, broker));
    const std::int16_t version =
        TRY(connection->pick_version(net::ApiKey::list_groups, net::ListGroupsRequest::kVersions, {}));
    net::Arena arena;
    net::ListGroupsRequest request;
    for (const std::string& state : states) {
      if (version >= kListStatesFirst) arena.push_back(request.states_filter, std::string_view{state});
    }
    core::Exchange exchange = TRY(connection->start(f, request, {.first = version, .last = version}));
    const auto answer = TRY(exchange.await<net::ListGroupsResponse>(f, cluster.config().request_timeout));
    if (answer->error_code == ErrorCode::none) {
      for (const auto& one : answer->groups) {
        out[std::string{one.group_id}] = {std::string{one.group_id}, std::string{one.group_state},
                                          std::string{one.protocol_type}, std::string{one.group_type}};
      }
      return {};
    }
    if (!net::facts(answer->error_code).retriable || f.now() >= due) return core::fail_code(answer->error_code);
    TRY(f.sleep(backoff.next(random)));
  }
}

GroupMember member_of(const net::DescribeGroupsResponse::DescribedGroupMember& from) {
  GroupMember member{std::string{from.member_id}, {}, std::string{from.client_id}, std::string{from.client_host}, {}};
  if (from.group_instance_id) member.instance_id.emplace(*from.group_instance_id);
  if (auto partitions = group::parse_assignment(from.member_assignment)) member.assigned = std::move(*partitions);
  return member;
}

}  // namespace

Result<std::vector<GroupListing>> list_groups(Fiber& f, core::Cluster& cluster, const std::vector<std::string>& states) {
  TRY(cluster.refresh(f));
  std::vector<net::BrokerId> brokers;
  for (const auto& [id, address] : cluster.metadata().brokers()) brokers.push_back(id);
  std::map<std::string, GroupListing> found;
  for (const net::BrokerId broker : brokers) TRY(list_of(f, cluster, broker, states, found));
  std::vector<GroupListing> out;
  for (auto& [id, one] : found) out.push_back(std::move(one));
  return out;
}

Result<GroupDescription> describe_group(Fiber& f, const ClusterRef& cluster, const std::string& id) {
  Coordinator coordinator{cluster, id};
  net::Arena arena;
  const auto make = [&](std::int16_t) {
    net::DescribeGroupsRequest request;
    arena.push_back(request.groups, std::string_view{id});
    return request;
  };
  const auto code_of = [](const net::DescribeGroupsResponse& got) {
    return got.groups.size() == 1 ? got.groups[0].error_code : ErrorCode::unknown_server_error;
  };
  const auto answer = TRY(coordinator.ask<net::DescribeGroupsRequest>(f, make, code_of));
  if (answer->groups.size() != 1) return fail(Reason::malformed_answer);
  const auto& from = answer->groups[0];
  GroupDescription out;
  out.name = id;
  out.code = from.error_code;
  out.message = from.error_message.value_or("");
  out.state = from.group_state;
  out.protocol_type = from.protocol_type;
  out.protocol = from.protocol_data;
  out.coordinator = TRY(coordinator.find(f));
  for (const auto& member : from.members) {
    out.members.push_back(member_of(member));
    if (out.protocol_type != group::kProtocolType) out.members.back().assigned.clear();
  }
  return out;
}

Result<Verdict> delete_group(Fiber& f, const ClusterRef& cluster, const std::string& id) {
  Coordinator coordinator{cluster, id};
  net::Arena arena;
  const auto make = [&](std::int16_t) {
    net::DeleteGroupsRequest request;
    arena.push_back(request.groups_names, std::string_view{id});
    return request;
  };
  const auto code_of = [](const net::DeleteGroupsResponse& got) {
    return got.results.size() == 1 ? got.results[0].error_code : ErrorCode::unknown_server_error;
  };
  const auto answer = TRY(coordinator.ask<net::DeleteGroupsRequest>(f, make, code_of));
  if (answer->results.size() != 1) return fail(Reason::malformed_answer);
  return Verdict{id, answer->results[0].error_code, std::string{answer->results[0].error_message.value_or("")}};
}

Result<Offsets> list_group_offsets(Fiber& f, const ClusterRef& cluster, const std::string& id) {
  Coordinator coordinator{cluster, id};
  return group::fetch_offsets(f, coordinator, std::nullopt);
}

Result<group::Verdicts> alter_group_offsets(Fiber& f, const ClusterRef& cluster, const std::string& id,
                                            const Offsets& offsets) {
  Coordinator coordinator{cluster, id};
  return group::commit_offsets(f, coordinator, {}, offsets);
}

Result<group::Verdicts> delete_group_offsets(Fiber& f, const ClusterRef& cluster, const std::string& id,
                                             const Partitions& partitions) {
  Coordinator coordinator{cluster, id};
  return group::delete_offsets(f, coordinator, partitions);
}

}  // namespace clients::admin
