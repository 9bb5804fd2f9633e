#include "broker/hosting.h"

#include <algorithm>

#include <fmt/format.h>

#include "broker/broker.h"
#include "broker/log/directory_shard.h"
#include "broker/metadata/delta.h"

namespace broker {
namespace {

using kernel::Fiber;
using metadata::Delta;
using metadata::Resource;
using metadata::ResourceType;

/// Calls `each(key, facts)` for the partitions of a topic that this broker has and that live on this shard.
template <class Each>
void for_own_partitions(BrokerShard& shard, const metadata::Topic& topic, Each&& each) {
  const net::BrokerId self = shard.broker().id();
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const PartitionKey key{topic.id, net::PartitionId{static_cast<std::int32_t>(i)}};
    const metadata::Partition& facts = topic.partitions[i];
    if (&shard.broker().home_of(key) != &shard || std::ranges::find(facts.replicas, self) == facts.replicas.end())
      continue;
    each(key, facts);
  }
}

void open_partition(Fiber& f, BrokerShard& shard, const metadata::Topic& topic, const PartitionKey& key,
                    net::LeaderEpoch epoch, const log::LogConfig& config) {
  auto log = log::Log::open(f, *shard.directory,
                            {.topic = topic.name, .partition = key.second, .topic_id = key.first}, config);
  const auto give_up = [&](const kernel::Error& why) {
    shard.host(key, {nullptr, why});
    if (why.is(kernel::Errc::cancelled)) return;
    f.log().error("partition_offline", {{"topic", topic.name}, {"partition", key.second}, {"error", why}});
    // Damage is the partition's own; a disk that fails is everybody's, and a restart may find it well again.
    if (why.room == kernel::Room::kernel) shard.directory->go_offline(f, why, topic.name);
  };
  if (!log) return give_up(log.error());
  const auto latest = (*log)->epochs().latest();
  if (!latest || latest->epoch < epoch) {
    if (const auto begun = (*log)->begin_epoch(f, epoch); !begun) return give_up(begun.error());
  }
  shard.host(key, {std::make_shared<replication::Partition>(std::move(*log), epoch)});
}

void open_new_partitions(Fiber& there, BrokerShard& shard, const metadata::Image& next, const Delta& delta,
                         const config::Layers& layers) {
  kernel::Scope opening{there};
  for (const metadata::TopicRef& topic : delta.changed) {
    const auto settings = config::resolve_topic(next.settings_of(ResourceType::topic, topic->name), layers);
    for_own_partitions(shard, *topic, [&](const PartitionKey& key, const metadata::Partition& facts) {
      if (shard.find(key) != nullptr) return;
      opening.spawn("open log", [&shard, &topic = *topic, key, epoch = facts.leader_epoch,
                                 config = config::log_config(settings)](Fiber& child) {
        open_partition(child, shard, topic, key, epoch, config);
      });
    });
  }
  static_cast<void>(opening.join(there));
}

void apply_settings(BrokerShard& shard, const metadata::Topic& topic) {
  const log::LogConfig config = config::log_config(shard.topic_config(topic));
  for_own_partitions(shard, topic, [&](const PartitionKey& key, const metadata::Partition&) {
    Hosted* hosted = shard.find(key);
    if (hosted != nullptr && hosted->partition != nullptr) hosted->partition->log().set_config(config);
  });
}

void remove_deleted(Fiber& there, BrokerShard& shard, const metadata::Topic& topic) {
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const auto partition = shard.release({topic.id, net::PartitionId{static_cast<std::int32_t>(i)}});
    if (partition == nullptr) continue;
    partition->mark_deleted();
    if (const auto removed = partition->log().remove(there); !removed)
      there.log().warn("log_not_removed", {{"topic", topic.name}, {"partition", i}, {"error", removed.error()}});
  }
}

}  // namespace

void bring_up(Fiber& there, BrokerShard& shard, const metadata::ImageRef& next) {
  const metadata::ImageRef before = shard.image();
  const metadata::Image nothing;
  const Delta delta = metadata::delta_of(before != nullptr ? *before : nothing, *next);
  const Resource own{ResourceType::broker, fmt::to_string(shard.broker().id().raw())};
  const Resource cluster{ResourceType::broker, {}};
  const bool of_broker = before == nullptr || delta.settings.contains(own) || delta.settings.contains(cluster);
  std::optional<config::Layers> layers;
  if (of_broker)
    layers.emplace(shard.config(), next->settings_of(own.type, own.name), next->settings_of(cluster.type, cluster.name));

  open_new_partitions(there, shard, *next, delta, layers ? *layers : shard.layers());
  shard.set_image(next, std::move(layers));
  if (of_broker) {
    for (const auto& [name, topic] : next->topics) apply_settings(shard, *topic);
  } else {
    for (const Resource& resource : delta.settings) {
      const metadata::Topic* topic = resource.type == ResourceType::topic ? next->find_topic(resource.name) : nullptr;
      if (topic != nullptr) apply_settings(shard, *topic);
    }
  }
  shard.coordinators.follow(there, shard, before.get(), *next);
  for (const metadata::TopicRef& topic : delta.removed) remove_deleted(there, shard, *topic);
}

}  // namespace broker
