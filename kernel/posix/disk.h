// Files of the real machine. Whatever may wait for the device is done by its workers (device.h). What does not wait is
// done on the shard's own thread: a read that the page cache answers, a write while the device shows that it takes them
// at once, and what only asks an open file (its size, a lock).
#pragma once

#include <atomic>
#include <mutex>
#include <set>

#include "kernel/disk.h"

namespace kernel::posix {

/// Locks held by this process: fcntl locks do not exclude a process from itself.
class HeldLocks {
 public:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
  bool take(Key key) {
    const std::lock_guard lock{mutex_};
    return held_.insert(key).second;
  }
  void give_back(Key key) {
    const std::lock_guard lock{mutex_};
    held_.erase(key);
  }

 private:
  std::mutex mutex_;
  std::set<Key> held_;
};

class Devices;

class PosixDisk final : public Disk {
 public:
  /// What the files of a disk share.
  struct Shared {
    HeldLocks locks;
    std::atomic<std::uint64_t> closes_under_way{0};
  };

  explicit PosixDisk(Devices& devices) : devices_{devices} {}
  Result<FileHandle> open(Fiber& f, std::string_view path, OpenMode mode) override;
  Result<> rename(Fiber& f, std::string_view from, std::string_view to) override;
  Result<> unlink(Fiber& f, std::string_view path) override;
  Result<> make_directory(Fiber& f, std::string_view path) override;
  Result<> remove_directory(Fiber& f, std::string_view path) override;
  Result<std::vector<DirectoryEntry>> list(Fiber& f, std::string_view path) override;
  Result<> sync_directory(Fiber& f, std::string_view path) override;
  Result<> sync_filesystem(Fiber& f, std::string_view path) override;
  Result<SpaceInfo> space(Fiber& f, std::string_view path) override;
  Result<std::string> boot_id(Fiber& f) override;

 private:
  Devices& devices_;
  Shared shared_;
};

/// The descriptor behind a File of this backend, for sendfile.
int descriptor_of(File& file);
/// Has a worker fetch what the page cache does not hold of these bytes, so that sending them does not block.
Result<> make_resident(Fiber& f, File& file, std::uint64_t position, std::size_t length);

}  // namespace kernel::posix
