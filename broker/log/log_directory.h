// A log directory (one of log.dirs): its identity, lock, checkpoints. Lives on the shard that opened it; logs live on
// any shard, through a DirectoryShard made there.
//
//   const auto directory = TRY(LogDirectory::open(f, path, {.cluster_id = cluster, .node_id = 1}));
//   for (const LogIdentity& found : TRY(directory->partitions(f))) ...place it on a shard
//   // on that shard:
//   const auto here = TRY(directory->on_shard(f, scope));           // once a shard
//   const auto log = TRY(Log::open(f, *here, found, config));
//   ...
//   TRY(log->close(f)); TRY(here->close(f));                        // there
//   TRY(directory->close(f, broker_epoch));                         // checkpoints and the clean shutdown mark
//
// Files are Kafka's (meta.properties, .lock, *-checkpoint, .kafka_cleanshutdown) and `kalda-synced-watermarks*`
// (watermark_file.h), plain files that say what was known to be synced, so that recovery can tell a torn tail from
// damage.
//
// Has Kafka written here since? Then our watermarks are void. Our file notes whether we are running or stopped
// cleanly; Kafka removes .kafka_cleanshutdown when it starts and writes it when it stops:
//   we said   mark      meaning
//   running   absent    we were killed: watermarks count
//   running   present   Kafka stopped cleanly since: void, and clean
//   clean     present   nobody crashed; whatever was written since was synced on stopping: clean, void
//   clean     absent    Kafka started since and was killed: void
// Left over is: we were killed, Kafka recovered and was killed too. What it then wrote is valid batches where ours
// were, or a newer leader epoch: recovery.h looks for those before it calls anything damage.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/log/directory_shard.h"
#include "broker/log/identity_files.h"
#include "broker/log/log.h"
#include "kernel/disk.h"
#include "kernel/fiber.h"
#include "kernel/metrics.h"
#include "kernel/mutex.h"
#include "kernel/notify.h"
#include "kernel/scope.h"

namespace broker::log {

enum class LogDirectoryReason : std::uint16_t {
  foreign_cluster = 0x300,  ///< meta.properties names another cluster
  foreign_node,             ///< or another node
  damaged_identity,         ///< meta.properties cannot be read; detail is the line
  missing_identity,         ///< there are partitions, but no meta.properties
  newer_format,             ///< a file of ours from a later release; detail is the version
  newer_identity,           ///< meta.properties is of a later release; detail is its version
  older_identity,           ///< meta.properties is of the times of ZooKeeper
  duplicate_identity,       ///< another directory has the same directory.id
};
constexpr kernel::Room error_room(LogDirectoryReason) { return kernel::Room::broker; }
std::string_view name_of(LogDirectoryReason reason);

inline constexpr std::string_view kOnlineMetric = "kalda_log_directory_online";
inline constexpr std::string_view kOnlineMetricHelp = "1 while the log directory can be used, 0 once it has failed";
/// How metrics name a directory.
[[nodiscard]] std::string directory_label(std::string_view path);

/// What the directory's files say of one partition when its log is opened.
struct LogEvidence {
  bool clean = false;
  bool same_boot = false;
  bool killed = false;  ///< it was opened on this boot by the last run, which was killed: what it wrote is there
  bool foreign = false;  ///< somebody else, Kafka, wrote last: gaps may be compaction's, watermarks are void
  Offset recovery_point{0};
  Offset log_start{0};
  Offset high_watermark{0};
  std::optional<Offset> first_dirty;  ///< compaction has been so far
  std::optional<Watermark> watermark;
};

/// What a log tells the checkpoints.
struct LogOffsets {
  Offset recovery_point{0};
  Offset log_start{0};
  Offset high_watermark{0};
};

class LogDirectory {
 public:
  struct Expected {
    std::string cluster_id;  ///< empty: take what is there; a fresh directory makes one
    std::int32_t node_id = -1;
  };
  /// Takes the lock, checks meta.properties (a directory without partitions gets one), notes and removes the clean shutdown mark.
  /// Errors: locked (another broker runs on it), LogDirectoryReason, kernel reasons.
  static kernel::Result<std::unique_ptr<LogDirectory>> open(kernel::Fiber& f, std::string path,
                                                            const Expected& expected);
  ~LogDirectory();

  /// To be called on the shard that will hold logs, once. `scope` is of that shard; it owns the fibers that write and
  /// sync and is joined by its owner after DirectoryShard::close().
  kernel::Result<std::unique_ptr<DirectoryShard>> on_shard(kernel::Fiber& f, kernel::Scope& scope);

  // Of what does not change while it is open; from any shard.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const MetaProperties& properties() const { return properties_; }
  [[nodiscard]] bool was_clean() const { return was_clean_; }
  /// The broker epoch in the clean shutdown mark that was found.
  [[nodiscard]] std::optional<std::int64_t> previous_broker_epoch() const { return previous_broker_epoch_; }
  /// Whether the machine has not booted since the last writes: only when it has can written bytes be lost.
  [[nodiscard]] bool same_boot() const { return same_boot_; }

