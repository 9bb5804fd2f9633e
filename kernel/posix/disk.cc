#include "kernel/posix/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "kernel/fiber.h"
#include "kernel/posix/clock.h"
#include "kernel/posix/device.h"
#include "kernel/posix/shard.h"

namespace kernel::posix {
namespace {

/// Closes a file: what was unlinked or written gives back its blocks then, or waits for the device.
class Close final : public Job {
 public:
  Close(int fd, std::atomic<std::uint64_t>& under_way) : fd_{fd}, under_way_{under_way} { ++under_way_; }
  void run() override {
    ::close(fd_);
    --under_way_;
  }

 private:
  int fd_;
  std::atomic<std::uint64_t>& under_way_;
};

/// An open file, for all who use it: its handle and operations under way. Closed with the last of them.
class OpenFile {
 public:
  OpenFile(int fd, Device& device, PosixDisk::Shared& shared) : fd_{fd}, device_{device}, shared_{shared} {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    // To close any descriptor of a file gives up the locks that this process has on it: not later than its handle.
    if (was_locked) ::close(fd_);
    else device_.workers().submit(std::make_shared<Close>(fd_, shared_.closes_under_way));
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] Device& device() const { return device_; }
  bool was_locked = false;

 private:
  int fd_;
  Device& device_;
  PosixDisk::Shared& shared_;
};
using SharedFile = std::shared_ptr<OpenFile>;

Result<Buffer> read_now(int fd, std::uint64_t position, std::size_t length, int flags) {
  MutableBuffer room = MutableBuffer::allocate(length);
  const iovec part{room.bytes().data(), length};
  for (;;) {
    const ssize_t n = ::preadv2(fd, &part, 1, static_cast<off_t>(position), flags);
    if (n >= 0) return std::move(room).share(0, static_cast<std::size_t>(n));
    if (errno != EINTR) return fail_errno(errno, static_cast<std::int64_t>(position));
  }
}

Result<std::size_t> write_now(OpenFile& file, std::uint64_t position, std::span<const Buffer> chain, Mono begun) {
  std::array<iovec, 64> parts;
  const std::size_t count = std::min(chain.size(), parts.size());
  for (std::size_t i = 0; i < count; ++i) parts[i] = {const_cast<std::byte*>(chain[i].data()), chain[i].size()};
  for (;;) {
    const ssize_t n = ::pwritev(file.get(), parts.data(), static_cast<int>(count), static_cast<off_t>(position));
    if (n < 0 && errno == EINTR) continue;
    const int error = errno;
    file.device().note_write(begun, monotonic_now());
    if (n < 0) return fail_errno(error, static_cast<std::int64_t>(position));
    return static_cast<std::size_t>(n);
  }
}

Result<> outcome_of(int returned) {
  if (returned != 0) return fail_errno(errno);
  return {};
}

template <class Work>
std::invoke_result_t<Work&, OpenFile&> on_device(Fiber& f, const SharedFile& file, Work work) {
  return shard_of(f).blocking(f, file->device().workers(), [file, work = std::move(work)] { return work(*file); });
}

class PosixFile final : public File {
 public:
  PosixFile(SharedFile file, bool writable, PosixDisk::Shared& shared)
      : file_{std::move(file)}, writable_{writable}, shared_{shared} {}
  ~PosixFile() override {
    if (locked_) shared_.locks.give_back(*locked_);
  }
  [[nodiscard]] const SharedFile& file() const { return file_; }

  Result<Buffer> read(Fiber& f, std::uint64_t position, std::size_t length) override {
    Result<Buffer> now = read_now(file_->get(), position, length, RWF_NOWAIT);
    if (now || (now.error().system_errno != EAGAIN && now.error().system_errno != EOPNOTSUPP)) return now;
    return on_device(f, file_, [position, length](OpenFile& file) { return read_now(file.get(), position, length, 0); });
  }

