#include "clients/core/metadata.h"

namespace clients::core {

void Metadata::apply(const net::MetadataResponse& answer) {
  if (!answer.brokers.empty()) {
    brokers_.clear();
    for (const auto& broker : answer.brokers)
      brokers_[broker.node_id] = {std::string{broker.host}, static_cast<std::uint16_t>(broker.port)};
  }
  controller_ = answer.controller_id;
  if (answer.cluster_id) cluster_id_ = *answer.cluster_id;
  for (const auto& topic : answer.topics) apply_topic(topic);
  ++generation_;
}

void Metadata::apply_topic(const net::MetadataResponse::MetadataResponseTopic& answer) {
  if (!answer.name) return;
  TopicInfo& topic = topics_[std::string{*answer.name}];
  topic.error = answer.error_code;
  if (answer.error_code == net::ErrorCode::unknown_topic_or_partition) {
    topic = {.error = answer.error_code};
    return;
  }
  if (answer.error_code != net::ErrorCode::none) return;
  const bool other_topic = topic.id != answer.topic_id;
  if (other_topic) topic.partitions.clear();
  topic.id = answer.topic_id;
  topic.internal = answer.is_internal;
  for (const auto& from : answer.partitions) {
    PartitionInfo& to = topic.partitions[from.partition_index];
    if (from.leader_epoch != net::kLeaderEpochNone && from.leader_epoch < to.leader_epoch) continue;
    to.error = from.error_code;
    to.leader = from.leader_id;
    to.leader_epoch = from.leader_epoch;
    to.replicas.assign(from.replica_nodes.begin(), from.replica_nodes.end());
    to.in_sync.assign(from.isr_nodes.begin(), from.isr_nodes.end());
    to.offline.assign(from.offline_replicas.begin(), from.offline_replicas.end());
  }
}

bool Metadata::apply_leader(const TopicPartition& at, net::BrokerId leader, net::LeaderEpoch epoch) {
  const auto topic = topics_.find(at.topic);
  if (topic == topics_.end()) return false;
  const auto known = topic->second.partitions.find(at.partition);
  if (known == topic->second.partitions.end() || epoch <= known->second.leader_epoch || leader.raw() < 0) return false;
  known->second.leader = leader;
  known->second.leader_epoch = epoch;
  return true;
}

const TopicInfo* Metadata::topic(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

const PartitionInfo* Metadata::partition(const TopicPartition& at) const {
  const TopicInfo* found = topic(at.topic);
  return found == nullptr ? nullptr : found->find(at.partition);
}

net::BrokerId Metadata::leader(const TopicPartition& at) const {
  const PartitionInfo* found = partition(at);
  return found == nullptr || !brokers_.contains(found->leader) ? net::kBrokerIdNone : found->leader;
}

std::optional<std::string> Metadata::topic_name(net::TopicId id) const {
  for (const auto& [name, topic] : topics_) {
    if (topic.id == id && !id.raw().is_zero()) return name;
  }
  return std::nullopt;
}

}  // namespace clients::core
