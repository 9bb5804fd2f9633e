// Offsets as the coordinator of their group sees to them.
#include "broker/coordinators/group/group_coordinator.h"

namespace broker::coordinators::group {

using kernel::Fiber;
using kernel::Result;

void GroupCoordinator::commit(Fiber& f, CommitRequest& request) {
  const auto refuse_all = [&](ErrorCode code) {
    for (CommitPartition& one : request.partitions) one.error = code;
  };
  if (const ErrorCode code = readiness(); code != ErrorCode::none) return refuse_all(code);
  const Moment at = moment_of(f);
  Group* group = find(request.group_id);
  if (group == nullptr && request.generation >= 0)
    return refuse_all(request.says_group_not_found ? ErrorCode::group_id_not_found : ErrorCode::illegal_generation);
  if (group != nullptr) {
    const ErrorCode code = group->commit(request.member_id, request.instance_id, request.generation, at);
    if (code != ErrorCode::none) return refuse_all(code);
  }
  const std::string group_id{request.group_id};
  reschedule(group_id);

  std::vector<NewRecord> records;
  for (CommitPartition& one : request.partitions) {
    if (one.error != ErrorCode::none) continue;
    if (one.metadata.size() > settings_.offset_metadata_bytes_max) {
      one.error = ErrorCode::offset_metadata_too_large;
      continue;
    }
    CommittedOffset committed{.offset = one.offset,
                              .leader_epoch = one.leader_epoch,
                              .metadata = std::string{one.metadata},
                              .commit_timestamp_ms = at.wall_ms,
                              .expire_timestamp_ms = std::nullopt,
                              .topic_id = one.topic_id};
    if (request.retention_ms >= 0) committed.expire_timestamp_ms = at.wall_ms + request.retention_ms;
    records.push_back(offset_record(request.group_id, one.topic, one.partition, committed));
  }
  if (records.empty()) return;
  const auto told = std::make_shared<Outcome>();
  const auto count = static_cast<std::int64_t>(records.size());
  write(at, std::move(records), [this, group_id, told, count](const Moment&, const Result<>& outcome) {
    if (outcome) metrics_.offset_commits_total.add(count);
    ErrorCode code = code_of_write(outcome);
    if (code == ErrorCode::unknown_server_error) code = ErrorCode::invalid_commit_offset_size;
    if (outcome && state_.find(group_id) != nullptr) find_or_add(group_id);
    told->set(code);
    due_changed();
  });
  const ErrorCode code = wait_for(f, told);
  if (code == ErrorCode::none) return;
  for (CommitPartition& one : request.partitions) {
    if (one.error == ErrorCode::none) one.error = code;
  }
}

FetchReply GroupCoordinator::fetch(const FetchRequest& request) const {
  if (const ErrorCode code = readiness(); code != ErrorCode::none) return {.error = code};
  return fetch_offsets(state_.find(request.group_id), request);
}

GroupCoordinator::DeleteOffsetsReply GroupCoordinator::delete_offsets(Fiber& f, std::string_view group_id,
                                                                      const std::vector<TopicPartition>& partitions) {
  if (const ErrorCode code = readiness(); code != ErrorCode::none) return {.error = code};
  const Group* known = find(group_id);
  if (known == nullptr || known->phase() == Phase::dead) return {.error = ErrorCode::group_id_not_found};
  if (known->phase() != Phase::empty && !known->is_consumer_group()) return {.error = ErrorCode::non_empty_group};
  struct Shared {
    DeleteOffsetsReply reply;
    Outcome outcome;
  };
  const auto shared = std::make_shared<Shared>();
  const auto told = std::shared_ptr<Outcome>{shared, &shared->outcome};
  write_decided(
      moment_of(f),
      [this, shared, partitions, group_id = std::string{group_id}](const Moment&) {
        std::vector<NewRecord> records;
        const Group* group = find(group_id);
        std::optional<std::set<std::string, std::less<>>> read{std::in_place};
        if (group != nullptr && group->phase() != Phase::empty) read = group->subscribed_topics();
        const Entry* entry = state_.find(group_id);
        for (const TopicPartition& one : partitions) {
          if (!read || read->contains(one.topic)) {  // what cannot be told is taken for read
            shared->reply.partitions.push_back(ErrorCode::group_subscribed_to_topic);
            continue;
          }
          shared->reply.partitions.push_back(ErrorCode::none);
          const auto topic = entry == nullptr ? Offsets::const_iterator{} : entry->offsets.find(one.topic);
          if (entry != nullptr && topic != entry->offsets.end() && topic->second.contains(one.partition))
            records.push_back(offset_tombstone(group_id, one.topic, one.partition));
        }
        return records;
      },
      [told](const Moment&, const Result<>& outcome) { told->set(code_of_write(outcome)); });
  if (const ErrorCode code = wait_for(f, told); code != ErrorCode::none) return {.error = code};
  return std::move(shared->reply);
}

void GroupCoordinator::entomb(std::string_view group_id, const Moment& at, std::vector<NewRecord>& out) const {
  const Entry* entry = state_.find(group_id);
  if (entry != nullptr && !BUG(at, "groups.tombstone_not_written")) {
    for (const auto& [topic, partitions] : entry->offsets) {
      for (const auto& [partition, offset] : partitions) out.push_back(offset_tombstone(group_id, topic, partition));
    }
  }
  if (entry != nullptr && entry->group) out.push_back(group_tombstone(group_id));
}

void GroupCoordinator::expire(const Moment& at) {
  struct Ending {
    std::vector<std::string> groups;
    std::int64_t offsets = 0;
  };
  const auto ending = std::make_shared<Ending>();
  write_decided(
      at,
      [this, ending](const Moment& then) {
        std::vector<NewRecord> records;
        const Entry nothing;
        for (auto& [id, live] : groups_) {
          const Entry* entry = state_.find(id);
          const Expiry expiry =
              decide_expiry(entry == nullptr ? nothing : *entry, &live.group, settings_.offsets_retention.count(), then);
          ending->offsets += static_cast<std::int64_t>(expiry.offsets.size());
          if (!expiry.group_ends) {
            for (const TopicPartition& one : expiry.offsets)
              records.push_back(offset_tombstone(id, one.topic, one.partition));
            continue;
          }
          entomb(id, then, records);
          live.group.set_dead(true);
          ending->groups.push_back(id);
        }
        return records;
      },
      [this, ending](const Moment&, const Result<>& outcome) {
        if (outcome) metrics_.offsets_expired_total.add(ending->offsets);
        for (const std::string& id : ending->groups) {
          Group* group = find(id);
          if (group == nullptr) continue;
          group->set_dead(false);
          if (!outcome) continue;
          forget(id);
        }
      });
}

void GroupCoordinator::forget_topics(const Moment& at, std::vector<DeletedTopic> topics) {
  if (readiness() != ErrorCode::none) return;
  write_decided(
      at,
      [this, topics = std::move(topics)](const Moment&) {
        std::vector<NewRecord> records;
        for (const auto& [id, entry] : state_.groups()) {
          for (const DeletedTopic& topic : topics) {
            const auto partitions = entry.offsets.find(topic.name);
            if (partitions == entry.offsets.end()) continue;
            for (const auto& [partition, offset] : partitions->second) {
              // One of the same name may have been made since, and read.
              if (offset.topic_id != net::TopicId{} && offset.topic_id != topic.id) continue;
              records.push_back(offset_tombstone(id, topic.name, partition));
            }
          }
        }
        return records;
      },
      [](const Moment&, const Result<>&) {});
}

}  // namespace broker::coordinators::group