  Result<std::size_t> write(Fiber& f, std::uint64_t position, std::span<const Buffer> chain) override {
    if (!writable_) return fail(Errc::permission);  // the system's numbers differ by call, and say less
    const Mono now = monotonic_now();
    if (file_->device().takes_writes_at_once(now)) return write_now(*file_, position, chain, now);
    return on_device(f, file_, [position, own = std::vector<Buffer>{chain.begin(), chain.end()}](OpenFile& file) {
      return write_now(file, position, own, monotonic_now());
    });
  }

  Result<> datasync(Fiber& f) override {
    return on_device(f, file_, [](OpenFile& file) { return outcome_of(::fdatasync(file.get())); });
  }

  Result<> truncate(Fiber& f, std::uint64_t size) override {
    if (!writable_) return fail(Errc::permission);
    return on_device(f, file_, [size](OpenFile& file) { return outcome_of(::ftruncate(file.get(), static_cast<off_t>(size))); });
  }

  Result<> allocate(Fiber& f, std::uint64_t position, std::uint64_t length) override {
    if (!writable_) return fail(Errc::permission);
    return on_device(f, file_, [position, length](OpenFile& file) -> Result<> {
      const int error = ::posix_fallocate(file.get(), static_cast<off_t>(position), static_cast<off_t>(length));
      if (error != 0) return fail_errno(error);
      return {};
    });
  }

  Result<std::uint64_t> size(Fiber&) override {
    struct stat status;
    if (::fstat(file_->get(), &status) != 0) return fail_errno(errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<> lock(Fiber&) override {
    struct stat status;
    if (::fstat(file_->get(), &status) != 0) return fail_errno(errno);
    const HeldLocks::Key key{status.st_dev, status.st_ino};
    if (locked_ == key) return {};
    if (!shared_.locks.take(key)) return fail(Errc::locked);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(file_->get(), F_SETLK, &whole) != 0) {
      const int error = errno;
      shared_.locks.give_back(key);
      if (error == EACCES || error == EAGAIN) return fail(Errc::locked);
      return fail_errno(error);
    }
    locked_ = key;
    file_->was_locked = true;
    return {};
  }

 private:
  const SharedFile file_;
  const bool writable_;
  PosixDisk::Shared& shared_;
  std::optional<HeldLocks::Key> locked_;
};

/// On a thread of the device that `path` names: what is done by name may have to read the directory.
template <class Work>
auto by_name(Fiber& f, Devices& devices, std::string_view path, Work work) {
  return shard_of(f).blocking(f, devices.at(path).workers(),
                              [path = std::string{path}, work = std::move(work)] { return work(path.c_str()); });
}

/// As open(2). A file that has been closed has given back its descriptor, though its closing may be under way.
int open_descriptor(const char* path, int flags, const PosixDisk::Shared& shared) {
  constexpr int kTries = 1000;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 1'000'000};
  for (int i = 0;; ++i) {
    const std::uint64_t closing = shared.closes_under_way;
    const int fd = ::open(path, flags | O_CLOEXEC, 0644);
    if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || closing == 0 || i == kTries) return fd;
    ::nanosleep(&kPause, nullptr);
  }
}

Result<SharedFile> open_now(const char* path, int flags, Devices& devices, PosixDisk::Shared& shared, bool& is_directory) {
  const int fd = open_descriptor(path, flags, shared);
  if (fd < 0) return fail_errno(errno);
  struct stat status;
  if (::fstat(fd, &status) != 0) {
    const int error = errno;
    ::close(fd);
    return fail_errno(error);
  }
  is_directory = S_ISDIR(status.st_mode);
  return std::make_shared<OpenFile>(fd, devices.of(status.st_dev), shared);
}

Result<std::vector<DirectoryEntry>> list_now(const char* path) {
  DIR* const directory = ::opendir(path);
  if (directory == nullptr) return fail_errno(errno);
  std::vector<DirectoryEntry> entries;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
      struct stat status;
      is_directory = ::fstatat(::dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
    }
    entries.push_back({std::string{name}, is_directory});
  }
  ::closedir(directory);
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

}  // namespace

int descriptor_of(File& file) { return static_cast<PosixFile&>(file).file()->get(); }

