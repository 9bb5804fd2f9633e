// The controller of a cluster with a single voter: the state machine over __cluster_metadata-0. Decides what records a
// change needs, writes them (always synced before they count), applies them, and publishes a new image. More voters
// will come by the same records and files; nothing here knows how the log is replicated.
//
//   auto controller = TRY(Controller::open(f, directory_shard, options));   // formats a fresh directory
//   TRY(controller->register_broker(f, registration));
//   const std::vector<CreatedTopic> made = TRY(controller->create_topics(f, wanted, /*validate_only=*/false));
//
// Lives on shard 0; calls from elsewhere come by call_on().
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/metadata/image.h"
#include "kernel/fiber.h"
#include "kernel/notify.h"
#include "net/errors.h"

namespace broker::controller {

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;           ///< -1: the broker's num.partitions
  std::int16_t replication_factor = -1;   ///< -1: default.replication.factor
  /// Explicit replicas by partition, instead of the two numbers. Entry i is partition assignments[i].first.
  std::vector<std::pair<std::int32_t, std::vector<net::BrokerId>>> assignments;
  std::vector<std::pair<std::string, std::optional<std::string>>> settings;
};

/// What became of one of the wanted topics; a code other than none comes with a message for people.
struct CreatedTopic {
  std::string name;
  net::ErrorCode code{};
  std::string message;
  net::TopicId id{};
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
};
struct DeletedTopic {
  net::TopicId id{};
  std::string name;
  net::ErrorCode code{};
  std::string message;
};

/// 1000 consecutive producer ids that nobody else gets.
struct ProducerIdBlock {
  net::ProducerId first{0};
  std::int32_t count = 0;
};

struct ControllerOptions {
  net::BrokerId node_id{1};
  std::string cluster_id;              ///< of a directory that is to be formatted; empty: a new random one
  std::int32_t default_partitions = 1;
  std::int16_t default_replication_factor = 1;
  std::uint64_t snapshot_after_bytes = 20u << 20;   ///< metadata.log.max.record.bytes.between.snapshots
};

class Controller {
 public:
  ~Controller();
  /// Everything applied so far; never null. Changes only by being replaced.
  [[nodiscard]] metadata::ImageRef image() const;
  /// Notified when image() was replaced.
  [[nodiscard]] kernel::Notify& changed();

  /// Registers this broker's incarnation with a new broker epoch, unfenced: there is nobody to wait for.
  kernel::Result<net::BrokerEpoch> register_broker(kernel::Fiber& f, const metadata::Broker& registration);
  /// One answer per wanted topic, in order; durable before it returns. Kafka's checks in Kafka's order: names, twice
  /// in one request, existing (also names that collide in metrics by . and _), counts, assignments, settings.
  kernel::Result<std::vector<CreatedTopic>> create_topics(kernel::Fiber& f, std::span<const NewTopic> wanted,
                                                          bool validate_only);
  kernel::Result<std::vector<DeletedTopic>> delete_topics(kernel::Fiber& f, std::span<const net::TopicId> ids);
  kernel::Result<ProducerIdBlock> allocate_producer_ids(kernel::Fiber& f);
  /// Writes a snapshot now. Done by itself every snapshot_after_bytes.
  kernel::Result<> snapshot(kernel::Fiber& f);
  /// In controlled shutdown of the broker and of the log under it.
  kernel::Result<> close(kernel::Fiber& f);
};

}  // namespace broker::controller
