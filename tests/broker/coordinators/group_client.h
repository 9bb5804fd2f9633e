// What clients ask of groups, over the wire, for tests.
//
//   BrokerWorld world{group_options()};
//   world.run([&](Fiber& f) { RawClient client = world.connect(f); find_coordinator(f, client); ... });
#pragma once

#include "net/messages/delete_groups.h"
#include "net/messages/describe_groups.h"
#include "net/messages/find_coordinator.h"
#include "net/messages/heartbeat.h"
#include "net/messages/join_group.h"
#include "net/messages/leave_group.h"
#include "net/messages/list_groups.h"
#include "net/messages/offset_commit.h"
#include "net/messages/offset_fetch.h"
#include "net/messages/sync_group.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {

using net::ErrorCode;
using net::Offset;
using net::PartitionId;

inline BrokerWorldOptions group_options(std::uint64_t seed = 1, std::uint32_t shards = 1, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"offsets.topic.num.partitions=3", "group.initial.rebalance.delay.ms=100"});
  return {.seed = seed, .shards = shards, .settings = std::move(more)};
}

inline ErrorCode find_coordinator(Fiber& f, RawClient& client, std::string_view group = "g") {
  net::FindCoordinatorRequest request;
  request.key = group;
  const auto answer = client.call(f, 3, request);
  return answer ? answer->response.error_code : ErrorCode::network_exception;
}
/// As clients do: asked again while the log is being replayed.
template <class Ask>
inline ErrorCode until_loaded(Fiber& f, Ask&& ask) {
  for (;;) {
    const ErrorCode code = ask();
    if (code != ErrorCode::coordinator_load_in_progress) return code;
    if (!f.sleep(20ms)) return code;
  }
}

