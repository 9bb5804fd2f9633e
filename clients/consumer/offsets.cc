#include "clients/consumer/offsets.h"

#include "net/messages/list_offsets.h"

namespace clients::consumer {

using core::Reason;
using core::TopicPartition;
using kernel::Errc;
using kernel::Error;
using kernel::fail;
using kernel::Result;
using net::ErrorCode;

namespace {

constexpr std::int64_t kTimestampLatest = -1;
constexpr std::int64_t kTimestampEarliest = -2;

std::int64_t wire_timestamp(const Start& start) {
  if (const auto* time = std::get_if<AtTime>(&start)) return time->timestamp_ms;
  return std::holds_alternative<End>(start) ? kTimestampLatest : kTimestampEarliest;
}

bool worth_retrying(const Error& error) {
  const ErrorCode code = core::broker_code(error);
  if (code != ErrorCode::none) return net::facts(code).retriable;
  return !error.is(Errc::cancelled) && !error.is(Reason::closed) && !error.is(Reason::unsupported_version);
}

}  // namespace

Result<OffsetAnswer> list_offsets_at(kernel::Fiber& f, core::Cluster& cluster, net::BrokerId broker,
                                     const OffsetQuery& query, IsolationLevel isolation) {
  OffsetAnswer answers;
  net::Arena arena;
  net::ListOffsetsRequest request;
  request.replica_id = net::kBrokerIdNone;
  request.isolation_level = static_cast<std::int8_t>(isolation);
  request.timeout_ms = static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(cluster.config().request_timeout).count());
  const std::string* topic_name = nullptr;
  for (const auto& [key, start] : query) {
    if (const auto* offset = std::get_if<net::Offset>(&start)) {
      answers.emplace(key, FoundOffset{.offset = *offset});
      continue;
    }
    if (topic_name == nullptr || *topic_name != key.topic) {
      net::ListOffsetsRequest::ListOffsetsTopic topic;
      topic.name = key.topic;
      arena.push_back(request.topics, topic);
      topic_name = &key.topic;
    }
    net::ListOffsetsRequest::ListOffsetsPartition partition;
    partition.partition_index = key.partition;
    if (const auto* known = cluster.metadata().partition(key)) partition.current_leader_epoch = known->leader_epoch;
    partition.timestamp = wire_timestamp(start);
    arena.push_back(request.topics.back().partitions, partition);
  }
  if (request.topics.empty()) return answers;
  const auto answer = TRY(cluster.request(f, broker, request));
  for (const auto& topic : answer->topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition key{std::string{topic.name}, partition.partition_index};
      if (!query.contains(key)) continue;
      if (partition.error_code != ErrorCode::none) answers.insert_or_assign(key, core::fail_code(partition.error_code));
      else answers.insert_or_assign(key, FoundOffset{partition.offset, partition.timestamp, partition.leader_epoch});
    }
  }
  for (const auto& [key, start] : query) answers.try_emplace(key, fail(Reason::malformed_answer));
  return answers;
}

Result<std::map<TopicPartition, FoundOffset>> list_offsets(kernel::Fiber& f, core::Cluster& cluster, OffsetQuery query,
                                                           IsolationLevel isolation) {
  std::map<TopicPartition, FoundOffset> found;
  kernel::Random random = cluster.random("list_offsets");
  core::Backoff backoff{cluster.config().retry_backoff, cluster.config().retry_backoff_max};
  const kernel::Mono due = kernel::saturating_add(f.now(), cluster.config().default_api_timeout);
  while (!query.empty()) {
    std::map<net::BrokerId, OffsetQuery> by_leader;
    Error problem;
    for (const auto& [key, start] : query) {
      const core::TopicInfo topic = TRY(cluster.topic(f, key.topic));
      const core::PartitionInfo* partition = topic.find(key.partition);
      if (partition == nullptr) return fail(Reason::unknown_partition, key.partition.raw());
      const net::BrokerId leader = cluster.metadata().leader(key);
      if (leader == net::kBrokerIdNone) problem = fail(Reason::no_leader, key.partition.raw()).error();
      else by_leader[leader].emplace(key, start);
    }
    for (const auto& [leader, part] : by_leader) {
      const auto answers = list_offsets_at(f, cluster, leader, part, isolation);
      if (!answers) {
        problem = answers.error();
        if (!worth_retrying(problem)) return std::unexpected(problem);
        continue;
      }
      for (const auto& [key, answer] : *answers) {
        if (answer) {
          found[key] = *answer;
          query.erase(key);
        } else {
          problem = answer.error();
          if (!worth_retrying(problem)) return std::unexpected(problem);
        }
      }
    }
    if (query.empty()) break;
    if (f.now() >= due) return std::unexpected(problem);
    TRY(f.sleep(backoff.next(random)));
    cluster.want_refresh();
  }
  return found;
}

}  // namespace clients::consumer
