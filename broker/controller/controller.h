// The controller of a cluster with a single voter: the state machine over __cluster_metadata-0. Decides what records a
// change needs, writes them (always synced before they count), applies them, and publishes a new image. More voters
// will come by the same records and files; nothing here knows how the log is replicated.
//
//   auto controller = TRY(Controller::open(f, directory_shard, options));   // formats a fresh directory
//   TRY(controller->register_broker(f, registration));
//   const std::vector<CreatedTopic> made = TRY(controller->create_topics(f, wanted, /*validate_only=*/false));
//   ...
//   TRY(controller->close(f));        // before its DirectoryShard
//
// Lives on the shard of its DirectoryShard; calls from elsewhere come by call_on(). Changes are made one at a time;
// image() may be read meanwhile and shows only what is synced.
//
// When a change answers an error, its outcome is unknown if that was cancelled, deadline or directory_offline: it may
// be on the log, and is then part of the image from the next change on. After any other error it did not happen.
//
// Format is that of Kafka 4.4's `kafka-storage format --standalone`: a 0-0 checkpoint with the features and the voter
// set, whose content the first leader writes to the log. The cluster's id is that of meta.properties.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "broker/controller/changes.h"
#include "broker/controller/metadata_batches.h"
#include "broker/controller/quorum.h"
#include "broker/controller/snapshot_store.h"
#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "broker/metadata/image.h"
#include "kernel/fiber.h"
#include "kernel/mutex.h"
#include "kernel/notify.h"
#include "kernel/random.h"

namespace broker::controller {

struct ControllerOptions {
  net::BrokerId node_id{1};
  std::int32_t default_partitions = 1;
  std::int16_t default_replication_factor = 1;
  /// Of the voter set. At least one.
  std::vector<VoterEndpoint> endpoints{{.listener = "CONTROLLER", .host = "localhost", .port = 9093}};
  /// Becomes the cluster-wide setting of a new cluster.
  std::int32_t min_insync_replicas = 1;
  std::uint64_t snapshot_after_bytes = 20u << 20;   ///< metadata.log.max.record.bytes.between.snapshots
  std::uint64_t segment_bytes = 1ull << 30;         ///< metadata.log.segment.bytes
  std::int64_t segment_ms = 7ll * 24 * 3600 * 1000; ///< metadata.log.segment.ms
  bool partitions_found = false;  ///< in some directory: without metadata nobody knows whose they are
};

/// Why a metadata log cannot be led by this node.
enum class ControllerReason : std::uint16_t {
  damaged = 0x480,  ///< snapshot and log leave a gap, or a batch is not what it was; detail is the offset
  more_voters,      ///< the quorum has voters besides this node; detail is how many
  lost,             ///< there are partitions, but no metadata at all
  not_a_voter,      ///< the one voter is another node, or had another directory (its disk was lost)
  newer_feature,    ///< a feature's level is above what this release works with; an event names it; detail is the level
  newer_record,     ///< a record or control record of a later release; an event says where; detail is its type
  newer_quorum_state,  ///< quorum-state is of a later release
};
constexpr kernel::Room error_room(ControllerReason) { return kernel::Room::broker; }
std::string_view name_of(ControllerReason reason);

class Controller {
 public:
  /// Formats a fresh directory; otherwise loads the newest whole snapshot and replays the log. Begins a new epoch.
  /// Errors: ControllerReason, metadata::Reason, log::LogReason, unsupported (records of a later release; detail is
  /// the type), kernel reasons.
  static kernel::Result<std::unique_ptr<Controller>> open(kernel::Fiber& f, log::DirectoryShard& directory,
                                                          ControllerOptions options);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// Everything applied so far; never null. Changes only by being replaced.
  [[nodiscard]] metadata::ImageRef image() const { return image_; }
  /// Notified when image() was replaced, or a change has become unfinished.
  [[nodiscard]] kernel::Notify& changed() { return changed_; }
  /// Whoever wanted a change gave up before it was known to be on record: finish() waits for that, and shows it.
  [[nodiscard]] bool is_unfinished() const { return pending_.has_value(); }
  kernel::Result<> finish(kernel::Fiber& f);
  [[nodiscard]] const QuorumView& quorum() const { return view_; }
  [[nodiscard]] net::LeaderEpoch epoch() const { return epoch_; }
  /// The metadata log, for whoever reads it (fetches of __cluster_metadata).
  [[nodiscard]] const log::Log& log() const { return *log_; }

