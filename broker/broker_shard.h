// What one shard of a broker owns: the partitions that live here, the connections it serves, its fetch sessions and its
// copy of the metadata. Touched by fibers of this shard only; others come by call_on().
#pragma once

#include <map>
#include <memory>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/config/topic_config.h"
#include "broker/coordinators/coordinators.h"
#include "broker/fetch/session.h"
#include "broker/metadata/image.h"
#include "broker/metrics.h"
#include "broker/replication/partition.h"
#include "broker/server/connection.h"
#include "kernel/mutex.h"
#include "kernel/notify.h"
#include "kernel/scope.h"
#include "kernel/semaphore.h"
#include "kernel/shard.h"
#include "net/codec/arena.h"

namespace broker::log {
class DirectoryShard;
struct UpkeepSettings;
}

namespace broker {

class Broker;

using PartitionKey = std::pair<net::TopicId, net::PartitionId>;

/// A partition that is hosted here, or the reason why it cannot be served.
struct Hosted {
  std::shared_ptr<replication::Partition> partition;  ///< null: offline
  kernel::Error why_offline{};
  std::optional<std::size_t> directory{};             ///< of LogDirectories; nothing when it is not known here
};

class BrokerShard {
 public:
  BrokerShard(Broker& broker, kernel::Shard& shard, kernel::Scope& scope, const config::BrokerConfig& config,
              server::RequestHandler& handler);

  [[nodiscard]] Broker& broker() { return broker_; }
  [[nodiscard]] kernel::Shard& shard() { return shard_; }
  [[nodiscard]] kernel::Scope& scope() { return scope_; }
  [[nodiscard]] const config::BrokerConfig& config() const { return config_; }
  [[nodiscard]] const metadata::ImageRef& image() const { return image_; }
  /// With what is set for the broker from now on, when that has changed.
  void set_image(metadata::ImageRef image, std::optional<config::Layers> layers);
  /// What is set for this broker in image() and in its file.
  [[nodiscard]] const config::Layers& layers() const { return layers_; }
  [[nodiscard]] const config::DynamicConfig& dynamic() const { return dynamic_; }
  /// What is in force for a topic of image().
  [[nodiscard]] const config::TopicConfig& topic_config(const metadata::Topic& topic);

  /// Null when it is not hosted on this shard.
  [[nodiscard]] Hosted* find(const PartitionKey& key);
  /// Held by whoever opens partitions or removes their files.
  kernel::Mutex hosting;
  /// Held by a request from its first batch that takes long or is packed anew until all of its batches are judged.
  kernel::Mutex long_batches;
  /// Held by whoever unpacks a batch that asks for more than kUnpackingOfAShardBytesMax; that of shard 0, for all.
  kernel::Mutex huge_batches;
  /// Bytes of batches that were packed anew and are not written yet. Only who holds long_batches takes of it, and
  /// nobody holds some and waits for that: so it comes back by itself.
  kernel::Semaphore packed_memory;
  /// `key` is not hosted yet.
  void host(const PartitionKey& key, Hosted hosted);
  std::shared_ptr<replication::Partition> release(const PartitionKey& key);
  [[nodiscard]] const std::map<PartitionKey, Hosted>& partitions() const { return partitions_; }

  /// The logs of those that are not offline; each keeps its partition.
  [[nodiscard]] std::vector<std::shared_ptr<log::Log>> open_logs() const;
  /// This shard's share of what is set for the broker.
  [[nodiscard]] log::UpkeepSettings upkeep_settings() const;

  /// Each log directory's part on this shard, whose fibers write and sync; null for one that could not be opened.
  std::vector<log::DirectoryShard*> directories;
  /// What is in that directory is offline from now on.
  void take_offline(std::size_t directory);

  /// How far the shard has come on its way to the end; moved by Broker, each step notified.
  enum class Phase : std::uint8_t {
    serving,
    ending_clients,  ///< no connections any more; their fibers come to an end
    closing_logs,    ///< nobody uses a partition any more
    ended,
  };
  Phase phase = Phase::serving;
  kernel::Notify phase_changed;
  void enter_phase(Phase next) {
    phase = next;
    phase_changed.notify_all();
  }
  /// Suspends until `wanted` is reached. Errors: cancelled, deadline.
  kernel::Result<> wait_phase(kernel::Fiber& f, Phase wanted) {
    while (phase < wanted) TRY(phase_changed.wait(f));
    return {};
  }
  /// Closes every log, each as far as it can be, and lets go of the partitions.
  kernel::Result<> close_logs(kernel::Fiber& f);

  fetch::SessionCache sessions;
  coordinators::Coordinators coordinators;
  Metrics metrics;

  /// Takes over a connection that was accepted elsewhere.
  void adopt(kernel::Fiber& f, kernel::SocketHandle socket, std::uint64_t id, std::string listener);
  /// Ends connections that have been idle for too long.
  void close_idle(kernel::Mono now, kernel::Duration idle_max);
  void abort_connections();
  /// Ends connections whose frames have been arriving for too long; and when all memory is kept by frames that wait
  /// for more of it, the youngest one, so that the others can end.
  void relieve_memory(kernel::Mono now);
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

  /// Memory for decoding a request and building its answer; goes back when the handle does.
  struct GiveBack {
    BrokerShard* shard;
    void operator()(net::Arena* arena) const { shard->give_back(arena); }
  };
  using ArenaHandle = std::unique_ptr<net::Arena, GiveBack>;
  [[nodiscard]] ArenaHandle arena();

 private:
  void give_back(net::Arena* arena);
  void show_partitions();

  Broker& broker_;
  kernel::Shard& shard_;
  kernel::Scope& scope_;
  const config::BrokerConfig& config_;
  metadata::ImageRef image_;
  config::Layers layers_;
  config::DynamicConfig dynamic_;
  std::map<net::TopicId, config::TopicConfig> topic_configs_;  // of image_, made when first asked for
  std::map<PartitionKey, Hosted> partitions_;
  std::int64_t offline_ = 0;  ///< of partitions_
  /// Of failed directories: nobody finds them any more, and they stay until nobody can be at work on them.
  std::vector<std::shared_ptr<replication::Partition>> retired_;
  kernel::Semaphore request_memory_;
  server::ConnectionGround ground_;
  std::map<std::uint64_t, std::shared_ptr<server::Connection>> connections_;
  std::vector<std::unique_ptr<net::Arena>> idle_arenas_;
};

}  // namespace broker
