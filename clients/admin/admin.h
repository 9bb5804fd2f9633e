// Calls that look at a cluster and change its topics. Each sends one request to a broker that can be reached and asks
// again only where that is harmless: reads always, changes only when the broker said that it did not begin.
//
//   const auto created = TRY(create_topics(f, cluster, {{.name = "orders", .partitions = 3}}));
//   if (created[0].code == net::ErrorCode::topic_already_exists) ...
//
// Every call suspends. Errors of all: those of Cluster::request_any. After an unknown outcome (outcome_unknown()) the
// change may have happened: look. What the broker says of single topics is in the answers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clients/admin/verdict.h"
#include "clients/core/cluster.h"

namespace clients::admin {

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;          ///< -1: the broker's num.partitions
  std::int16_t replication_factor = -1;  ///< -1: the broker's default.replication.factor
  std::map<std::string, std::string> configs{};
};
struct CreatedTopic : Verdict {
  net::TopicId id{};
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
};
/// `validate_only`: nothing is created, the answers say what would have been.
kernel::Result<std::vector<CreatedTopic>> create_topics(kernel::Fiber& f, core::Cluster& cluster,
                                                        const std::vector<NewTopic>& topics,
                                                        bool validate_only = false);
kernel::Result<std::vector<Verdict>> delete_topics(kernel::Fiber& f, core::Cluster& cluster,
                                                   const std::vector<std::string>& names);

struct TopicDescription : Verdict {
  core::TopicInfo info;
};
/// These topics, or all of them when `names` is empty. Does not create what is missing.
kernel::Result<std::vector<TopicDescription>> describe_topics(kernel::Fiber& f, core::Cluster& cluster,
                                                              const std::vector<std::string>& names);

struct ClusterDescription {
  std::string cluster_id;
  net::BrokerId controller = net::kBrokerIdNone;
  std::map<net::BrokerId, core::HostPort> brokers;
};
/// By DescribeCluster, or Metadata where a broker has only that.
kernel::Result<ClusterDescription> describe_cluster(kernel::Fiber& f, core::Cluster& cluster);

}  // namespace clients::admin