struct Joined {
  ErrorCode error{};
  std::int32_t generation = -1;
  std::string member, leader;
  std::size_t members = 0;
};
struct Wish {
  std::string_view member_id = "";
  std::optional<std::string_view> instance_id = std::nullopt;
  std::string_view protocol_type = "consumer";
  std::string_view protocol = "range";
  std::string_view metadata = "m";
};
inline Joined join_as(Fiber& f, RawClient& client, std::string_view group, const Wish& wish, std::int16_t version = 3) {
  net::Arena arena;
  net::JoinGroupRequest request;
  request.group_id = group;
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 20'000;
  request.member_id = wish.member_id;
  request.group_instance_id = wish.instance_id;
  request.protocol_type = wish.protocol_type;
  arena.push_back(request.protocols, {.name = wish.protocol, .metadata = kernel::as_bytes(wish.metadata)});
  const auto answer = client.call(f, version, request);
  if (!answer) return {ErrorCode::network_exception};
  const auto& got = answer->response;
  return {got.error_code, got.generation_id, std::string{got.member_id}, std::string{got.leader}, got.members.size()};
}
inline Joined join_once(Fiber& f, RawClient& client, std::string_view group, std::string_view member,
                 std::optional<std::string_view> instance, std::int16_t version, std::string_view protocol) {
  return join_as(f, client, group, {.member_id = member, .instance_id = instance, .protocol = protocol}, version);
}
inline Joined join(Fiber& f, RawClient& client, std::string_view group = "g", std::string_view member = "",
            std::optional<std::string_view> instance = std::nullopt, std::int16_t version = 9) {
  Joined got = join_once(f, client, group, member, instance, version, "range");
  while (got.error == ErrorCode::coordinator_load_in_progress && f.sleep(20ms))
    got = join_once(f, client, group, member, instance, version, "range");
  if (got.error != ErrorCode::member_id_required) return got;
  const std::string id = got.member;
  return join_once(f, client, group, id, instance, version, "range");
}
struct Synced {
  ErrorCode error{};
  std::string assignment;
};
inline Synced sync(Fiber& f, RawClient& client, std::string_view group, const Joined& member, std::string_view assignment = "",
            std::int16_t version = 5) {
  net::Arena arena;
  net::SyncGroupRequest request;
  request.group_id = group;
  request.generation_id = member.generation;
  request.member_id = member.member;
  if (version >= 5) {
    request.protocol_type = "consumer";
    request.protocol_name = "range";
  }
  if (!assignment.empty())
    arena.push_back(request.assignments, {.member_id = member.member, .assignment = kernel::as_bytes(assignment)});
  const auto answer = client.call(f, version, request);
  if (!answer) return {ErrorCode::network_exception};
  return {answer->response.error_code, std::string{kernel::as_text(answer->response.assignment)}};
}
inline ErrorCode heartbeat(Fiber& f, RawClient& client, std::string_view group, const Joined& member) {
  net::HeartbeatRequest request;
  request.group_id = group;
  request.generation_id = member.generation;
  request.member_id = member.member;
  const auto answer = client.call(f, 4, request);
  return answer ? answer->response.error_code : ErrorCode::network_exception;
}
inline ErrorCode leave(Fiber& f, RawClient& client, std::string_view group, const Joined& member) {
  net::Arena arena;
  net::LeaveGroupRequest request;
  request.group_id = group;
  arena.push_back(request.members, {.member_id = member.member});
  const auto answer = client.call(f, 5, request);
  if (!answer) return ErrorCode::network_exception;
  if (answer->response.error_code != ErrorCode::none) return answer->response.error_code;
  return answer->response.members[0].error_code;
}
inline ErrorCode commit(Fiber& f, RawClient& client, std::string_view group, std::int64_t offset, const Joined& member = {},
                 std::string_view metadata = "", std::string_view topic = "t", std::int32_t partition = 0,
                 std::int16_t version = 9) {
  net::Arena arena;
  net::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = member.generation;
  request.member_id = member.member;
  auto& out = arena.push_back(request.topics, {.name = topic});
  arena.push_back(out.partitions, {.partition_index = PartitionId{partition}, .committed_offset = Offset{offset},
                                   .committed_metadata = metadata});
  const auto answer = client.call(f, version, request);
  return answer ? answer->response.topics[0].partitions[0].error_code : ErrorCode::network_exception;
}
struct Committed {
  ErrorCode error{};
  std::int64_t offset = -2;
  std::string metadata;
};
inline Committed committed(Fiber& f, RawClient& client, std::string_view group, std::string_view topic = "t",
                    std::int32_t partition = 0) {
  net::Arena arena;
  net::OffsetFetchRequest request;
  auto& wanted = arena.push_back(request.groups, {.group_id = group});
  auto& topics = wanted.topics.emplace();
  auto& out = arena.push_back(topics, {.name = topic});
  arena.push_back(out.partition_indexes, PartitionId{partition});
  const auto answer = client.call(f, 9, request);
  if (!answer) return {ErrorCode::network_exception};
  const auto& got = answer->response.groups[0];
  if (got.error_code != ErrorCode::none) return {got.error_code};
  const auto& one = got.topics[0].partitions[0];
  return {one.error_code, one.committed_offset.raw(), std::string{one.metadata.value_or("")}};
}
inline std::int64_t committed_offset(Fiber& f, RawClient& client, std::string_view group) {
  Committed got;
  const ErrorCode code = until_loaded(f, [&] {
    got = committed(f, client, group);
    return got.error;
  });
  EXPECT_EQ(code, ErrorCode::none);
  return got.offset;
}
struct Described {
  ErrorCode error{};
  std::string state, protocol;
  std::size_t members = 0;
};
inline Described describe(Fiber& f, RawClient& client, std::string_view group, std::int16_t version = 6) {
  net::Arena arena;
  net::DescribeGroupsRequest request;
  arena.push_back(request.groups, group);
  const auto answer = client.call(f, version, request);
  if (!answer) return {ErrorCode::network_exception};
  const auto& got = answer->response.groups[0];
  return {got.error_code, std::string{got.group_state}, std::string{got.protocol_data}, got.members.size()};
}
inline std::vector<std::string> list(Fiber& f, RawClient& client, std::vector<std::string_view> states = {},
                              std::vector<std::string_view> types = {}) {
  net::Arena arena;
  net::ListGroupsRequest request;
  for (const auto state : states) arena.push_back(request.states_filter, state);
  for (const auto type : types) arena.push_back(request.types_filter, type);
  const auto answer = client.call(f, 5, request);
  std::vector<std::string> out;
  if (!answer) return out;
  for (const auto& group : answer->response.groups) out.push_back(fmt::format("{} {}", group.group_id, group.group_state));
  return out;
}
inline ErrorCode delete_group(Fiber& f, RawClient& client, std::string_view group) {
  net::Arena arena;
  net::DeleteGroupsRequest request;
  arena.push_back(request.groups_names, group);
  const auto answer = client.call(f, 3, request);
  return answer ? answer->response.results[0].error_code : ErrorCode::network_exception;
}

}  // namespace broker::testing