  /// What lies here under the name of that partition; a topic id of zero when its partition.metadata cannot be read.
  /// Nothing when there is no such directory.
  kernel::Result<std::optional<LogIdentity>> found_at(kernel::Fiber& f, const std::string& topic, net::PartitionId partition);
  /// Takes a partition out of the way whose topic is not known: its directory is renamed as Kafka does it with strays,
  /// and kept for people to look at. Its log is not open.
  kernel::Result<> set_aside(kernel::Fiber& f, const LogIdentity& identity);
  /// Removes a partition of a topic that is deleted. Its directory is renamed first, so that what a crash interrupts goes
  /// with the next start. Its log is not open, or closed to everybody but the caller.
  kernel::Result<> discard(kernel::Fiber& f, const LogIdentity& identity);
  /// The partition directories found, sorted; those marked for deletion are removed on the way. A topic id of zero
  /// means that its partition.metadata was never written. On the owner shard.
  kernel::Result<std::vector<LogIdentity>> partitions(kernel::Fiber& f);
  /// False once a write or sync has failed for good; every append and sync then answers directory_offline. On the
  /// owner shard; elsewhere ask the DirectoryShard.
  [[nodiscard]] bool online() const { return online_; }
  [[nodiscard]] kernel::Shard& owner() const { return owner_; }
  /// It has failed: on every shard soon. On the owner shard.
  void fail(kernel::Fiber& f, const kernel::Error& why, std::string_view file);
  /// `changed` is notified, on the owner shard, when it has gone offline.
  void tell_offline(kernel::Notify& changed) { changed_ = &changed; }
  /// Writes the checkpoints of the logs that are open (recovery points, log starts, high watermarks).
  kernel::Result<> checkpoint(kernel::Fiber& f);
  /// After every DirectoryShard is closed: checkpoints, the clean shutdown mark, the lock. An offline directory, or
  /// one with a log that was not closed (or never opened since an unclean stop), gets no mark.
  kernel::Result<> close(kernel::Fiber& f, std::int64_t broker_epoch);

  // For Log and DirectoryShard, from any shard.
  /// What is known of a partition; from now on it counts as in use.
  kernel::Result<LogEvidence> claim(kernel::Fiber& f, const LogIdentity& identity);
  /// Takes claim() back: the log could not be opened.
  kernel::Result<> release(kernel::Fiber& f, const LogIdentity& identity);
  /// Before a partition's directory may be made: no checkpoint on the disk speaks of one that had its name before.
  kernel::Result<> admit(kernel::Fiber& f);
  kernel::Result<> note_closed(kernel::Fiber& f, const LogIdentity& identity, const LogOffsets& offsets);
  /// Makes the checkpoints say this before it returns.
  kernel::Result<> store_offsets(kernel::Fiber& f, const LogIdentity& identity, const LogOffsets& offsets);
  /// Makes the checkpoint of log starts say this before it returns. Log starts never go back.
  kernel::Result<> store_log_start(kernel::Fiber& f, const LogIdentity& identity, Offset start);
  /// Makes the cleaner's checkpoint say this before it returns.
  kernel::Result<> store_first_dirty(kernel::Fiber& f, const LogIdentity& identity, Offset first_dirty);
  kernel::Result<> forget(kernel::Fiber& f, const LogIdentity& identity);
  kernel::Result<> part(kernel::Fiber& f, DirectoryShard& shard);
  void spread_offline(kernel::Fiber& f, DirectoryShard* from);

 private:
  using Name = std::pair<std::string, net::PartitionId>;
  struct Known {
    std::optional<Offset> recovery_point;
    std::optional<Offset> log_start;
    std::optional<Offset> high_watermark;
    std::optional<Offset> first_dirty;
    bool clean = false;
    bool in_use = false;
  };
  LogDirectory(kernel::Shard& owner, std::string path);
  kernel::Result<> check_identity(kernel::Fiber& f, const Expected& expected);
  kernel::Result<> read_watermarks(kernel::Fiber& f, bool mark_present);
  kernel::Result<> read_checkpoints(kernel::Fiber& f);
  kernel::Result<> write_base_watermarks(kernel::Fiber& f, WatermarkHeader::State state);
  kernel::Result<> write_checkpoints(kernel::Fiber& f);
  kernel::Result<> write_forgotten(kernel::Fiber& f, bool was_cleaned);
  kernel::Result<> write_checkpoint(kernel::Fiber& f, std::string_view name, std::optional<Offset> Known::*member);
  /// Whether the next start may trust every log as it lies.
  kernel::Result<bool> all_clean(kernel::Fiber& f);
  void note(const LogIdentity& identity, const LogOffsets& offsets);
  [[nodiscard]] std::string file(std::string_view name) const { return path_ + "/" + std::string{name}; }

  kernel::Shard& owner_;
  std::string path_;
  MetaProperties properties_;
  kernel::FileHandle lock_;
  bool was_clean_ = false;
  bool same_boot_ = false;
  bool foreign_ = true;
  bool forgot_unwritten_ = false;  ///< checkpoints on the disk may name partitions that are gone
  bool refused_ = false;  ///< a log could not be opened: there will be no clean shutdown mark
  bool online_ = true;
  kernel::Gauge online_metric_;
  kernel::Notify* changed_ = nullptr;
  std::optional<std::int64_t> previous_broker_epoch_;
  WatermarkHeader header_;
  Watermarks watermarks_;
  std::set<WatermarkKey> of_boot_;  // those of watermarks_ whose logs have been open since the machine booted
  std::map<Name, Known> known_;
  std::set<Name> claimed_;  // opened in this run: what was found at the start says nothing of them any more
  std::vector<DirectoryShard*> shards_;
  kernel::Mutex writing_checkpoints_;
};

/// "<topic>-<partition>", or nothing for a name that is no partition's directory.
std::string partition_directory_name(std::string_view topic, net::PartitionId partition);
std::optional<std::pair<std::string, net::PartitionId>> parse_partition_directory(std::string_view name);
/// "<topic>-<partition>.<32 hex>-delete", the topic cut so that the name fits a file system (255).
std::string deleted_directory_name(const LogIdentity& identity);
/// The like for "-stray".
std::string stray_directory_name(const LogIdentity& identity);
/// Removes a directory of plain files.
kernel::Result<> remove_tree(kernel::Fiber& f, const std::string& path);

}  // namespace broker::log
