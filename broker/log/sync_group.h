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

 private:
  friend class SyncGroup;
  bool gathers_ = false;
};

class SyncGroup {
 public:
  /// Up to so many files are synced side by side, and above it all at once with sync_filesystem(). Measured with
  /// tests/bench/sync_bench.cc (two cores, ext4 on a virtio disk, 4 KiB appended to each file; median microseconds):
  ///   files            1     4     8    16    64    256
  ///   one by one     200   870  1600  3000 20000  82000
  ///   side by side   180   450   600   880  3100  13600
  ///   file system    230   350   420   680  1800   7100
  /// One file is cheapest synced alone and four are even. Above that the file system wins twice over, at the price of
  /// waiting for whatever else is dirty on it, which is why small groups do not use it.
  /// Each shard has groups of its own, though they share the device: that one sync serves all shards was tried (one
  /// syncfs at a time, who asks meanwhile shares the next). 64 and 256 partitions, as many producers, acks=all, two cores:
  /// no difference with two shards; with eight, 13 % less throughput at the median, in five of six paired runs. The
  /// journal of the file system merges what is asked side by side, and waits for nobody.
  static constexpr std::size_t kFilesDirectlyMax = 4;

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
  /// When what is in flight was sent; kNever when nothing is.
  [[nodiscard]] kernel::Mono flying_since() const { return flying_since_; }

 private:
  void run(kernel::Fiber& f);
  kernel::Result<> sync(kernel::Fiber& f, const SyncWork& work);

  DirectoryShard& shard_;
  std::vector<SyncMember*> gathering_;
  std::vector<SyncMember*> flying_;
  bool running_ = false;
  kernel::Mono flying_since_ = kernel::kNever;
  kernel::Notify idle_;
  kernel::Notify landed_;
};

}  // namespace broker::log
