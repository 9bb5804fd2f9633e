// Files of the real machine. Writes go to the page cache at once on the shard's thread; reads do too when the page
// cache has the bytes, and go to a worker otherwise; syncs always go to a worker.
#pragma once

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

class PosixDisk final : public Disk {
 public:
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
  HeldLocks locks_;
};

/// The descriptor behind a File of this backend, for sendfile.
int descriptor_of(File& file);
/// Has a worker fetch what the page cache does not hold of these bytes, so that sending them does not block.
Result<> make_resident(Fiber& f, File& file, std::uint64_t position, std::size_t length);

}  // namespace kernel::posix
