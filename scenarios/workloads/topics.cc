#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/create_topics.h"
#include "net/messages/delete_topics.h"
#include "net/messages/metadata.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using namespace std::chrono_literals;

namespace {

Result<ErrorCode> create(Fiber& f, Cluster& cluster, std::string_view name, std::int32_t partitions,
                         const std::map<std::string, std::string>& settings = {}) {
  net::CreateTopicsRequest::CreatableTopic topic;
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = 1;
  std::vector<net::CreateTopicsRequest::CreatableTopicConfig> configs;
  for (const auto& [key, value] : settings) configs.push_back({.name = key, .value = value});
  topic.configs = net::List<net::CreateTopicsRequest::CreatableTopicConfig>::borrow(configs);
  net::CreateTopicsRequest request;
  request.topics = net::List<net::CreateTopicsRequest::CreatableTopic>{&topic, 1};
  request.timeout_ms = 5000;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s}));
  if (answer->topics.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  return answer->topics[0].error_code;
}

Result<ErrorCode> remove(Fiber& f, Cluster& cluster, std::string_view name) {
  std::string_view names[] = {name};
  net::DeleteTopicsRequest request;
  request.topic_names = net::List<std::string_view>{names, 1};
  request.timeout_ms = 5000;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s, .versions = {.first = 1, .last = 5}}));
  if (answer->responses.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  return answer->responses[0].error_code;
}

/// Whether the broker knows the topic now.
Result<bool> known(Fiber& f, Cluster& cluster, std::string_view name) {
  net::MetadataRequest::MetadataRequestTopic topic;
  topic.name = name;
  net::MetadataRequest request;
  request.topics = net::List<net::MetadataRequest::MetadataRequestTopic>{&topic, 1};
  request.allow_auto_topic_creation = false;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s, .versions = {.first = 4, .last = 11}}));
  if (answer->topics.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  const ErrorCode code = answer->topics[0].error_code;
  if (code == ErrorCode::none) return true;
  if (code == ErrorCode::unknown_topic_or_partition) return false;
  return clients::core::fail_code(code);
}

/// M7: an acknowledged change is there until the opposite one was asked for.
void check(Fiber& f, Cluster& cluster, Stage& stage, std::string_view name, bool expected) {
  const auto is_known = known(f, cluster, name);
  if (!is_known) return;
  stage.run.judged("M7");
  if (*is_known != expected) {
    stage.run.violation("M7", fmt::format("topic {} was acknowledged as {} and is {}", name,
                                          expected ? "created" : "deleted", *is_known ? "there" : "not there"));
  }
}

}  // namespace

void create_topic(Fiber& f, Stage& stage) {
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "admin")};
    for (;;) {
      const auto made = create(f, cluster, stage.topic, stage.partitions, stage.topic_settings);
      if (made && (*made == ErrorCode::none || *made == ErrorCode::topic_already_exists)) break;
      if (!f.sleep(200ms)) break;
    }
  }
  stage.topic_ready = true;
  scope.cancel();
  static_cast<void>(scope.join(f));
}

void churn_topics(Fiber& f, Stage& stage) {
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "admin")};
    kernel::Random random = stage.run.random("churn");
    for (int round = 0; stage.producing; ++round) {
      const std::string name = fmt::format("passing-{}", round);
      const auto made = create(f, cluster, name, static_cast<std::int32_t>(random.between(1, 3)));
      if (made && *made == ErrorCode::none) {
        check(f, cluster, stage, name, true);
        if (!f.sleep(std::chrono::milliseconds{random.between(1, 2000)})) break;
        check(f, cluster, stage, name, true);
        const auto gone = remove(f, cluster, name);
        if (gone && *gone == ErrorCode::none) check(f, cluster, stage, name, false);
      }
      if (!f.sleep(std::chrono::milliseconds{random.between(10, 3000)})) break;
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
  ++stage.producers_done;
}

}  // namespace scenarios