  /// Registers this broker's incarnation with a new broker epoch, unfenced: there is nobody to wait for. Partitions
  /// that it can lead get it as leader with a new leader epoch. No features in `registration`: those of this release.
  kernel::Result<net::BrokerEpoch> register_broker(kernel::Fiber& f, const metadata::Broker& registration);
  /// One answer per wanted topic, in order; durable before it returns. Kafka's checks in Kafka's order: names, twice
  /// in one request, existing (also names that collide in metrics by . and _), counts, assignments, settings.
  kernel::Result<std::vector<CreatedTopic>> create_topics(kernel::Fiber& f, std::span<const NewTopic> wanted,
                                                          bool validate_only);
  kernel::Result<std::vector<DeletedTopic>> delete_topics(kernel::Fiber& f, std::span<const net::TopicId> ids);
  /// One answer per wanted resource, in order; those that are taken are, whatever becomes of the others.
  kernel::Result<std::vector<AlteredSettings>> alter_settings(kernel::Fiber& f, std::span<const SettingsWish> wanted,
                                                              bool validate_only);
  kernel::Result<std::vector<GrownTopic>> create_partitions(kernel::Fiber& f, std::span<const PartitionsWish> wanted,
                                                            bool validate_only);
  /// This broker has put its replicas there. Durable before it returns.
  kernel::Result<> assign_directories(kernel::Fiber& f, std::span<const DirectoryAssignment> assignments);
  /// Of this broker's log directories these are left.
  kernel::Result<> keep_directories(kernel::Fiber& f, std::span<const net::Uuid> online);
  kernel::Result<ProducerIdBlock> allocate_producer_ids(kernel::Fiber& f);
  /// Writes a snapshot now. Done by itself every snapshot_after_bytes.
  kernel::Result<> snapshot(kernel::Fiber& f);
  /// In controlled shutdown of the broker and of the log under it. Nothing is changed any more.
  kernel::Result<> close(kernel::Fiber& f);

 private:
  /// A batch that was submitted and not applied yet.
  struct Pending {
    Batch batch;
    log::Appended appended;
  };
  Controller(log::DirectoryShard& directory, ControllerOptions options);
  kernel::Result<> load(kernel::Fiber& f);
  kernel::Result<> format(kernel::Fiber& f);
  kernel::Result<> replay(kernel::Fiber& f, const std::optional<StoredSnapshot>& from);
  kernel::Result<> judge_features(kernel::Fiber& f);
  kernel::Result<> judge_voters();
  kernel::Result<> lead(kernel::Fiber& f);
  kernel::Result<> bootstrap(kernel::Fiber& f);
  kernel::Result<> write(kernel::Fiber& f, std::span<const metadata::FramedValue> values);
  /// Changes of single partitions, however many: each stands for itself.
  kernel::Result<> write_in_parts(kernel::Fiber& f, std::span<const metadata::FramedValue> values);
  kernel::Result<> write_batch(kernel::Fiber& f, Batch batch);
  kernel::Result<> settle(kernel::Fiber& f);
  kernel::Result<> apply_pending();
  kernel::Result<kernel::Mutex::Lock> begin_change(kernel::Fiber& f);
  void snapshot_when_due(kernel::Fiber& f);
  void publish(metadata::ImageRef image);

  log::DirectoryShard& directory_;
  ControllerOptions options_;
  SnapshotStore store_;
  std::unique_ptr<log::Log> log_;
  QuorumView view_;
  bool log_says_view_ = false;  ///< the voter set stands in the log or in a snapshot of it
  /// What follows image_ on a log that ends in a transaction its writer did not end.
  std::optional<Replay> unfinished_;
  net::Offset end_{0};  ///< of what was applied, or would be if it were not for that transaction
  net::LeaderEpoch epoch_{0};
  std::vector<metadata::FramedValue> bootstrap_values_;
  metadata::ImageRef image_;
  kernel::Notify changed_;
  kernel::Random random_;
  kernel::Mutex changing_;
  kernel::Mutex snapshotting_;
  std::optional<Pending> pending_;
  SnapshotId last_snapshot_;
  std::uint64_t bytes_since_snapshot_ = 0;
};

}  // namespace broker::controller
