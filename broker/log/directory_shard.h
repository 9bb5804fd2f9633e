// One shard's part of a log directory: where its logs spawn the fibers that write and sync, its sync group, the shard's
// file of synced watermarks, and whether the directory still is online. Made on its shard by LogDirectory::on_shard();
// outlives the logs opened on it; closed before the directory.
//
//   const auto here = TRY(directory.on_shard(f, scope));      // on the shard that will hold logs
//   ...
//   TRY(here->close(f));                                      // after its logs
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/log/open_files.h"
#include "broker/log/reason.h"
#include "broker/log/sync_group.h"
#include "broker/log/watermark_file.h"
#include "kernel/fiber.h"
#include "kernel/metrics.h"
#include "kernel/mutex.h"
#include "kernel/notify.h"
#include "kernel/scope.h"

namespace broker::log {

class Log;
class LogDirectory;

class DirectoryShard {
 public:
  /// How long synced watermarks may wait for being written and synced in turn. They cost one small write and one
  /// datasync for all logs of the shard then, beside the groups and never in front of an acknowledgement.
  static constexpr kernel::Duration kWatermarkDelay = std::chrono::milliseconds{20};
  /// Bytes of recent batches kept in memory: for one log, and for all logs of the shard.
  static constexpr std::size_t kTailBytesOfLogMax = 256 * 1024;
  static constexpr std::size_t kTailBytesMax = 64 * 1024 * 1024;

  DirectoryShard(LogDirectory& directory, kernel::Shard& shard, kernel::Scope& scope, std::string path);
  ~DirectoryShard();

  /// Waits for what is under way, leaves the directory. Errors: cancelled, deadline, io.
  kernel::Result<> close(kernel::Fiber& f);

  [[nodiscard]] LogDirectory& directory() { return directory_; }
  [[nodiscard]] kernel::Shard& shard() { return shard_; }
  [[nodiscard]] kernel::Scope& scope() { return scope_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] SyncGroup& syncs() { return syncs_; }
  [[nodiscard]] bool online() const { return online_; }
  /// Nothing is promised or accepted here any more, and soon on no other shard: wakes everybody who waits.
  void go_offline(kernel::Fiber& f, const kernel::Error& why, std::string_view file);

  /// A write found no space, or one succeeded: told when that changes, and shown by full().
  void note_space(kernel::Fiber& f, bool is_full, std::string_view file);
  /// The like for a segment that cannot be opened or begun for want of a file descriptor.
  void note_descriptors(kernel::Fiber& f, bool are_short);
  /// From any thread.
  [[nodiscard]] bool full() const { return full_.value() != 0; }
  /// A write or sync has been under way for so long that the disk must be slow or hung. From any thread.
  static constexpr kernel::Duration kStalledAfter = std::chrono::seconds{5};
  static constexpr kernel::Duration kStallLook = std::chrono::seconds{1};
  [[nodiscard]] bool stalled() const { return stalled_.value() != 0; }
  /// Keeps stalled() true to the facts until the directory is offline, or the fiber cancelled.
  void look_for_stalls(kernel::Fiber& f);

  // For Log.
  void enter(Log& log);
  void leave(Log& log);
  /// It is removed: nothing is known of it any more.
  void forget(Log& log);
  [[nodiscard]] const std::vector<Log*>& logs() const { return logs_; }
  /// `log` has a new synced watermark, to be written within kWatermarkDelay.
  void watermark_moved(Log& log);
  /// Writes the watermark of `log` and syncs it: before bytes below the old one are cut, and before a log is used
  /// of which nothing is known. Suspends.
  kernel::Result<> store_watermark(kernel::Fiber& f, Log& log);
  /// Those of the disk, but they wait where there is no file descriptor: nothing has failed then, and what was written
  /// is synced when others have closed their files. Errors: io and what else a sync answers, cancelled, deadline.
  kernel::Result<> sync_directory(kernel::Fiber& f, std::string_view path);
  kernel::Result<> sync_filesystem(kernel::Fiber& f);
  /// Held by who has a worker unpack a batch: a codec may ask for much memory.
  [[nodiscard]] kernel::Mutex& unpacking() { return unpacking_; }
  std::size_t tail_bytes = 0;
  [[nodiscard]] const std::shared_ptr<OpenFiles>& files() const { return files_; }
  /// One log more, or less, has files that wait to be synced, and are open so long. Relaxed logs ask for no sync between
  /// two rolls: when there are very many of them, all are synced.
  static constexpr std::size_t kUnsyncedLogsMax = 1500;
  void note_unsynced(int change);

 private:
  friend class LogDirectory;
  void hear_offline();
  template <class Sync>
  kernel::Result<> with_a_descriptor(kernel::Fiber& f, Sync&& sync);
  void write_watermarks(kernel::Fiber& f);
  kernel::Result<> append_records(kernel::Fiber& f, const std::vector<Log*>& logs);
  kernel::Result<> compact(kernel::Fiber& f);
  [[nodiscard]] std::string watermark_path() const;

  LogDirectory& directory_;
  kernel::Shard& shard_;
  kernel::Scope& scope_;
  std::string path_;
  SyncGroup syncs_{*this};
  bool online_ = true;
  kernel::Gauge full_;
  bool short_of_descriptors_ = false;
  std::shared_ptr<OpenFiles> files_ = std::make_shared<OpenFiles>();
  std::size_t unsynced_logs_ = 0;
  kernel::Gauge stalled_;
  bool closing_ = false;
  std::vector<Log*> logs_;

  kernel::Mutex unpacking_;
  kernel::Mutex watermark_lock_;  ///< one writer at a time: the order in the file is that of the facts
  kernel::FileHandle watermark_file_;
  std::uint64_t watermark_bytes_ = 0;
  std::uint64_t watermark_sequence_ = 0;
  WatermarkHeader watermark_header_;
  Watermarks written_;
  std::vector<Log*> moved_;
  bool watermark_writer_ = false;
  kernel::Notify watermark_wake_;
  kernel::Notify watermark_idle_;
};

}  // namespace broker::log
