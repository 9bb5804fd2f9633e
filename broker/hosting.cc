#include "broker/hosting.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "broker/broker.h"
#include "broker/log/directory_shard.h"
#include "broker/log/log_directory.h"
#include "broker/log/reason.h"
#include "broker/metadata/delta.h"
#include "kernel/node.h"

namespace broker {
namespace {

using kernel::Fiber;
using kernel::Result;
using metadata::Delta;
using metadata::Resource;
using metadata::ResourceType;

/// Logs of a shard that are opened at a time: enough to keep the disk busy; each has a few files open meanwhile.
constexpr std::size_t kOpeningAtOnceMax = 64;

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

/// Suspends. The log, on record in its epoch.
Result<std::unique_ptr<log::Log>> open_log(Fiber& f, log::DirectoryShard& directory, const metadata::Topic& topic,
                                                   const PartitionKey& key, net::LeaderEpoch epoch,
                                                   const log::LogConfig& config) {
  const log::LogIdentity identity{.topic = topic.name, .partition = key.second, .topic_id = key.first};
  auto opened = log::Log::open(f, directory, identity, config);
  if (!opened && opened.error().is(log::LogReason::foreign_topic_id)) {
    // Of a topic that is deleted: it could not be removed then.
    if (const auto other = TRY(directory.directory().found_at(f, identity.topic, identity.partition)))
      TRY(directory.directory().set_aside(f, *other));
    opened = log::Log::open(f, directory, identity, config);
  }
  auto log = TRY(std::move(opened));
  log->enter_epoch(epoch);
  return log;
}

void open_partition(Fiber& f, BrokerShard& shard, const metadata::Topic& topic, const PartitionKey& key,
                    std::optional<std::size_t> place, net::LeaderEpoch epoch, const log::LogConfig& config) {
  log::DirectoryShard* directory = place ? shard.directories[*place] : nullptr;
  if (directory == nullptr || !directory->online()) {
    f.log().warn("partition_in_offline_directory", {{"topic", topic.name}, {"partition", key.second}});
    f.node().mark("broker.partition_in_offline_directory");
    return shard.host(key, {nullptr, kernel::fail(log::LogReason::directory_offline).error(), place});
  }
  auto log = open_log(f, *directory, topic, key, epoch, config);
  if (log) return shard.host(key, {std::make_shared<replication::Partition>(std::move(*log), epoch), {}, place});
  const kernel::Error why = log.error();
  shard.host(key, {nullptr, why, place});
  if (why.is(kernel::Errc::cancelled)) return;
  if (log::may_pass(why)) {
    f.log().warn("partition_waits", {{"topic", topic.name}, {"partition", key.second}, {"error", why}});
    return directory->note_space(f, why.is(kernel::Errc::disk_full), directory->path());
  }
  f.log().error("partition_offline", {{"topic", topic.name}, {"partition", key.second}, {"error", why}});
  // Damage is the partition's own; a disk that fails is everybody's there, and a restart may find it well again.
  if (why.room == kernel::Room::kernel) directory->go_offline(f, why, topic.name);
}

void apply_settings(BrokerShard& shard, const metadata::Topic& topic) {
  const log::LogConfig config = config::log_config(shard.topic_config(topic));
  for_own_partitions(shard, topic, [&](const PartitionKey& key, const metadata::Partition&) {
    Hosted* hosted = shard.find(key);
    if (hosted != nullptr && hosted->partition != nullptr) hosted->partition->log().set_config(config);
  });
}

/// The layers of settings beside a topic's own, when they have changed or are shown for the first time.
std::optional<config::Layers> changed_layers(BrokerShard& shard, const metadata::Image& next, const metadata::Delta& delta) {
  const Resource own{ResourceType::broker, fmt::to_string(shard.broker().id().raw())};
  const Resource cluster{ResourceType::broker, {}};
  if (shard.image() != nullptr && !delta.settings.contains(own) && !delta.settings.contains(cluster)) return std::nullopt;
  return config::Layers{shard.config(), next.settings_of(own.type, own.name), next.settings_of(cluster.type, cluster.name)};
}

/// The files of a partition that could not be opened, where its directory serves.
Result<> discard_unopened(Fiber& there, BrokerShard& shard, const metadata::Topic& topic, const PartitionKey& key,
                          std::size_t place) {
  log::DirectoryShard* directory = shard.directories[place];
  if (directory == nullptr || !directory->online()) return {};
  const auto found = TRY(directory->directory().found_at(there, topic.name, key.second));
  if (!found || found->topic_id != key.first) return {};
  return directory->directory().discard(there, *found);
}

}  // namespace

void open_what_waits(Fiber& there, BrokerShard& shard) {
  const metadata::ImageRef image = shard.image();
  if (image == nullptr) return;  // still coming up
  std::vector<PartitionKey> waiting;
  for (const auto& [key, hosted] : shard.partitions())
    if (hosted.partition == nullptr && hosted.directory && log::may_pass(hosted.why_offline)) waiting.push_back(key);
  for (const PartitionKey& key : waiting) {
    const auto lock = shard.hosting.lock(there);
    if (!lock) return;
    const metadata::Topic* topic = image->find_topic(key.first);
    const Hosted* hosted = shard.find(key);
    if (topic == nullptr || hosted == nullptr || shard.image() != image) return;
    const std::optional<std::size_t> place = hosted->directory;
    log::DirectoryShard* directory = shard.directories[*place];
    const net::LeaderEpoch epoch = topic->partitions[static_cast<std::size_t>(key.second.raw())].leader_epoch;
    const log::LogConfig config = config::log_config(shard.topic_config(*topic));
    auto log = open_log(there, *directory, *topic, key, epoch, config);
    if (!log && (log::may_pass(log.error()) || log.error().is(kernel::Errc::cancelled))) return;  // nor will the next one
    if (!log) {
      there.log().error("partition_offline", {{"topic", topic->name}, {"partition", key.second}, {"error", log.error()}});
      if (log.error().room == kernel::Room::kernel) directory->go_offline(there, log.error(), topic->name);
    }
    static_cast<void>(shard.release(key));
    if (log) shard.host(key, {std::make_shared<replication::Partition>(std::move(*log), epoch), {}, place});
    else shard.host(key, {nullptr, log.error(), place});
    if (!log) continue;
    there.log().info("partition_opened", {{"topic", topic->name}, {"partition", key.second}});
    there.node().mark("broker.partition_opened_late");
    directory->note_space(there, /*is_full=*/false, {});
    shard.coordinators.follow(there, shard, {}, *image);
  }
}

void remove_deleted(Fiber& there, BrokerShard& shard, const metadata::Delta& delta) {
  const auto lock = shard.hosting.lock(there);
  if (!lock) return;
  for (const metadata::TopicRef& topic : delta.removed) {
    for_own_partitions(shard, *topic, [&](const PartitionKey& key, const metadata::Partition&) {
      const Hosted* hosted = shard.find(key);
      if (hosted == nullptr) return;
      const std::optional<std::size_t> place = hosted->directory;
      const auto partition = shard.release(key);
      if (partition != nullptr) partition->mark_deleted();
      const Result<> removed = partition != nullptr ? partition->log().remove(there)
                               : place ? discard_unopened(there, shard, *topic, key, *place)
                                       : Result<>{};
      if (!removed) there.log().warn("log_not_removed", {{"topic", topic->name}, {"partition", key.second}, {"error", removed.error()}});
    });
  }
}

void open_new(Fiber& there, BrokerShard& shard, const metadata::Image& next, const metadata::Delta& delta, const Placements& places) {
  const auto lock = shard.hosting.lock(there);
  if (!lock) return;
  const std::optional<config::Layers> changed = changed_layers(shard, next, delta);
  const config::Layers& layers = changed ? *changed : shard.layers();
  std::vector<std::function<void(Fiber&)>> waiting;
  for (const metadata::TopicRef& topic : delta.changed) {
    const auto settings = config::resolve_topic(next.settings_of(ResourceType::topic, topic->name), layers);
    for_own_partitions(shard, *topic, [&](const PartitionKey& key, const metadata::Partition& facts) {
      if (shard.find(key) != nullptr) return;
      waiting.push_back([&shard, &topic = *topic, key, place = places.find(key), epoch = facts.leader_epoch,
                      config = config::log_config(settings)](Fiber& child) {
        open_partition(child, shard, topic, key, place, epoch, config);
      });
    });
  }
  kernel::Scope opening{there};
  std::size_t taken = 0;
  for (std::size_t i = 0; i < std::min(waiting.size(), kOpeningAtOnceMax); ++i) {
    opening.spawn("open log", [&](Fiber& child) {
      while (taken < waiting.size() && !child.cancelled()) waiting[taken++](child);
    });
  }
  static_cast<void>(opening.join(there));
}

void show(Fiber& there, BrokerShard& shard, const metadata::ImageRef& next, const metadata::Delta& delta) {
  std::optional<config::Layers> changed = changed_layers(shard, *next, delta);
  const bool of_broker = changed.has_value();
  shard.set_image(next, std::move(changed));
  if (of_broker) {
    for (const auto& [name, topic] : next->topics) apply_settings(shard, *topic);
  } else {
    for (const Resource& resource : delta.settings) {
      const metadata::Topic* topic = resource.type == ResourceType::topic ? next->find_topic(resource.name) : nullptr;
      if (topic != nullptr) apply_settings(shard, *topic);
    }
  }
  shard.coordinators.follow(there, shard, delta.removed, *next);
}

}  // namespace broker
