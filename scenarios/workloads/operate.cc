#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/create_partitions.h"
#include "net/messages/create_topics.h"
#include "net/messages/delete_records.h"
#include "net/messages/describe_configs.h"
#include "net/messages/describe_topic_partitions.h"
#include "net/messages/incremental_alter_configs.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGrowing = "growing";
constexpr std::int32_t kPartitionsMax = 6;
constexpr auto malformed = clients::core::Reason::malformed_answer;

/// False when it was refused: nothing has gone then.
bool delete_records(Fiber& f, Cluster& cluster, Stage& stage, const PartitionName& at, net::Offset before) {
  net::DeleteRecordsRequest::DeleteRecordsPartition partition;
  partition.partition_index = net::PartitionId{at.partition};
  partition.offset = before;
  net::DeleteRecordsRequest::DeleteRecordsTopic topic;
  topic.name = at.topic;
  topic.partitions = net::List<net::DeleteRecordsRequest::DeleteRecordsPartition>{&partition, 1};
  net::DeleteRecordsRequest request;
  request.topics = net::List<net::DeleteRecordsRequest::DeleteRecordsTopic>{&topic, 1};
  request.timeout_ms = 5000;
  stage.ledger.deleting(at, before);
  const auto answer = cluster.request_any(f, request, {.timeout = 6s});
  if (!answer || (*answer)->topics.empty() || (*answer)->topics[0].partitions.empty()) return true;
  const auto& told = (*answer)->topics[0].partitions[0];
  if (told.error_code == ErrorCode::none) stage.ledger.deleted(at, net::Offset{told.low_watermark});
  return told.error_code != ErrorCode::offset_out_of_range;
}

Result<ErrorCode> set(Fiber& f, Cluster& cluster, std::string_view topic, std::string_view name, std::string_view value) {
  net::IncrementalAlterConfigsRequest::AlterableConfig one;
  one.name = name;
  one.value = value;
  net::IncrementalAlterConfigsRequest::AlterConfigsResource resource;
  resource.resource_type = 2;
  resource.resource_name = topic;
  resource.configs = net::List<net::IncrementalAlterConfigsRequest::AlterableConfig>{&one, 1};
  net::IncrementalAlterConfigsRequest request;
  request.resources = net::List<net::IncrementalAlterConfigsRequest::AlterConfigsResource>{&resource, 1};
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s}));
  if (answer->responses.empty()) return kernel::fail(malformed);
  return answer->responses[0].error_code;
}

Result<std::string> described(Fiber& f, Cluster& cluster, std::string_view topic, std::string_view name) {
  std::string_view names[] = {name};
  net::DescribeConfigsRequest::DescribeConfigsResource resource;
  resource.resource_type = 2;
  resource.resource_name = topic;
  resource.configuration_keys = net::List<std::string_view>{names, 1};
  net::DescribeConfigsRequest request;
  request.resources = net::List<net::DescribeConfigsRequest::DescribeConfigsResource>{&resource, 1};
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s}));
  if (answer->results.empty()) return kernel::fail(malformed);
  if (answer->results[0].error_code != ErrorCode::none) return clients::core::fail_code(answer->results[0].error_code);
  if (answer->results[0].configs.empty()) return kernel::fail(malformed);
  return std::string{answer->results[0].configs[0].value.value_or("")};
}

/// Nothing when it is not there.
Result<std::optional<std::int32_t>> partitions_of(Fiber& f, Cluster& cluster, std::string_view topic) {
  net::DescribeTopicPartitionsRequest::TopicRequest one;
  one.name = topic;
  net::DescribeTopicPartitionsRequest request;
  request.topics = net::List<net::DescribeTopicPartitionsRequest::TopicRequest>{&one, 1};
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s}));
  if (answer->topics.empty()) return kernel::fail(malformed);
  const auto& told = answer->topics[0];
  if (told.error_code == ErrorCode::unknown_topic_or_partition) return std::nullopt;
  if (told.error_code != ErrorCode::none) return clients::core::fail_code(told.error_code);
  return static_cast<std::int32_t>(told.partitions.size());
}

