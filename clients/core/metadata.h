// What is known of a cluster: its brokers, and of each topic asked for, who leads its partitions. Pure values; the
// cluster (cluster.h) keeps them fresh.
//
// An answer may be older than what is known (brokers learn of changes at different times), so a partition's leader is
// only replaced by one of the same or a later epoch (KIP-320), unless the topic is another one under the same name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/core/config.h"
#include "net/messages/metadata.h"
#include "net/types.h"

namespace clients::core {

struct PartitionInfo {
  net::ErrorCode error = net::ErrorCode::none;
  net::BrokerId leader = net::kBrokerIdNone;
  net::LeaderEpoch leader_epoch = net::kLeaderEpochNone;
  std::vector<net::BrokerId> replicas;
  std::vector<net::BrokerId> in_sync;
  std::vector<net::BrokerId> offline;
};

struct TopicInfo {
  net::ErrorCode error = net::ErrorCode::none;
  net::TopicId id{};
  bool internal = false;
  std::map<net::PartitionId, PartitionInfo> partitions;
  [[nodiscard]] const PartitionInfo* find(net::PartitionId partition) const {
    const auto found = partitions.find(partition);
    return found == partitions.end() ? nullptr : &found->second;
  }
};

struct TopicPartition {
  std::string topic;
  net::PartitionId partition{0};
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

class Metadata {
 public:
  /// Takes in an answer. Topics that the answer does not speak of stay as they are.
  void apply(const net::MetadataResponse& answer);
  /// A leader hint from a Produce or Fetch answer (KIP-951). True when it was news.
  bool apply_leader(const TopicPartition& at, net::BrokerId leader, net::LeaderEpoch epoch);
  void apply_broker(net::BrokerId id, HostPort at) { brokers_[id] = std::move(at); }

  [[nodiscard]] const TopicInfo* topic(std::string_view name) const;
  [[nodiscard]] const PartitionInfo* partition(const TopicPartition& at) const;
  /// kBrokerIdNone while unknown.
  [[nodiscard]] net::BrokerId leader(const TopicPartition& at) const;
  [[nodiscard]] std::optional<std::string> topic_name(net::TopicId id) const;
  [[nodiscard]] const std::map<net::BrokerId, HostPort>& brokers() const { return brokers_; }
  [[nodiscard]] net::BrokerId controller() const { return controller_; }
  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  /// Answers taken in so far.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  void apply_topic(const net::MetadataResponse::MetadataResponseTopic& answer);
  std::map<net::BrokerId, HostPort> brokers_;
  std::map<std::string, TopicInfo, std::less<>> topics_;
  net::BrokerId controller_ = net::kBrokerIdNone;
  std::string cluster_id_;
  std::uint64_t generation_ = 0;
};

}  // namespace clients::core
