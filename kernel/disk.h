// The door to files. Written is not durable.
//
// Contract, the same in both worlds:
// - Reads and writes are positional and may be short. There is no append mode and no memory map.
// - datasync() makes durable the data and size of this file that writes completed before the call brought about.
// - sync_directory() makes creations, renames and unlinks in that directory durable. Until then any of them may be
//   lost by a power failure, in any combination.
// - sync_filesystem() does what datasync() on every file and sync_directory() on every directory below would do.
// - What has begun runs to completion on buffers it owns; a deadline or cancellation only ends the wait for it.
// - Who waits for a device holds up no other fiber, nor what is done on another device.
// - After a failed sync the file must be given up: the page cache may read well and is lost later.
// - A process kill keeps what was written; a power failure keeps what was synced and any part of the rest.
// - list() is sorted by name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/buffer.h"
#include "kernel/result.h"

namespace kernel {

class Fiber;

/// An open file. Closed when the last handle goes. All operations suspend unless said otherwise.
class File {
 public:
  virtual ~File() = default;
  /// Up to `length` bytes from `position`; fewer at the end of the file or by chance; empty at the end.
  /// Errors: io, cancelled, deadline.
  virtual Result<Buffer> read(Fiber& f, std::uint64_t position, std::size_t length) = 0;
  /// Writes the chain at `position`; answers how many bytes were taken, at least one of a chain that has any.
  /// Errors: disk_full, read_only, io, cancelled, deadline (the last two: it may still happen).
  virtual Result<std::size_t> write(Fiber& f, std::uint64_t position, std::span<const Buffer> chain) = 0;
  virtual Result<> datasync(Fiber& f) = 0;
  virtual Result<> truncate(Fiber& f, std::uint64_t size) = 0;
  /// Reserves space so that writes into [position, position+length) do not meet a full disk. Sizes grow.
  virtual Result<> allocate(Fiber& f, std::uint64_t position, std::uint64_t length) = 0;
  virtual Result<std::uint64_t> size(Fiber& f) = 0;
  /// Takes an exclusive advisory lock as Kafka does (fcntl), held until the file is closed. Does not wait.
  /// Errors: locked.
  virtual Result<> lock(Fiber& f) = 0;
};
using FileHandle = std::shared_ptr<File>;

struct OpenMode {
  bool write = false;
  bool create = false;    ///< create when missing
  bool exclusive = false; ///< with create: fail with already_exists when present
  bool truncate = false;

  static constexpr OpenMode read_only() { return {}; }
  static constexpr OpenMode read_write() { return {.write = true}; }
  static constexpr OpenMode create_or_open() { return {.write = true, .create = true}; }
  static constexpr OpenMode create_new() { return {.write = true, .create = true, .exclusive = true}; }
  static constexpr OpenMode create_empty() { return {.write = true, .create = true, .truncate = true}; }
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  friend bool operator==(const DirectoryEntry&, const DirectoryEntry&) = default;
};

struct SpaceInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
};

/// Paths are absolute or relative to the node's working directory; '/' separates. All operations suspend.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<FileHandle> open(Fiber& f, std::string_view path, OpenMode mode) = 0;
  virtual Result<> rename(Fiber& f, std::string_view from, std::string_view to) = 0;
  virtual Result<> unlink(Fiber& f, std::string_view path) = 0;
  virtual Result<> make_directory(Fiber& f, std::string_view path) = 0;  ///< one level; already_exists
  virtual Result<> remove_directory(Fiber& f, std::string_view path) = 0;
  virtual Result<std::vector<DirectoryEntry>> list(Fiber& f, std::string_view path) = 0;
  virtual Result<> sync_directory(Fiber& f, std::string_view path) = 0;
  virtual Result<> sync_filesystem(Fiber& f, std::string_view path) = 0;
  virtual Result<SpaceInfo> space(Fiber& f, std::string_view path) = 0;
  /// Changes exactly when the machine has lost power or booted anew since: what was written before may be gone.
  virtual Result<std::string> boot_id(Fiber& f) = 0;
};

/// Reads exactly `length` bytes at `position`, as one buffer. Errors: corrupt when the file ends before.
Result<Buffer> read_exactly(Fiber& f, File& file, std::uint64_t position, std::size_t length);
/// Everything from the start to the end.
Result<Buffer> read_all(Fiber& f, File& file);
/// Writes all of `chain`, however short the single writes are.
Result<> write_all(Fiber& f, File& file, std::uint64_t position, std::span<const Buffer> chain);
Result<bool> exists(Fiber& f, Disk& disk, std::string_view path);
/// Makes `path` and its missing parents; each new entry is made durable.
Result<> make_directories(Fiber& f, Disk& disk, std::string_view path);
/// Replaces `path` as a whole: writes path.tmp, syncs it, renames it over `path`, syncs the directory.
Result<> replace_file(Fiber& f, Disk& disk, std::string_view path, ByteView content);
/// The part of a path before the last '/', "." when there is none.
std::string_view parent_path(std::string_view path);

}  // namespace kernel
