#include "broker/broker_shard.h"

#include "broker/broker.h"
#include "broker/limits.h"
#include "broker/log/upkeep.h"
#include "kernel/check.h"
#include "kernel/node.h"

namespace broker {
namespace {

std::uint64_t request_memory_of_a_shard(const config::BrokerConfig& config, const kernel::Shard& shard) {
  return config.request_memory_bytes / shard.node().shards().size();
}

}  // namespace

BrokerShard::BrokerShard(Broker& broker, kernel::Shard& shard, kernel::Scope& scope, const config::BrokerConfig& config,
                         server::RequestHandler& handler)
    : packed_memory{static_cast<std::int64_t>(request_memory_of_a_shard(config, shard) / kPackedAnewShare)},
      sessions{config.fetch_sessions_max, shard.id(), static_cast<std::uint32_t>(shard.node().shards().size()),
               shard.node().random(kernel::Domain::application, 0x5e55 + shard.id())},
      coordinators{config.groups, shard.node().shards().size(), shard.metrics()},
      metrics{shard.metrics()},
      broker_{broker},
      shard_{shard},
      scope_{scope},
      config_{config},
      layers_{config},
      dynamic_{config::dynamic_config(layers_)},
      request_memory_{static_cast<std::int64_t>(request_memory_of_a_shard(config, shard)) - packed_memory.total() +
                      kInternalReserveBytes},
      ground_{shard, scope, request_memory_, handler, {.frame_bytes_max = config.request_bytes_max},
              [this](server::Connection& connection) {
                connections_.erase(connection.id());
                metrics.connections.set(static_cast<std::int64_t>(connections_.size()));
              },
              [this](kernel::Mono now) { relieve_memory(now); }} {}

void BrokerShard::set_image(metadata::ImageRef image, std::optional<config::Layers> layers) {
  topic_configs_.clear();
  image_ = std::move(image);
  if (!layers) return;
  layers_ = std::move(*layers);
  dynamic_ = config::dynamic_config(layers_);
}

const config::TopicConfig& BrokerShard::topic_config(const metadata::Topic& topic) {
  const auto known = topic_configs_.find(topic.id);
  if (known != topic_configs_.end()) return known->second;
  const auto& own = image_->settings_of(metadata::ResourceType::topic, topic.name);
  return topic_configs_.emplace(topic.id, config::resolve_topic(own, layers_)).first->second;
}

Hosted* BrokerShard::find(const PartitionKey& key) {
  const auto at = partitions_.find(key);
  return at == partitions_.end() ? nullptr : &at->second;
}

std::shared_ptr<replication::Partition> BrokerShard::release(const PartitionKey& key) {
  const auto at = partitions_.find(key);
  if (at == partitions_.end()) return nullptr;
  auto partition = std::move(at->second.partition);
  offline_ -= partition == nullptr ? 1 : 0;
  partitions_.erase(at);
  show_partitions();
  return partition;
}

void BrokerShard::host(const PartitionKey& key, Hosted hosted) {
  const bool offline = hosted.partition == nullptr;
  const auto [at, fresh] = partitions_.emplace(key, std::move(hosted));
  CHECK(fresh);
  offline_ += offline ? 1 : 0;
  show_partitions();
}

void BrokerShard::take_offline(std::size_t directory) {
  for (auto& [key, hosted] : partitions_) {
    if (hosted.partition == nullptr || hosted.directory != directory) continue;
    hosted.why_offline = kernel::fail(log::LogReason::directory_offline).error();
    hosted.partition->readable().notify_all();  // who waits for more looks again
    retired_.push_back(std::exchange(hosted.partition, nullptr));
    ++offline_;
  }
  show_partitions();
}

void BrokerShard::show_partitions() {
  metrics.partitions.set(static_cast<std::int64_t>(partitions_.size()));
  metrics.partitions_offline.set(offline_);
}

std::vector<std::shared_ptr<log::Log>> BrokerShard::open_logs() const {
  std::vector<std::shared_ptr<log::Log>> logs;
  for (const auto& [key, hosted] : partitions_) {
    if (hosted.partition != nullptr) logs.emplace_back(hosted.partition, &hosted.partition->log());
  }
  return logs;
}

log::UpkeepSettings BrokerShard::upkeep_settings() const {
  const std::size_t shards = shard_.node().shards().size();
  constexpr std::chrono::milliseconds kNeverMs = std::chrono::years{100};  // more would overflow as nanoseconds
  return {.retention_check = std::min(config_.retention_check, kNeverMs),
          .cleaner_backoff = std::min(dynamic_.cleaner_backoff, kNeverMs),
          .map_bytes_max = dynamic_.cleaner_map_bytes / shards,
          .load_factor = dynamic_.cleaner_load_factor,
          .chunk_bytes = static_cast<std::size_t>(dynamic_.cleaner_chunk_bytes),
          .bytes_per_second = dynamic_.cleaner_bytes_per_second / static_cast<double>(shards)};
}

void BrokerShard::adopt(kernel::Fiber& f, kernel::SocketHandle socket, std::uint64_t id, std::string listener) {
  socket->attach(f);
  auto connection = std::make_shared<server::Connection>(ground_, std::move(socket), id, std::move(listener));
  connections_[id] = connection;
  metrics.connections.set(static_cast<std::int64_t>(connections_.size()));
  connection->start();
}

kernel::Result<> BrokerShard::close_logs(kernel::Fiber& f) {
  kernel::Result<> outcome;
  // Held here as well: a crash of the process in the middle takes this shard before it takes who closes its logs.
  for (const auto& [key, hosted] : partitions_) {
    const auto partition = hosted.partition;
    if (partition == nullptr) continue;
    if (const auto closed = partition->log().close(f); !closed) outcome = closed;
  }
  for (const auto& partition : std::vector(retired_)) static_cast<void>(partition->log().wait_idle(f));
  retired_.clear();
  partitions_.clear();
  offline_ = 0;
  return outcome;
}

void BrokerShard::close_idle(kernel::Mono now, kernel::Duration idle_max) {
  std::vector<std::shared_ptr<server::Connection>> idle;
  for (const auto& [id, connection] : connections_) {
    if (now - connection->last_active() > idle_max) idle.push_back(connection);
  }
  for (const auto& connection : idle) connection->abort();
}

void BrokerShard::relieve_memory(kernel::Mono now) {
  std::vector<std::shared_ptr<server::Connection>> overdue;
  std::shared_ptr<server::Connection> youngest;
  kernel::Mono youngest_since{};
  std::int64_t partial_bytes = 0;
  for (const auto& [id, connection] : connections_) {
    const auto partial = connection->partial_frame();
    if (!partial) continue;
    partial_bytes += partial->memory_bytes;
    if (now - partial->since > kFrameArrivalMax) overdue.push_back(connection);
    if (youngest == nullptr || partial->since >= youngest_since) youngest = connection, youngest_since = partial->since;
  }
  const std::int64_t in_use = request_memory_.total() - request_memory_.available();
  if (overdue.empty() && youngest != nullptr && partial_bytes >= in_use) overdue.push_back(std::move(youngest));
  for (const auto& connection : overdue) connection->abort();
}

void BrokerShard::abort_connections() {
  std::vector<std::shared_ptr<server::Connection>> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->abort();
}

BrokerShard::ArenaHandle BrokerShard::arena() {
  if (idle_arenas_.empty()) return ArenaHandle{new net::Arena, GiveBack{this}};
  net::Arena* arena = idle_arenas_.back().release();
  idle_arenas_.pop_back();
  return ArenaHandle{arena, GiveBack{this}};
}

void BrokerShard::give_back(net::Arena* arena) {
  constexpr std::size_t kIdleArenasMax = 64;
  std::unique_ptr<net::Arena> owned{arena};
  if (idle_arenas_.size() >= kIdleArenasMax) return;
  owned->reset();
  idle_arenas_.push_back(std::move(owned));
}

}  // namespace broker
