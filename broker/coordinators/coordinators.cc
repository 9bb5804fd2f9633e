#include "broker/coordinators/coordinators.h"

#include "broker/broker_shard.h"
#include "broker/coordinators/placement.h"
#include "broker/limits.h"
#include "kernel/node.h"

namespace broker::coordinators {

using group::GroupCoordinator;
using kernel::Fiber;

Coordinators::Coordinators(const config::GroupConfig& config, std::size_t shards, kernel::MetricRegistry& metrics)
    : config_{config},
      group_settings_{.rules = {.size_max = config.size_max, .initial_delay = config.initial_rebalance_delay},
                      .session_timeout_min = config.session_timeout_min,
                      .session_timeout_max = config.session_timeout_max,
                      .offset_metadata_bytes_max = config.offset_metadata_bytes_max,
                      .offsets_retention = config.offsets_retention,
                      .offsets_retention_check = config.offsets_retention_check,
                      .member_bytes_max = kGroupMemberBytesMax / shards,
                      .commit_timeout = config.offsets_commit_timeout},
      group_metrics_{metrics} {}

void Coordinators::follow(Fiber& there, BrokerShard& shard, std::span<const metadata::TopicRef> gone,
                          const metadata::Image& next) {
  const Moment at = moment_of(there);
  const metadata::Topic* topic = next.find_topic(kOffsetsTopic);
  for (auto led = groups_.begin(); led != groups_.end();) {
    const auto& [partition, one] = *led;
    const Hosted* hosted = topic != nullptr && topic->id == one.topic ? shard.find({topic->id, partition}) : nullptr;
    const bool stays = hosted != nullptr && hosted->partition.get() == &one.coordinator->partition() &&
                       hosted->partition->epoch() == one.epoch;
    if (!stays) one.coordinator->close(at);
    led = stays ? std::next(led) : groups_.erase(led);
  }
  for (std::size_t i = 0; topic != nullptr && i < topic->partitions.size(); ++i) {
    const net::PartitionId partition{static_cast<std::int32_t>(i)};
    const Hosted* hosted = shard.find({topic->id, partition});
    if (hosted == nullptr || hosted->partition == nullptr || groups_.contains(partition)) continue;
    // The epoch is new at every start, so that no member id is given out twice.
    const std::uint64_t entity =
        kernel::mix64(kernel::hash64("broker.groups"),
                      kernel::mix64(static_cast<std::uint64_t>(i),
                                    static_cast<std::uint64_t>(hosted->partition->epoch().raw())));
    auto coordinator = std::make_shared<GroupCoordinator>(
        hosted->partition, shard.scope(),
        CoordinatorOptions{.codec = static_cast<net::compress::Codec>(config_.offsets_codec),
                           .batch_bytes_max = static_cast<std::size_t>(shard.topic_config(*topic).batch_bytes_max),
                           .load_bytes = config_.offsets_load_bytes},
        group_settings_, group_memory_, group_metrics_, there.node().random(kernel::Domain::application, entity));
    groups_[partition] = {topic->id, hosted->partition->epoch(), coordinator};
    coordinator->start();
  }
  if (gone.empty()) return;
  std::vector<group::DeletedTopic> deleted;
  for (const metadata::TopicRef& one : gone) deleted.push_back({one->name, one->id});
  for (const auto& [partition, led] : groups_) led.coordinator->forget_topics(at, deleted);
}

void Coordinators::end(const Moment& at) {
  for (const auto& [partition, led] : groups_) led.coordinator->close(at);
  groups_.clear();
}

std::shared_ptr<GroupCoordinator> Coordinators::groups(net::PartitionId partition) const {
  const auto at = groups_.find(partition);
  return at == groups_.end() ? nullptr : at->second.coordinator;
}

std::vector<std::shared_ptr<GroupCoordinator>> Coordinators::all_groups() const {
  std::vector<std::shared_ptr<GroupCoordinator>> out;
  for (const auto& [partition, led] : groups_) out.push_back(led.coordinator);
  return out;
}

}  // namespace broker::coordinators
