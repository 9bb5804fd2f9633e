// Members of a group, by requests of the workload's own making: they join, lead, process, commit, fall silent, leave and
// come again, and tell the group's ledger.
#pragma once

#include "clients/core/cluster.h"
#include "scenarios/oracles/group_ledger.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

struct GroupStage {
  explicit GroupStage(Stage& stage) : stage{stage}, ledger{stage.run} {}
  Stage& stage;
  GroupLedger ledger;
  std::string name = "workers";
  struct Former {
    std::string member_id;
    std::int32_t generation = -1;
  };
  std::map<std::uint32_t, Former> formers;  ///< by static member: who had its instance id before
  /// By member: the generation in which it rests at the end of all it owns, everything committed.
  std::map<std::uint32_t, std::optional<std::int32_t>> settled_in;
};

struct MemberPlan {
  std::uint32_t id = 0;
  bool is_static = false;
  std::int32_t session_timeout_ms = 3000;
  std::int32_t rebalance_timeout_ms = 6000;
  kernel::Duration commit_interval{};
  bool is_restless = false;  ///< leaves, or falls silent for longer than its session, now and then
};

/// Works until the run is over.
void work_in_group(kernel::Fiber& f, GroupStage& group, const MemberPlan& plan);

/// Commits, reads and deletes the offsets of a group of its own, which has no members: what was answered holds.
void keep_offsets(kernel::Fiber& f, Stage& stage);

/// Joins a group of its own, leaves it, and looks whether it stays empty: G9.
void lodge(kernel::Fiber& f, Stage& stage);

struct GroupState {
  std::string state;
  std::size_t members = 0;
};
kernel::Result<GroupState> describe_group(kernel::Fiber& f, clients::core::Cluster& cluster, std::string_view group);

struct CommittedOffset {
  net::Offset offset{-1};
  std::string metadata;
};
/// Of these partitions of a topic, in their order.
kernel::Result<std::vector<CommittedOffset>> committed_offsets(kernel::Fiber& f, clients::core::Cluster& cluster,
                                                               std::string_view group, std::string_view topic,
                                                               const std::vector<std::int32_t>& partitions);
/// One partition's. Errors: those of Cluster::request_any(), and what the broker answered.
kernel::Result<> commit_offset(kernel::Fiber& f, clients::core::Cluster& cluster, std::string_view group,
                               std::string_view member_id, std::optional<std::string_view> instance_id,
                               std::int32_t generation, std::string_view topic, std::int32_t partition,
                               const CommittedOffset& value);

}  // namespace scenarios
