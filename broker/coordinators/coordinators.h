// The coordinators of one shard of a broker: one for each partition of an internal topic that is led here. They come
// and go with the metadata; requests find them by partition.
//
//   coordinators.follow(there, shard, delta.removed, next);   // when the shard's image has changed
//   if (const auto groups = coordinators.groups(partition)) reply = groups->join(f, request);
#pragma once

#include <map>
#include <memory>

#include "broker/config/broker_config.h"
#include "broker/coordinators/group/group_coordinator.h"
#include "broker/metadata/image.h"

namespace broker {
class BrokerShard;
}  // namespace broker

namespace broker::coordinators {

class Coordinators {
 public:
  /// `shards` share the memory for members of groups.
  Coordinators(const config::GroupConfig& config, std::size_t shards, kernel::MetricRegistry& metrics);

  /// Starts those whose partition is led here in `next`, ends those whose partition is not, or is led anew. What groups
  /// have committed in the topics that are gone goes. Their fibers live in the shard's scope. Does not suspend.
  void follow(kernel::Fiber& there, BrokerShard& shard, std::span<const metadata::TopicRef> gone, const metadata::Image& next);
  /// The broker stops: nobody keeps a partition any more. Their fibers have ended.
  void end(const Moment& at);
  /// Null when that partition of __consumer_offsets is not led here. Keep it while a call on it suspends.
  [[nodiscard]] std::shared_ptr<group::GroupCoordinator> groups(net::PartitionId partition) const;
  [[nodiscard]] std::vector<std::shared_ptr<group::GroupCoordinator>> all_groups() const;

 private:
  struct Led {
    net::TopicId topic{};
    net::LeaderEpoch epoch{-1};
    std::shared_ptr<group::GroupCoordinator> coordinator;
  };
  const config::GroupConfig& config_;
  group::GroupSettings group_settings_;
  group::GroupMemory group_memory_;
  group::GroupMetrics group_metrics_;
  std::map<net::PartitionId, Led> groups_;
};

}  // namespace broker::coordinators
