// Questions about groups that need no membership.
#include "net/messages/describe_groups.h"
#include "net/messages/offset_commit.h"
#include "net/messages/offset_fetch.h"
#include "scenarios/workloads/group.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using namespace std::chrono_literals;

Result<GroupState> describe_group(Fiber& f, Cluster& cluster, std::string_view group) {
  net::Arena arena;
  net::DescribeGroupsRequest request;
  arena.push_back(request.groups, group);
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s}));
  if (answer->groups.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  const auto& told = answer->groups[0];
  if (told.error_code != ErrorCode::none) return clients::core::fail_code(told.error_code);
  return GroupState{std::string{told.group_state}, told.members.size()};
}

Result<std::vector<CommittedOffset>> committed_offsets(Fiber& f, Cluster& cluster, std::string_view group,
                                                       std::string_view topic, const std::vector<std::int32_t>& partitions) {
  net::Arena arena;
  net::OffsetFetchRequest request;
  auto& wanted = arena.push_back(request.groups, {.group_id = group});
  auto& out = arena.push_back(wanted.topics.emplace(), {.name = topic});
  for (const std::int32_t one : partitions) arena.push_back(out.partition_indexes, net::PartitionId{one});
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s, .versions = {.first = 8, .last = 9}}));
  if (answer->groups.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  const auto& told = answer->groups[0];
  if (told.error_code != ErrorCode::none) return clients::core::fail_code(told.error_code);
  if (told.topics.empty() || told.topics[0].partitions.size() != partitions.size()) return kernel::fail(clients::core::Reason::malformed_answer);
  std::vector<CommittedOffset> offsets(partitions.size());
  for (const auto& one : told.topics[0].partitions) {
    if (one.error_code != ErrorCode::none) return clients::core::fail_code(one.error_code);
    const auto at = std::ranges::find(partitions, one.partition_index.raw());
    if (at == partitions.end()) return kernel::fail(clients::core::Reason::malformed_answer);
    offsets[static_cast<std::size_t>(at - partitions.begin())] = {one.committed_offset, std::string{one.metadata.value_or("")}};
  }
  return offsets;
}

Result<> commit_offset(Fiber& f, Cluster& cluster, std::string_view group, std::string_view member_id,
                       std::optional<std::string_view> instance_id, std::int32_t generation, std::string_view topic,
                       std::int32_t partition, const CommittedOffset& value) {
  net::Arena arena;
  net::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = generation;
  request.member_id = member_id;
  request.group_instance_id = instance_id;
  auto& out = arena.push_back(request.topics, {.name = topic});
  arena.push_back(out.partitions, {.partition_index = net::PartitionId{partition}, .committed_offset = value.offset,
                                   .committed_metadata = value.metadata});
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s, .versions = {.first = 7, .last = 9}}));
  if (answer->topics.empty() || answer->topics[0].partitions.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  const ErrorCode code = answer->topics[0].partitions[0].error_code;
  if (code != ErrorCode::none) return clients::core::fail_code(code);
  return {};
}

}  // namespace scenarios