Result<> make_resident(Fiber& f, File& posix_file, std::uint64_t position, std::size_t length) {
  const SharedFile& file = static_cast<PosixFile&>(posix_file).file();
  std::byte probe;
  const iovec part{&probe, 1};
  bool resident = true;
  for (const std::uint64_t at : {position, position + length / 2, position + length - 1}) {
    if (::preadv2(file->get(), &part, 1, static_cast<off_t>(at), RWF_NOWAIT) < 0 && errno == EAGAIN) resident = false;
  }
  if (resident) return {};
  return on_device(f, file, [position, length](OpenFile& own) -> Result<> {
    const Result<Buffer> bytes = read_now(own.get(), position, length, 0);
    if (!bytes) return std::unexpected(bytes.error());
    return {};
  });
}

Result<FileHandle> PosixDisk::open(Fiber& f, std::string_view path, OpenMode mode) {
  return by_name(f, devices_, path, [this, mode](const char* name) -> Result<FileHandle> {
    int flags = mode.write ? O_RDWR : O_RDONLY;
    if (mode.create) flags |= O_CREAT;
    if (mode.exclusive) flags |= O_EXCL;
    if (mode.truncate) flags |= O_TRUNC;
    bool is_directory = false;
    SharedFile file = TRY(open_now(name, flags, devices_, shared_, is_directory));
    if (is_directory) return fail_errno(EISDIR);
    return std::make_shared<PosixFile>(std::move(file), mode.write, shared_);
  });
}

Result<> PosixDisk::rename(Fiber& f, std::string_view from, std::string_view to) {
  return by_name(f, devices_, from, [to = std::string{to}](const char* name) { return outcome_of(::rename(name, to.c_str())); });
}

Result<> PosixDisk::unlink(Fiber& f, std::string_view path) {
  return by_name(f, devices_, path, [](const char* name) { return outcome_of(::unlink(name)); });
}

Result<> PosixDisk::make_directory(Fiber& f, std::string_view path) {
  return by_name(f, devices_, path, [](const char* name) { return outcome_of(::mkdir(name, 0755)); });
}

Result<> PosixDisk::remove_directory(Fiber& f, std::string_view path) {
  return by_name(f, devices_, path, [](const char* name) { return outcome_of(::rmdir(name)); });
}

Result<std::vector<DirectoryEntry>> PosixDisk::list(Fiber& f, std::string_view path) {
  return by_name(f, devices_, path, [](const char* name) { return list_now(name); });
}

Result<> PosixDisk::sync_directory(Fiber& f, std::string_view path) {
  return by_name(f, devices_, path, [this](const char* name) -> Result<> {
    const int fd = open_descriptor(name, O_RDONLY, shared_);
    if (fd < 0) return fail_errno(errno);
    const Result<> synced = outcome_of(::fsync(fd));
    ::close(fd);
    return synced;
  });
}

Result<> PosixDisk::sync_filesystem(Fiber& f, std::string_view path) {
  auto& known = shard_of(f).filesystems;
  auto at = known.find(path);
  if (at == known.end()) {
    FileHandle opened = TRY(by_name(f, devices_, path, [this](const char* name) -> Result<FileHandle> {
      bool is_directory = false;
      return std::make_shared<PosixFile>(TRY(open_now(name, O_RDONLY, devices_, shared_, is_directory)), false, shared_);
    }));
    at = known.emplace(path, std::move(opened)).first;  // unless another fiber of the shard was quicker
  }
  return on_device(f, static_cast<PosixFile&>(*at->second).file(), [](OpenFile& file) { return outcome_of(::syncfs(file.get())); });
}

Result<SpaceInfo> PosixDisk::space(Fiber& f, std::string_view path) {
  return by_name(f, devices_, path, [](const char* name) -> Result<SpaceInfo> {
    struct statvfs status;
    if (::statvfs(name, &status) != 0) return fail_errno(errno);
    return SpaceInfo{status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize};
  });
}

Result<std::string> PosixDisk::boot_id(Fiber&) {
  const int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno);
  std::array<char, 64> text;
  const ssize_t n = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (n <= 0) return fail(Errc::io);
  std::string id{text.data(), static_cast<std::size_t>(n)};
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

}  // namespace kernel::posix
