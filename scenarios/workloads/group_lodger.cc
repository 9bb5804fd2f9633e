// A group of one that comes and goes: once its leaving was answered nobody is in the group, whatever crash comes between.
#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/join_group.h"
#include "net/messages/leave_group.h"
#include "net/messages/sync_group.h"
#include "scenarios/workloads/group.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using net::ErrorCode;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kLodging = "lodging";
constexpr std::int32_t kStayMs = 30'000;  // a session that does not end by itself in between

/// Joins, leads and is assigned something. Nothing when any of it failed: then nobody knows who is in the group.
std::optional<std::string> move_in(Fiber& f, Cluster& cluster) {
  std::string member_id;
  for (int tries = 0; tries < 2; ++tries) {
    net::Arena arena;
    net::JoinGroupRequest join;
    join.group_id = kLodging;
    join.session_timeout_ms = join.rebalance_timeout_ms = kStayMs;
    join.member_id = member_id;
    join.protocol_type = "consumer";
    arena.push_back(join.protocols, {.name = "any", .metadata = kernel::as_bytes("any")});
    const auto joined = cluster.request_any(f, join, {.timeout = 40s});
    if (!joined) return std::nullopt;
    member_id = (*joined)->member_id;
    if ((*joined)->error_code == ErrorCode::member_id_required) continue;
    if ((*joined)->error_code != ErrorCode::none) return std::nullopt;
    net::SyncGroupRequest sync;
    sync.group_id = kLodging;
    sync.generation_id = (*joined)->generation_id;
    sync.member_id = member_id;
    sync.protocol_type = "consumer";
    sync.protocol_name = "any";
    arena.push_back(sync.assignments, {.member_id = member_id, .assignment = kernel::as_bytes("a room")});
    const auto synced = cluster.request_any(f, sync, {.timeout = 10s});
    if (!synced || (*synced)->error_code != ErrorCode::none) return std::nullopt;
    return member_id;
  }
  return std::nullopt;
}

bool move_out(Fiber& f, Cluster& cluster, std::string_view member_id) {
  net::Arena arena;
  net::LeaveGroupRequest request;
  request.group_id = kLodging;
  arena.push_back(request.members, {.member_id = member_id});
  const auto left = cluster.request_any(f, request, {.timeout = 10s, .versions = {.first = 3, .last = 5}});
  return left && (*left)->error_code == ErrorCode::none && !(*left)->members.empty() &&
         (*left)->members[0].error_code == ErrorCode::none;
}

}  // namespace

void lodge(Fiber& f, Stage& stage) {
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "lodger")};
    kernel::Random random = stage.run.random("lodger");
    bool is_empty = false;
    while (!stage.stopping && f.sleep(std::chrono::milliseconds{random.between(20, 1500)})) {
      if (is_empty && random.below(3) > 0) {
        const auto group = describe_group(f, cluster, kLodging);
        if (!group) continue;
        stage.run.judged("G9");
        if (group->members > 0)
          stage.run.violation("G9", fmt::format("group {} is {} and has a member, who left and was told so", kLodging, group->state));
        continue;
      }
      is_empty = false;
      const auto member_id = move_in(f, cluster);
      if (!member_id) continue;
      const bool left = f.sleep(std::chrono::milliseconds{random.between(1, 500)}) && move_out(f, cluster, *member_id);
      // Somebody of an earlier stay of whom no answer came would be in it still.
      const auto group = left ? describe_group(f, cluster, kLodging) : kernel::fail(kernel::Errc::cancelled);
      is_empty = group && group->members == 0;
      if (is_empty) stage.on_moment();
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace scenarios
