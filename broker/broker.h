// One broker and controller in one process: opens what is on disk, replays the metadata, serves until it is asked to
// stop, and leaves everything so that the next start need not recover.
//
//   return Broker::run(f, config, [&](const Started& s) { ... print the address ... });
//
// Rooms below: server (connections) → handlers (APIs) → controller, replication → log. Every shard of the node has a
// BrokerShard; shard 0 also has the controller, the log directory and the listeners.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "broker/broker_shard.h"
#include "broker/config/broker_config.h"
#include "broker/controller/controller.h"
#include "broker/handlers/router.h"
#include "broker/log/log_directories.h"
#include "broker/metadata/delta.h"
#include "broker/placements.h"
#include "kernel/fiber.h"
#include "kernel/mutex.h"
#include "kernel/network.h"

namespace broker {

/// Told once the broker accepts connections.
struct Started {
  std::string cluster_id;
  std::vector<kernel::Endpoint> listening;
  std::optional<kernel::Endpoint> admin;
};

class Broker {
 public:
  ~Broker();
  /// Serves until the node is asked to stop. Errors: what kept it from starting, or took the log directory of the
  /// metadata or the last one for partitions; `about` is then set to the directory that is to blame, if one is.
  static kernel::Result<> run(kernel::Fiber& f, const config::BrokerConfig& config,
                              const std::function<void(const Started&)>& on_started, std::string* about = nullptr);
  /// That run() would get the ports it is to listen on, so that a start that cannot leaves nothing behind: run() opens
  /// them only when its directories are in order. Errors: of the listener that is refused, with the port as detail.
  static kernel::Result<> check_ports(kernel::Fiber& f, const config::BrokerConfig& config);

  [[nodiscard]] const config::BrokerConfig& config() const { return config_; }
  [[nodiscard]] net::BrokerId id() const { return config_.node_id; }
  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  [[nodiscard]] std::span<BrokerShard* const> shards() const { return shards_; }
  /// False once the log directory of the metadata, or the last one for partitions, has failed for good. On shard 0.
  [[nodiscard]] bool online() const { return directories_->serves(); }
  /// Their paths from any shard, their state on shard 0.
  [[nodiscard]] const log::LogDirectories& directories() const { return *directories_; }
  /// Where a partition lives. The same in every run with as many shards; no file depends on it.
  [[nodiscard]] BrokerShard& home_of(const PartitionKey& key) const;

  // From any shard; these go to the controller on shard 0. What they answer is in every shard's image already.

  kernel::Result<std::vector<controller::CreatedTopic>> create_topics(kernel::Fiber& f,
                                                                      std::span<const controller::NewTopic> wanted,
                                                                      bool validate_only);
  kernel::Result<std::vector<controller::DeletedTopic>> delete_topics(kernel::Fiber& f,
                                                                      std::span<const net::TopicId> ids);
  kernel::Result<std::vector<controller::AlteredSettings>> alter_settings(
      kernel::Fiber& f, std::span<const controller::SettingsWish> wanted, bool validate_only);
  kernel::Result<std::vector<controller::GrownTopic>> create_partitions(
      kernel::Fiber& f, std::span<const controller::PartitionsWish> wanted, bool validate_only);
  /// A producer id nobody ever had.
  kernel::Result<net::ProducerId> next_producer_id(kernel::Fiber& f);

 private:
  Broker(const config::BrokerConfig& config, std::string& about);
  kernel::Result<> start(kernel::Fiber& f, kernel::Scope& scope, kernel::Scope& front, Started& started);
  kernel::Result<> start_shards(kernel::Fiber& f, kernel::Scope& scope);
  /// Owns the shard's part until it is stopped. `on_ready` is called once it can be used.
  void run_shard(kernel::Fiber& there, const std::function<void(kernel::Fiber&)>& on_ready);
  [[nodiscard]] controller::ControllerOptions controller_options() const;
  [[nodiscard]] metadata::Broker registration(const Started& started) const;
  kernel::Result<> find_partitions(kernel::Fiber& f);
  /// Partitions on the disk that the metadata does not give to this broker are set aside: deleted while it was down or
  /// when it was killed, or copied here. Of the others it is noted where they are.
  kernel::Result<> sort_out_partitions(kernel::Fiber& f);
  void place_partitions(const metadata::Delta& delta);
  /// Tells the metadata in which directories partitions are, where it does not say so.
  kernel::Result<> assign_directories(kernel::Fiber& f);
  void watch_directories(kernel::Fiber& f);
  kernel::Result<> drop_directory(kernel::Fiber& f, std::size_t directory);
  kernel::Result<> open_listeners(kernel::Fiber& f, Started& started);
  void accept_from(kernel::Fiber& f, kernel::Listener& listener, const std::string& name);
  void close_idle_connections(kernel::Fiber& f);
  void write_checkpoints(kernel::Fiber& f);
  void expire_producers(kernel::Fiber& f);
  kernel::Result<> wait_for_end(kernel::Fiber& f);
  kernel::Result<> stop(kernel::Fiber& f);
  /// Brings every shard to the controller's image: closes and opens partitions, then shows it.
  kernel::Result<> publish(kernel::Fiber& f);
  kernel::Result<> publish_once(kernel::Fiber& f);
  /// Publishes each image of the controller, whoever asked for the change.
  void publish_changes(kernel::Fiber& f);
  /// Waits until every shard serves what the controller has now. On the first shard.
  kernel::Result<> wait_published(kernel::Fiber& f);

  const config::BrokerConfig& config_;
  std::string& about_;
  std::string cluster_id_;
  handlers::Router router_{*this};
  std::unique_ptr<log::LogDirectories> directories_;
  std::vector<std::vector<std::unique_ptr<log::DirectoryShard>>> parts_;  // by shard and directory; null: not opened
  struct Found {
    std::size_t directory;
    log::LogIdentity identity;
  };
  std::vector<Found> found_;            // at the start
  std::optional<Placements> places_;    // changed under publishing_
  std::vector<bool> dropped_;           // by directory: it went offline, and that is dealt with
  std::map<PartitionKey, net::Uuid> unassigned_;  // where they are, and the metadata does not say so yet
  std::unique_ptr<controller::Controller> controller_;
  net::BrokerEpoch epoch_{-1};
  std::vector<BrokerShard*> shards_;
  std::vector<kernel::Error> why_not_started_;  ///< of those that are null
  std::size_t shards_ready_ = 0;
  kernel::Notify shard_ready_;
  std::vector<kernel::ListenerHandle> listeners_;
  kernel::ListenerHandle admin_;
  std::uint64_t next_connection_ = 0;
  kernel::Mutex publishing_;
  metadata::ImageRef published_;
  kernel::Notify was_published_;
  kernel::Mutex producer_ids_lock_;
  controller::ProducerIdBlock producer_ids_;
  std::int32_t producer_ids_used_ = 0;
};

}  // namespace broker
