// Committed offsets: what is asked, and when they end. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/coordinators/group/group.h"
#include "broker/coordinators/group/stored.h"
#include "net/errors.h"

namespace broker::coordinators::group {

struct CommitPartition {
  std::string_view topic;
  net::TopicId topic_id{};
  net::PartitionId partition{0};
  net::Offset offset{-1};
  net::LeaderEpoch leader_epoch = net::kLeaderEpochNone;
  std::string_view metadata;
  ErrorCode error{};  ///< the answer; what comes in with an error is not committed
};
struct CommitRequest {
  std::string_view group_id;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::int32_t generation = -1;
  std::int64_t retention_ms = -1;        ///< -1: as configured
  bool says_group_not_found = false;     ///< v9: knows GROUP_ID_NOT_FOUND
  std::vector<CommitPartition> partitions;
};

struct FetchTopic {
  std::string_view name;
  std::vector<net::PartitionId> partitions;
};
struct FetchRequest {
  std::string_view group_id;
  bool require_stable = false;
  std::optional<std::vector<FetchTopic>> topics;  ///< nothing: all there are
};
struct FetchedOffset {
  net::PartitionId partition{0};
  net::Offset offset{-1};
  net::LeaderEpoch leader_epoch = net::kLeaderEpochNone;
  std::string metadata;
  ErrorCode error{};
};
struct FetchReply {
  ErrorCode error{};
  std::vector<std::pair<std::string, std::vector<FetchedOffset>>> topics;
};
/// `entry` is null for a group without anything stored.
[[nodiscard]] FetchReply fetch_offsets(const Entry* entry, const FetchRequest& request);

struct TopicPartition {
  std::string topic;
  net::PartitionId partition{0};
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

struct Expiry {
  std::vector<TopicPartition> offsets;
  bool group_ends = false;  ///< it is empty and nothing is left of it
};
/// Kafka's rules (KIP-211): an empty group keeps its offsets for `retention_ms` after the last member went; a stable
/// group of consumers loses those of topics that nobody reads any more, counted from their commit; a group that only
/// keeps offsets loses each counted from its commit. Nothing while the group is rebalancing, and nothing of an open
/// transaction. `group` may be null: a group that only keeps offsets.
[[nodiscard]] Expiry decide_expiry(const Entry& entry, const Group* group, std::int64_t retention_ms, const Moment& at);

}  // namespace broker::coordinators::group
