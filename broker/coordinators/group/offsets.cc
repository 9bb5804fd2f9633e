#include "broker/coordinators/group/offsets.h"

namespace broker::coordinators::group {
namespace {

FetchedOffset look_up(const Entry* entry, std::string_view topic, net::PartitionId partition, bool require_stable) {
  FetchedOffset out{.partition = partition};
  if (entry == nullptr) return out;
  if (require_stable && entry->has_pending(topic, partition)) {
    out.error = ErrorCode::unstable_offset_commit;
    return out;
  }
  const auto partitions = entry->offsets.find(topic);
  if (partitions == entry->offsets.end()) return out;
  const auto at = partitions->second.find(partition);
  if (at == partitions->second.end()) return out;
  out.offset = at->second.offset;
  out.leader_epoch = at->second.leader_epoch;
  out.metadata = at->second.metadata;
  return out;
}

/// What an offset's age is counted from.
enum class Base : std::uint8_t { commit, phase_or_commit };
struct Condition {
  Base base = Base::commit;
  bool only_unread_topics = false;
};

std::optional<Condition> condition_of(const Group* group, const Moment& at) {
  if (group == nullptr || !group->protocol_type()) return Condition{.base = Base::commit};
  if (group->phase() == Phase::empty) return Condition{.base = Base::phase_or_commit};
  if (BUG(at, "groups.expire_while_rebalancing")) return Condition{.base = Base::commit};
  if (group->phase() == Phase::stable && group->is_consumer_group())
    return Condition{.base = Base::commit, .only_unread_topics = true};
  return std::nullopt;
}

bool is_expired(const CommittedOffset& offset, Base base, const Group* group, std::int64_t retention_ms,
                std::int64_t now_ms) {
  if (offset.expire_timestamp_ms) return now_ms >= *offset.expire_timestamp_ms;
  const bool by_phase = base == Base::phase_or_commit && group->phase_since_ms() != -1;
  const std::int64_t since = by_phase ? group->phase_since_ms() : offset.commit_timestamp_ms;
  return now_ms - since >= retention_ms;
}

}  // namespace

FetchReply fetch_offsets(const Entry* entry, const FetchRequest& request) {
  FetchReply reply;
  if (request.topics) {
    for (const FetchTopic& topic : *request.topics) {
      auto& out = reply.topics.emplace_back(std::string{topic.name}, std::vector<FetchedOffset>{}).second;
      for (const net::PartitionId partition : topic.partitions)
        out.push_back(look_up(entry, topic.name, partition, request.require_stable));
    }
    return reply;
  }
  if (entry == nullptr) return reply;
  for (const auto& [topic, partitions] : entry->offsets) {
    auto& out = reply.topics.emplace_back(topic, std::vector<FetchedOffset>{}).second;
    for (const auto& [partition, offset] : partitions)
      out.push_back(look_up(entry, topic, partition, request.require_stable));
  }
  return reply;
}

Expiry decide_expiry(const Entry& entry, const Group* group, std::int64_t retention_ms, const Moment& at) {
  Expiry out;
  const auto condition = condition_of(group, at);
  if (!condition) return out;
  std::optional<std::set<std::string, std::less<>>> read;
  if (condition->only_unread_topics) {
    read = group->subscribed_topics();
    if (!read) return out;  // what they read is not known
  }
  std::size_t left = 0;
  for (const auto& [topic, partitions] : entry.offsets) {
    const bool is_read = read && read->contains(topic);
    for (const auto& [partition, offset] : partitions) {
      const bool goes = !is_read && !entry.has_pending(topic, partition) &&
                        is_expired(offset, condition->base, group, retention_ms, at.wall_ms);
      if (goes) out.offsets.push_back({topic, partition});
      else ++left;
    }
  }
  const bool deserted = group == nullptr || group->is_deserted();
  out.group_ends = deserted && left == 0 && entry.pending.empty();
  return out;
}

}  // namespace broker::coordinators::group