Result<ErrorCode> grow(Fiber& f, Cluster& cluster, std::string_view topic, std::int32_t count) {
  net::CreatePartitionsRequest::CreatePartitionsTopic one;
  one.name = topic;
  one.count = count;
  one.assignments.reset();
  net::CreatePartitionsRequest request;
  request.topics = net::List<net::CreatePartitionsRequest::CreatePartitionsTopic>{&one, 1};
  request.timeout_ms = 5000;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s}));
  if (answer->results.empty()) return kernel::fail(malformed);
  return answer->results[0].error_code;
}

Result<ErrorCode> create(Fiber& f, Cluster& cluster, std::string_view name) {
  net::CreateTopicsRequest::CreatableTopic topic;
  topic.name = name;
  topic.num_partitions = 1;
  topic.replication_factor = 1;
  net::CreateTopicsRequest request;
  request.topics = net::List<net::CreateTopicsRequest::CreatableTopic>{&topic, 1};
  request.timeout_ms = 5000;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s}));
  if (answer->topics.empty()) return kernel::fail(malformed);
  return answer->topics[0].error_code;
}

/// Remembers what was acknowledged, and what may hold besides after an answer that never came.
class Operator {
 public:
  Operator(Stage& stage, Cluster& cluster) : stage_{stage}, cluster_{cluster}, random_{stage.run.random("operator")} {}

  void act(Fiber& f) {
    switch (random_.below(3)) {
      case 0: return change_setting(f);
      case 1: return grow_topic(f);
      default: return delete_some(f);
    }
  }

 private:
  void delete_some(Fiber& f) {
    const PartitionName at{stage_.topic, static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(stage_.partitions)))};
    std::int64_t& asked = asked_[at.partition];
    const std::int64_t more = random_.between(1, 40);
    asked += more;
    if (!delete_records(f, cluster_, stage_, at, net::Offset{asked})) asked -= more;  // the log is not that long yet
  }

  void change_setting(Fiber& f) {
    constexpr std::string_view kNames[] = {"index.interval.bytes", "segment.jitter.ms", "file.delete.delay.ms",
                                           "delete.retention.ms",  "flush.messages",    "flush.ms"};
    if (setting_ == std::size(kNames)) return;
    const std::string_view name = kNames[setting_];
    if (expected_setting_) {
      const auto told = described(f, cluster_, stage_.topic, name);
      if (told) judge(*told == *expected_setting_, fmt::format("{} was set to {} and is {}", name, *expected_setting_, *told));
    }
    const std::string value = fmt::format("{}", random_.between(100, 10'000));
    const auto changed = set(f, cluster_, stage_.topic, name, value);
    expected_setting_.reset();
    // A request without an answer may yet arrive, after a later one: nothing can be said of that setting any more.
    if (!changed) ++setting_;
    else if (*changed == ErrorCode::none) expected_setting_ = value;
  }

  void grow_topic(Fiber& f) {
    const auto there = partitions_of(f, cluster_, kGrowing);
    if (!there) return;
    judge(there->value_or(0) >= partitions_, fmt::format("{} has {} partitions, {} were acknowledged", kGrowing,
                                                         there->value_or(0), partitions_));
    if (!*there) {
      const auto made = create(f, cluster_, kGrowing);
      if (made && *made == ErrorCode::none) partitions_ = 1;
      return;
    }
    partitions_ = std::max(partitions_, **there);
    if (partitions_ == kPartitionsMax) return;
    const auto grown = grow(f, cluster_, kGrowing, partitions_ + 1);
    if (grown && *grown == ErrorCode::none) ++partitions_;
  }

  void judge(bool holds, const std::string& otherwise) {
    stage_.run.judged("M7");
    if (!holds) stage_.run.violation("M7", otherwise);
  }

  Stage& stage_;
  Cluster& cluster_;
  kernel::Random random_;
  std::map<std::int32_t, std::int64_t> asked_;
  std::size_t setting_ = 0;  ///< which one is changed
  std::optional<std::string> expected_setting_;
  std::int32_t partitions_ = 0;
};

}  // namespace

void operate_topics(Fiber& f, Stage& stage) {
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "operator")};
    Operator one{stage, cluster};
    kernel::Random random = stage.run.random("operator pauses");
    while (stage.producing) {
      if (!f.sleep(std::chrono::milliseconds{random.between(100, 4000)})) break;
      one.act(f);
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
  ++stage.producers_done;
}

}  // namespace scenarios
