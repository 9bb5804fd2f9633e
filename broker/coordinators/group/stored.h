// What __consumer_offsets says: groups as they were last stable or empty, and the offsets committed for them. The fold
// of the log, in memory; apply() is the only way it changes, and any order of records that compaction can leave is
// taken (a tombstone for what is not there, an offset of a group without a group record).
//
//   State state;
//   TRY(state.apply(record));                    // every record of the log, in order
//   state.find("billing")->offsets["orders"]...
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/coordinators/record.h"
#include "kernel/buffer.h"
#include "kernel/result.h"
#include "net/types.h"

namespace broker::coordinators::group {

bool same_bytes(const kernel::Buffer& a, const kernel::Buffer& b);

struct StoredMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  kernel::Buffer subscription;  ///< its metadata for the chosen protocol
  kernel::Buffer assignment;
  friend bool operator==(const StoredMember& a, const StoredMember& b);
};

struct StoredGroup {
  std::string protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string> protocol;  ///< nothing while there are no members
  std::optional<std::string> leader;
  std::int64_t state_timestamp_ms = -1;  ///< since when it has been as it is; -1 in records of old releases
  std::vector<StoredMember> members;
  friend bool operator==(const StoredGroup&, const StoredGroup&) = default;
};

struct CommittedOffset {
  net::Offset offset{-1};
  net::LeaderEpoch leader_epoch = net::kLeaderEpochNone;
  std::string metadata;
  std::int64_t commit_timestamp_ms = -1;
  std::optional<std::int64_t> expire_timestamp_ms;  ///< set by old clients that name a retention
  net::TopicId topic_id{};
  net::Offset record_offset{-1};  ///< where on the log it stands
  friend bool operator==(const CommittedOffset&, const CommittedOffset&) = default;
};
using PartitionOffsets = std::map<net::PartitionId, CommittedOffset>;
using Offsets = std::map<std::string, PartitionOffsets, std::less<>>;  ///< by topic

struct Entry {
  std::optional<StoredGroup> group;
  Offsets offsets;
  /// Of open transactions: count when those commit.
  std::map<net::ProducerId, Offsets> pending;
  [[nodiscard]] bool has_pending(std::string_view topic, net::PartitionId partition) const;
  friend bool operator==(const Entry&, const Entry&) = default;
};

class State {
 public:
  /// Errors: unsupported (a value of a later release), corrupt. Keys of unknown types are none of ours.
  kernel::Result<> apply(const LoggedRecord& record);
  void end_transaction(net::ProducerId producer, bool committed);

  [[nodiscard]] const Entry* find(std::string_view group) const {
    const auto at = groups_.find(group);
    return at == groups_.end() ? nullptr : &at->second;
  }
  [[nodiscard]] const std::map<std::string, Entry, std::less<>>& groups() const { return groups_; }
  friend bool operator==(const State&, const State&) = default;

 private:
  kernel::Result<> apply_group(std::string_view group, const net::record::NullableBytes& value, net::Arena& arena);
  kernel::Result<> apply_offset(std::string_view group, std::string_view topic, net::PartitionId partition,
                                const LoggedRecord& record, net::Arena& arena);
  void drop_if_empty(std::string_view group);

  std::map<std::string, Entry, std::less<>> groups_;
};

[[nodiscard]] NewRecord group_record(std::string_view group, const StoredGroup& stored);
[[nodiscard]] NewRecord group_tombstone(std::string_view group);
[[nodiscard]] NewRecord offset_record(std::string_view group, std::string_view topic, net::PartitionId partition,
                                      const CommittedOffset& committed);
[[nodiscard]] NewRecord offset_tombstone(std::string_view group, std::string_view topic, net::PartitionId partition);

}  // namespace broker::coordinators::group
