#include "broker/coordinators/group/stored.h"

#include "net/messages/group_records.h"

namespace broker::coordinators::group {

using kernel::Result;

bool same_bytes(const kernel::Buffer& a, const kernel::Buffer& b) {
  return net::Blob{a.view()} == net::Blob{b.view()};
}

bool operator==(const StoredMember& a, const StoredMember& b) {
  return a.id == b.id && a.instance_id == b.instance_id && a.client_id == b.client_id &&
         a.client_host == b.client_host && a.rebalance_timeout_ms == b.rebalance_timeout_ms &&
         a.session_timeout_ms == b.session_timeout_ms && same_bytes(a.subscription, b.subscription) &&
         same_bytes(a.assignment, b.assignment);
}

bool Entry::has_pending(std::string_view topic, net::PartitionId partition) const {
  for (const auto& [producer, waiting] : pending) {
    const auto at = waiting.find(topic);
    if (at != waiting.end() && at->second.contains(partition)) return true;
  }
  return false;
}

Result<> State::apply(const LoggedRecord& record) {
  const auto type = type_of(record.key);
  if (!type) return {};
  net::Arena arena;
  switch (*type) {
    case net::LegacyOffsetCommitKey::kType:
    case net::OffsetCommitKey::kType: {
      const auto key = TRY(key_of<net::OffsetCommitKey>(*record.key, arena));
      return apply_offset(key.group, key.topic, key.partition, record, arena);
    }
    case net::GroupMetadataKey::kType: {
      const auto key = TRY(key_of<net::GroupMetadataKey>(*record.key, arena));
      return apply_group(key.group, record.value, arena);
    }
    default: return {};  // groups of the newer protocols, which are not coordinated here
  }
}

Result<> State::apply_group(std::string_view group, const net::record::NullableBytes& value, net::Arena& arena) {
  if (!value) {
    if (const auto at = groups_.find(group); at != groups_.end()) at->second.group.reset();
    drop_if_empty(group);
    return {};
  }
  const auto read = TRY(value_of<net::GroupMetadataValue>(*value, arena));
  StoredGroup stored;
  stored.protocol_type = read.protocol_type;
  stored.generation = read.generation;
  if (read.protocol) stored.protocol = *read.protocol;
  if (read.leader) stored.leader = *read.leader;
  stored.state_timestamp_ms = read.current_state_timestamp;
  for (const auto& member : read.members) {
    StoredMember& out = stored.members.emplace_back();
    out.id = member.member_id;
    if (member.group_instance_id) out.instance_id = *member.group_instance_id;
    out.client_id = member.client_id;
    out.client_host = member.client_host;
    out.session_timeout_ms = member.session_timeout;
    // The first version had one timeout for both.
    out.rebalance_timeout_ms = member.rebalance_timeout == -1 ? member.session_timeout : member.rebalance_timeout;
    out.subscription = kernel::Buffer::copy_of(member.subscription);
    out.assignment = kernel::Buffer::copy_of(member.assignment);
  }
  groups_[std::string{group}].group = std::move(stored);
  return {};
}

Result<> State::apply_offset(std::string_view group, std::string_view topic, net::PartitionId partition,
                             const LoggedRecord& record, net::Arena& arena) {
  if (!record.value) {
    const auto at = groups_.find(group);
    if (at == groups_.end()) return {};
    const auto offsets = at->second.offsets.find(topic);
    if (offsets == at->second.offsets.end()) return {};
    offsets->second.erase(partition);
    if (offsets->second.empty()) at->second.offsets.erase(offsets);
    drop_if_empty(group);
    return {};
  }
  const auto read = TRY(value_of<net::OffsetCommitValue>(*record.value, arena));
  CommittedOffset committed{.offset = read.offset,
                            .leader_epoch = read.leader_epoch,
                            .metadata = std::string{read.metadata},
                            .commit_timestamp_ms = read.commit_timestamp,
                            .expire_timestamp_ms = std::nullopt,
                            .topic_id = read.topic_id,
                            .record_offset = record.offset};
  if (read.expire_timestamp != -1) committed.expire_timestamp_ms = read.expire_timestamp;
  Entry& entry = groups_[std::string{group}];
  Offsets& into = record.transaction == net::kProducerIdNone ? entry.offsets : entry.pending[record.transaction];
  into[std::string{topic}][partition] = std::move(committed);
  return {};
}

void State::end_transaction(net::ProducerId producer, bool committed) {
  for (auto at = groups_.begin(); at != groups_.end();) {
    auto& [name, entry] = *at++;
    const auto waiting = entry.pending.find(producer);
    if (waiting == entry.pending.end()) continue;
    if (committed) {
      for (auto& [topic, partitions] : waiting->second) {
        for (auto& [partition, offset] : partitions) {
          CommittedOffset& now = entry.offsets[topic][partition];
          // A plain commit that came later on the log stays: the log's order decides, not that of the markers.
          if (offset.record_offset > now.record_offset) now = std::move(offset);
        }
      }
    }
    entry.pending.erase(waiting);
    drop_if_empty(name);
  }
}

void State::drop_if_empty(std::string_view group) {
  const auto at = groups_.find(group);
  if (at == groups_.end()) return;
  const Entry& entry = at->second;
  if (!entry.group && entry.offsets.empty() && entry.pending.empty()) groups_.erase(at);
}

NewRecord group_record(std::string_view group, const StoredGroup& stored) {
  constexpr std::int16_t kVersion = 3;
  net::Arena arena;
  net::GroupMetadataValue value;
  value.protocol_type = stored.protocol_type;
  value.generation = stored.generation;
  if (stored.protocol) value.protocol = *stored.protocol;
  else value.protocol.reset();
  if (stored.leader) value.leader = *stored.leader;
  else value.leader.reset();
  value.current_state_timestamp = stored.state_timestamp_ms;
  for (const StoredMember& member : stored.members) {
    auto& out = arena.push_back(value.members, {.member_id = member.id});
    out.group_instance_id.reset();
    if (member.instance_id) out.group_instance_id = *member.instance_id;
    out.client_id = member.client_id;
    out.client_host = member.client_host;
    out.rebalance_timeout = member.rebalance_timeout_ms;
    out.session_timeout = member.session_timeout_ms;
    out.subscription = member.subscription.view();
    out.assignment = member.assignment.view();
  }
  return record_of(net::GroupMetadataKey{.group = group}, value, kVersion);
}

NewRecord group_tombstone(std::string_view group) { return tombstone_of(net::GroupMetadataKey{.group = group}); }

NewRecord offset_record(std::string_view group, std::string_view topic, net::PartitionId partition,
                        const CommittedOffset& committed) {
  net::OffsetCommitValue value;
  value.offset = committed.offset;
  value.leader_epoch = committed.leader_epoch;
  value.metadata = committed.metadata;
  value.commit_timestamp = committed.commit_timestamp_ms;
  value.expire_timestamp = committed.expire_timestamp_ms.value_or(-1);
  value.topic_id = committed.topic_id;
  // Only version 1 can say when an offset expires.
  const std::int16_t version = committed.expire_timestamp_ms ? 1 : 4;
  return record_of(net::OffsetCommitKey{.group = group, .topic = topic, .partition = partition}, value, version);
}

NewRecord offset_tombstone(std::string_view group, std::string_view topic, net::PartitionId partition) {
  return tombstone_of(net::OffsetCommitKey{.group = group, .topic = topic, .partition = partition});
}

}  // namespace broker::coordinators::group
