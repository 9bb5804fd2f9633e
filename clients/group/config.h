// Settings of a consumer that belongs to a group, with Kafka's names and defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clients/consumer/config.h"
#include "clients/group/assignor.h"

namespace clients::group {

struct GroupConfig {
  std::string group_id;                                                    ///< group.id
  /// group.instance.id: this consumer is a static member, which keeps its partitions while it restarts.
  std::optional<std::string> instance_id{};
  kernel::Duration session_timeout = std::chrono::seconds{45};             ///< session.timeout.ms
  kernel::Duration heartbeat_interval = std::chrono::seconds{3};           ///< heartbeat.interval.ms
  /// max.poll.interval.ms: who does not poll for so long leaves the group; also the time that members have to join.
  kernel::Duration max_poll_interval = std::chrono::minutes{5};
  /// partition.assignment.strategy, the best liked first. Rebalances are cooperative (nobody stops reading what stays
  /// with it) when all of them can be: only cooperative_sticky can.
  std::vector<AssignorKind> assignors{AssignorKind::range, AssignorKind::cooperative_sticky};
  bool auto_commit = true;                                                 ///< enable.auto.commit
  kernel::Duration auto_commit_interval = std::chrono::seconds{5};         ///< auto.commit.interval.ms
  /// How records are read; its offset_reset is where to begin without a committed offset.
  consumer::ConsumerConfig reading{};
};

/// Errors: invalid_config.
[[nodiscard]] kernel::Result<> check(const GroupConfig& config);

}  // namespace clients::group
