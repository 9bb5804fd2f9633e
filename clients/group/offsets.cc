#include "clients/group/offsets.h"

#include "net/messages/offset_commit.h"
#include "net/messages/offset_delete.h"
#include "net/messages/offset_fetch.h"

namespace clients::group {

using core::Reason;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;

namespace {

/// The last versions that name topics instead of numbering them.
constexpr core::VersionCap kByName{.first = 1, .last = 9};
constexpr std::int16_t kFetchManyFirst = 8;
constexpr std::int16_t kFetchStableFirst = 7;

/// A code that speaks for the whole answer: the first that says something of the coordinator, or else of the group.
template <class Topics>
ErrorCode code_of_partitions(const Topics& topics) {
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (core::coordinator_news(partition.error_code) != core::CoordinatorNews::none) return partition.error_code;
    }
  }
  return ErrorCode::none;
}

template <class Topic>
Topic& topic_for(net::List<Topic>& topics, const std::string& name, net::Arena& arena) {
  if (topics.empty() || topics.back().name != name) arena.push_back(topics, {}).name = name;
  return topics.back();
}

template <class Topics>
void add(Topics& topics, const Partitions& partitions, net::Arena& arena) {
  for (const TopicPartition& at : partitions) arena.push_back(topic_for(topics, at.topic, arena).partition_indexes, at.partition);
}

/// False when a transaction has not decided some of them.
template <class Topics>
Result<bool> take(const Topics& topics, Offsets& out) {
  bool stable = true;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code == ErrorCode::unstable_offset_commit) stable = false;
      else if (partition.error_code != ErrorCode::none) return core::fail_code(partition.error_code);
      else if (partition.committed_offset.raw() >= 0)
        out[{std::string{topic.name}, partition.partition_index}] = {
            partition.committed_offset, partition.committed_leader_epoch, std::string{partition.metadata.value_or("")}};
    }
  }
  return stable;
}

net::OffsetFetchRequest fetch_request(const std::string& group, const std::optional<Partitions>& partitions,
                                      std::int16_t version, net::Arena& arena) {
  net::OffsetFetchRequest request;
  request.require_stable = version >= kFetchStableFirst;
  if (version >= kFetchManyFirst) {
    auto& one = arena.push_back(request.groups, {});
    one.group_id = group;
    one.topics = std::nullopt;
    if (partitions) add(one.topics.emplace(), *partitions, arena);
    return request;
  }
  request.group_id = group;
  request.topics = std::nullopt;
  if (partitions) add(request.topics.emplace(), *partitions, arena);
  return request;
}

/// False when some are not decided yet.
Result<bool> fetch_once(Fiber& f, core::Coordinator& coordinator, const std::optional<Partitions>& partitions,
                        core::Lane lane, Offsets& out) {
  net::Arena arena;
  const auto make = [&](std::int16_t version) { return fetch_request(coordinator.group(), partitions, version, arena); };
  const auto code_of = [](const net::OffsetFetchResponse& got) {
    if (got.groups.size() == 1) return got.groups[0].error_code;
    return got.error_code != ErrorCode::none ? got.error_code : code_of_partitions(got.topics);
  };
  const auto answer = TRY(coordinator.ask<net::OffsetFetchRequest>(f, make, code_of, {.lane = lane, .versions = kByName}));
  if (const ErrorCode code = code_of(answer.message); code != ErrorCode::none) return core::fail_code(code);
  if (answer.version < kFetchManyFirst) return take(answer->topics, out);
  if (answer->groups.size() != 1) return kernel::fail(Reason::malformed_answer);
  return take(answer->groups[0].topics, out);
}

}  // namespace

Result<Offsets> fetch_offsets(Fiber& f, core::Coordinator& coordinator, const std::optional<Partitions>& partitions,
                              core::Lane lane) {
  core::Cluster& cluster = coordinator.cluster();
  core::Backoff backoff{cluster.config().retry_backoff, cluster.config().retry_backoff_max};
  kernel::Random random = cluster.random("fetch_offsets");
  const kernel::Mono due = kernel::saturating_add(f.now(), cluster.config().default_api_timeout);
  for (;;) {
    Offsets out;
    if (TRY(fetch_once(f, coordinator, partitions, lane, out))) return out;
    if (f.now() >= due) return core::fail_code(ErrorCode::unstable_offset_commit);
    TRY(f.sleep(backoff.next(random)));
  }
}

Result<Verdicts> commit_offsets(Fiber& f, core::Coordinator& coordinator, const MemberIdentity& as,
                                const Offsets& offsets, core::Lane lane) {
  net::Arena arena;
  const auto make = [&](std::int16_t version) {
    net::OffsetCommitRequest request;
    request.group_id = coordinator.group();
    request.generation_id_or_member_epoch = as.generation;
    request.member_id = as.member_id;
    if (as.instance_id && version >= 7) request.group_instance_id = *as.instance_id;
    for (const auto& [at, commit] : offsets) {
      arena.push_back(topic_for(request.topics, at.topic, arena).partitions,
                      {.partition_index = at.partition,
                       .committed_offset = commit.offset,
                       .committed_leader_epoch = commit.leader_epoch,
                       .committed_metadata = commit.metadata});
    }
    return request;
  };
  const auto code_of = [](const net::OffsetCommitResponse& got) { return code_of_partitions(got.topics); };
  const auto answer =
      TRY(coordinator.ask<net::OffsetCommitRequest>(f, make, code_of, {.lane = lane, .versions = kByName}));
  Verdicts verdicts;
  for (const auto& topic : answer->topics) {
    for (const auto& partition : topic.partitions)
      verdicts[{std::string{topic.name}, partition.partition_index}] = partition.error_code;
  }
  for (const auto& [at, commit] : offsets) verdicts.try_emplace(at, ErrorCode::unknown_server_error);
  return verdicts;
}

Result<Verdicts> delete_offsets(Fiber& f, core::Coordinator& coordinator, const Partitions& partitions) {
  net::Arena arena;
  const auto make = [&](std::int16_t) {
    net::OffsetDeleteRequest request;
    request.group_id = coordinator.group();
    for (const TopicPartition& at : partitions)
      arena.push_back(topic_for(request.topics, at.topic, arena).partitions, {.partition_index = at.partition});
    return request;
  };
  const auto answer = TRY(coordinator.ask<net::OffsetDeleteRequest>(
      f, make, [](const net::OffsetDeleteResponse& got) { return got.error_code; }));
  if (answer->error_code != ErrorCode::none) return core::fail_code(answer->error_code);
  Verdicts verdicts;
  for (const auto& topic : answer->topics) {
    for (const auto& partition : topic.partitions)
      verdicts[{std::string{topic.name}, partition.partition_index}] = partition.error_code;
  }
  return verdicts;
}

Result<> first_problem(const Verdicts& verdicts) {
  for (const auto& [at, code] : verdicts) {
    if (code != ErrorCode::none) return core::fail_code(code);
  }
  return {};
}

}  // namespace clients::group
