#include "clients/admin/admin.h"

#include "clients/admin/ask.h"
#include "net/messages/create_topics.h"
#include "net/messages/delete_topics.h"
#include "net/messages/describe_cluster.h"

namespace clients::admin {

using core::Cluster;
using core::Reason;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;

namespace {

constexpr std::int16_t kDeleteByStateFirst = 6;

}  // namespace

Result<std::vector<CreatedTopic>> create_topics(Fiber& f, Cluster& cluster, const std::vector<NewTopic>& topics,
                                                bool validate_only) {
  net::Arena arena;
  net::CreateTopicsRequest request;
  request.timeout_ms = timeout_ms(cluster);
  request.validate_only = validate_only;
  for (const NewTopic& wanted : topics) {
    net::CreateTopicsRequest::CreatableTopic topic;
    topic.name = wanted.name;
    topic.num_partitions = wanted.partitions;
    topic.replication_factor = wanted.replication_factor;
    for (const auto& [name, value] : wanted.configs) {
      net::CreateTopicsRequest::CreatableTopicConfig config;
      config.name = name;
      config.value = value;
      arena.push_back(topic.configs, config);
    }
    arena.push_back(request.topics, topic);
  }
  const auto answer = TRY(ask(f, cluster, request, [](const auto& got) {
    if (!got) return not_begun(got.error()) && !got.error().is(kernel::Errc::connection_refused);
    return std::ranges::any_of((*got)->topics, [](const auto& t) { return t.error_code == ErrorCode::not_controller; });
  }));
  std::vector<CreatedTopic> created;
  for (const auto& topic : answer->topics) {
    CreatedTopic one;
    one.name = topic.name;
    one.code = topic.error_code;
    one.message = words(topic.error_message);
    one.id = topic.topic_id;
    one.partitions = topic.num_partitions;
    one.replication_factor = topic.replication_factor;
    created.push_back(std::move(one));
  }
  cluster.want_refresh();
  return created;
}

Result<std::vector<Verdict>> delete_topics(Fiber& f, Cluster& cluster, const std::vector<std::string>& names) {
  net::Arena arena;
  net::DeleteTopicsRequest request;
  request.timeout_ms = timeout_ms(cluster);
  const auto connection = TRY(cluster.any_connection(f));
  const auto version = TRY(connection->pick_version(net::ApiKey::delete_topics, net::DeleteTopicsRequest::kVersions, {}));
  for (const std::string& name : names) {
    if (version < kDeleteByStateFirst) {
      arena.push_back(request.topic_names, std::string_view{name});
      continue;
    }
    net::DeleteTopicsRequest::DeleteTopicState topic;
    topic.name = name;
    arena.push_back(request.topics, topic);
  }
  core::Exchange exchange = TRY(connection->start(f, request, {.first = version, .last = version}));
  const auto answer = TRY(exchange.await<net::DeleteTopicsResponse>(f, cluster.config().request_timeout));
  std::vector<Verdict> verdicts;
  for (const auto& topic : answer->responses)
    verdicts.push_back({words(topic.name), topic.error_code, words(topic.error_message)});
  cluster.want_refresh();
  return verdicts;
}

Result<std::vector<TopicDescription>> describe_topics(Fiber& f, Cluster& cluster,
                                                      const std::vector<std::string>& names) {
  net::Arena arena;
  net::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (names.empty()) {
    request.topics = std::nullopt;
  } else {
    request.topics.emplace();
    for (const std::string& name : names) {
      net::MetadataRequest::MetadataRequestTopic topic;
      topic.name = name;
      arena.push_back(*request.topics, topic);
    }
  }
  const auto answer = TRY(ask(f, cluster, request, [](const auto& got) { return read_again(got); }));
  if (answer->error_code != ErrorCode::none) return core::fail_code(answer->error_code);
  core::Metadata metadata;
  metadata.apply(answer.message);
  std::vector<TopicDescription> topics;
  for (const auto& topic : answer->topics) {
    TopicDescription one;
    one.name = words(topic.name);
    one.code = topic.error_code;
    if (const core::TopicInfo* info = metadata.topic(one.name)) one.info = *info;
    topics.push_back(std::move(one));
  }
  std::ranges::sort(topics, {}, &TopicDescription::name);
  return topics;
}

Result<ClusterDescription> describe_cluster(Fiber& f, Cluster& cluster) {
  ClusterDescription description;
  const auto answer = ask(f, cluster, net::DescribeClusterRequest{}, [](const auto& got) { return read_again(got); });
  if (!answer && answer.error().is(Reason::unsupported_version)) {
    TRY(cluster.refresh(f));
    description.cluster_id = cluster.metadata().cluster_id();
    description.controller = cluster.metadata().controller();
    description.brokers = cluster.metadata().brokers();
    return description;
  }
  if (!answer) return std::unexpected(answer.error());
  if ((*answer)->error_code != ErrorCode::none) return core::fail_code((*answer)->error_code);
  description.cluster_id = (*answer)->cluster_id;
  description.controller = (*answer)->controller_id;
  for (const auto& broker : (*answer)->brokers)
    description.brokers[broker.broker_id] = {std::string{broker.host}, static_cast<std::uint16_t>(broker.port)};
  return description;
}

}  // namespace clients::admin
