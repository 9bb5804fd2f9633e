// A log directory (one of log.dirs): its identity, lock, checkpoints and sync groups.
//
//   LogDirectory directory = ...open(f, path, expected cluster and node ids);
//   for (const LogIdentity& found : directory.partitions()) Log::open(f, directory, found, config);
//   TRY(directory.close(f));       // after all logs: checkpoints and the clean shutdown mark
//
// Files are Kafka's (meta.properties, .lock, *-checkpoint, .kafka_cleanshutdown) but one of ours, a plain file
// `kalda-synced-watermarks` with magic, version and checksum: what was known to be synced, so that recovery can tell a
// torn tail from damage.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/log/identity_files.h"
#include "broker/log/log.h"
#include "kernel/disk.h"
#include "kernel/fiber.h"
#include "kernel/scope.h"

namespace broker::log {

class LogDirectory {
 public:
  struct Expected {
    std::string cluster_id;  ///< empty: take what is there
    std::int32_t node_id = -1;
  };
  /// Takes the lock, checks meta.properties (a fresh directory gets one), notes and removes the clean shutdown mark.
  /// Errors: locked (another broker runs on it), LogDirectoryReason, kernel reasons.
  /// `scope` owns the fibers that write and sync; it must outlive the directory's logs and is joined by its owner
  /// after close().
  static kernel::Result<std::unique_ptr<LogDirectory>> open(kernel::Fiber& f, kernel::Scope& scope, std::string path,
                                                            const Expected& expected);
  ~LogDirectory();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] const MetaProperties& properties() const;
  [[nodiscard]] bool was_clean() const;
  /// Whether the machine has booted since the last writes: only then can written bytes have been lost.
  [[nodiscard]] bool same_boot() const;
  /// The partition directories found, sorted; those marked for deletion are removed on the way.
  kernel::Result<std::vector<LogIdentity>> partitions(kernel::Fiber& f);
  /// False once a write or sync has failed for good; every append and sync then answers directory_offline.
  [[nodiscard]] bool online() const;
  /// Writes the checkpoints of the logs that are open (recovery points, log starts, high watermarks).
  kernel::Result<> checkpoint(kernel::Fiber& f);
  /// After every log is closed: checkpoints, the clean shutdown mark, the lock.
  kernel::Result<> close(kernel::Fiber& f, std::int64_t broker_epoch);
};

enum class LogDirectoryReason : std::uint16_t {
  foreign_cluster = 0x300,  ///< meta.properties names another cluster
  foreign_node,             ///< or another node
  damaged_identity,         ///< meta.properties cannot be read; detail is the line
  newer_format,             ///< a file of ours from a later release
};
constexpr kernel::Room error_room(LogDirectoryReason) { return kernel::Room::broker; }

}  // namespace broker::log
