// Group commit: the logs of one shard and directory that have something to sync join the group that gathers; one
// group is in flight while the next gathers.
//
//   group.join(log);                     // does not suspend; log.end_sync() is called when its bytes are durable
//
// A group of one file costs one datasync by the runner itself. More files are synced side by side, and when there are
// very many, the whole file system at once (kFilesDirectlyMax says from where on, and why).
#pragma once

#include <string>
#include <vector>

#include "kernel/disk.h"
#include "kernel/fiber.h"
#include "kernel/notify.h"

namespace broker::log {

class DirectoryShard;

/// What a member has dirty.
struct SyncWork {
  struct DirtyFile {
    kernel::FileHandle file;
    std::string path;  ///< for people
  };
  std::vector<DirtyFile> files;
  std::vector<std::string> directories;
};

class SyncMember {
 public:
  /// Adds what has been written and is not synced; what it is worth is remembered until end_sync().
  virtual void begin_sync(SyncWork& work) = 0;
  virtual void end_sync() = 0;

 protected:
  ~SyncMember() = default;
};

class SyncGroup {
 public:
  /// Up to so many files are synced one by one, side by side, and above it all at once with sync_filesystem().
  /// Measured with tests/bench/sync_bench.cc (ext4 on a virtio disk, 4 KiB appended to each file, 16 workers), ms for
  /// a group of 1 / 8 / 64 / 256 files: see kSyncMeasured there. Side by side wins while the group is small, because
  /// sync_filesystem() also waits for what others have dirty on that file system; its cost hardly grows with the
  /// number of our files.
  static constexpr std::size_t kFilesDirectlyMax = 8;

  explicit SyncGroup(DirectoryShard& shard) : shard_{shard} {}
  /// `member` stays until end_sync() or leave().
  void join(SyncMember& member);
  /// Forgets a member that has gathered. It is not in flight.
  void leave(SyncMember& member);
  /// Suspends until `member` is not in flight; it may still gather. Errors: cancelled, deadline.
  kernel::Result<> drain_of(kernel::Fiber& f, SyncMember& member);
  [[nodiscard]] bool in_flight(const SyncMember& member) const;
  /// Suspends until nothing is in flight or gathers. Errors: cancelled, deadline.
  kernel::Result<> drain(kernel::Fiber& f);

 private:
  void run(kernel::Fiber& f);
  kernel::Result<> sync(kernel::Fiber& f, const SyncWork& work);

  DirectoryShard& shard_;
  std::vector<SyncMember*> gathering_;
  std::vector<SyncMember*> flying_;
  bool running_ = false;
  kernel::Notify idle_;
  kernel::Notify landed_;
};

}  // namespace broker::log
