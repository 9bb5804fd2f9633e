#include "kernel/posix/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "kernel/fiber.h"
#include "kernel/posix/shard.h"

namespace kernel::posix {
namespace {


/// A descriptor that is closed with its last user, which may be a worker.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(fd_); }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};
using SharedDescriptor = std::shared_ptr<Descriptor>;

Result<Buffer> read_now(int fd, std::uint64_t position, std::size_t length, int flags) {
  MutableBuffer room = MutableBuffer::allocate(length);
  const iovec part{room.bytes().data(), length};
  for (;;) {
    const ssize_t n = ::preadv2(fd, &part, 1, static_cast<off_t>(position), flags);
    if (n >= 0) return std::move(room).share(0, static_cast<std::size_t>(n));
    if (errno != EINTR) return fail_errno(errno, static_cast<std::int64_t>(position));
  }
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, bool writable, HeldLocks& locks)
      : fd_{std::make_shared<Descriptor>(fd)}, writable_{writable}, locks_{locks} {}
  ~PosixFile() override {
    if (locked_) locks_.give_back(*locked_);
  }
  [[nodiscard]] const SharedDescriptor& descriptor() const { return fd_; }

  Result<Buffer> read(Fiber& f, std::uint64_t position, std::size_t length) override {
    Result<Buffer> now = read_now(fd_->get(), position, length, RWF_NOWAIT);
    if (now || (now.error().system_errno != EAGAIN && now.error().system_errno != EOPNOTSUPP)) return now;
    return shard_of(f).blocking(f, [fd = fd_, position, length] { return read_now(fd->get(), position, length, 0); });
  }

  Result<std::size_t> write(Fiber&, std::uint64_t position, std::span<const Buffer> chain) override {
    if (!writable_) return fail(Errc::permission);  // the system's numbers differ by call, and say less
    std::array<iovec, 64> parts;
    const std::size_t count = std::min(chain.size(), parts.size());
    for (std::size_t i = 0; i < count; ++i) parts[i] = {const_cast<std::byte*>(chain[i].data()), chain[i].size()};
    for (;;) {
      const ssize_t n = ::pwritev(fd_->get(), parts.data(), static_cast<int>(count), static_cast<off_t>(position));
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return fail_errno(errno, static_cast<std::int64_t>(position));
    }
  }

  Result<> datasync(Fiber& f) override {
    return shard_of(f).blocking(f, [fd = fd_]() -> Result<> {
      if (::fdatasync(fd->get()) != 0) return fail_errno(errno);
      return {};
    });
  }

  Result<> truncate(Fiber&, std::uint64_t size) override {
    if (!writable_) return fail(Errc::permission);
    if (::ftruncate(fd_->get(), static_cast<off_t>(size)) != 0) return fail_errno(errno);
    return {};
  }

  Result<> allocate(Fiber& f, std::uint64_t position, std::uint64_t length) override {
    if (!writable_) return fail(Errc::permission);
    return shard_of(f).blocking(f, [fd = fd_, position, length]() -> Result<> {
      const int error = ::posix_fallocate(fd->get(), static_cast<off_t>(position), static_cast<off_t>(length));
      if (error != 0) return fail_errno(error);
      return {};
    });
  }

  Result<std::uint64_t> size(Fiber&) override {
    struct stat status;
    if (::fstat(fd_->get(), &status) != 0) return fail_errno(errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<> lock(Fiber&) override {
    struct stat status;
    if (::fstat(fd_->get(), &status) != 0) return fail_errno(errno);
    const HeldLocks::Key key{status.st_dev, status.st_ino};
    if (locked_ == key) return {};
    if (!locks_.take(key)) return fail(Errc::locked);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd_->get(), F_SETLK, &whole) != 0) {
      const int error = errno;
      locks_.give_back(key);
      if (error == EACCES || error == EAGAIN) return fail(Errc::locked);
      return fail_errno(error);
    }
    locked_ = key;
    return {};
  }

 private:
  SharedDescriptor fd_;
  const bool writable_;
  HeldLocks& locks_;
  std::optional<HeldLocks::Key> locked_;
};

}  // namespace

int descriptor_of(File& file) { return static_cast<PosixFile&>(file).descriptor()->get(); }

Result<> make_resident(Fiber& f, File& file, std::uint64_t position, std::size_t length) {
  const SharedDescriptor& fd = static_cast<PosixFile&>(file).descriptor();
  std::byte probe;
  const iovec part{&probe, 1};
  bool resident = true;
  for (const std::uint64_t at : {position, position + length / 2, position + length - 1}) {
    if (::preadv2(fd->get(), &part, 1, static_cast<off_t>(at), RWF_NOWAIT) < 0 && errno == EAGAIN) resident = false;
  }
  if (resident) return {};
  return shard_of(f).blocking(f, [fd, position, length]() -> Result<> {
    const Result<Buffer> bytes = read_now(fd->get(), position, length, 0);
    if (!bytes) return std::unexpected(bytes.error());
    return {};
  });
}

Result<FileHandle> PosixDisk::open(Fiber&, std::string_view path, OpenMode mode) {
  int flags = O_CLOEXEC | (mode.write ? O_RDWR : O_RDONLY);
  if (mode.create) flags |= O_CREAT;
  if (mode.exclusive) flags |= O_EXCL;
  if (mode.truncate) flags |= O_TRUNC;
  const int fd = ::open(std::string{path}.c_str(), flags, 0644);
  if (fd < 0) return fail_errno(errno);
  auto file = std::make_shared<PosixFile>(fd, mode.write, locks_);
  if (!mode.write) {
    struct stat status;
    if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) return fail_errno(EISDIR);
  }
  return file;
}

Result<> PosixDisk::rename(Fiber&, std::string_view from, std::string_view to) {
  if (::rename(std::string{from}.c_str(), std::string{to}.c_str()) != 0) return fail_errno(errno);
  return {};
}

Result<> PosixDisk::unlink(Fiber&, std::string_view path) {
  if (::unlink(std::string{path}.c_str()) != 0) return fail_errno(errno);
  return {};
}

Result<> PosixDisk::make_directory(Fiber&, std::string_view path) {
  if (::mkdir(std::string{path}.c_str(), 0755) != 0) return fail_errno(errno);
  return {};
}

Result<> PosixDisk::remove_directory(Fiber&, std::string_view path) {
  if (::rmdir(std::string{path}.c_str()) != 0) return fail_errno(errno);
  return {};
}

Result<std::vector<DirectoryEntry>> PosixDisk::list(Fiber&, std::string_view path) {
  DIR* directory = ::opendir(std::string{path}.c_str());
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

Result<> PosixDisk::sync_directory(Fiber& f, std::string_view path) {
  const int fd = ::open(std::string{path}.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno);
  return shard_of(f).blocking(f, [fd = std::make_shared<Descriptor>(fd)]() -> Result<> {
    if (::fsync(fd->get()) != 0) return fail_errno(errno);
    return {};
  });
}
Result<> PosixDisk::sync_filesystem(Fiber& f, std::string_view path) {
  const int fd = TRY(shard_of(f).filesystem_at(path));
  return shard_of(f).blocking(f, [fd]() -> Result<> {
    if (::syncfs(fd) != 0) return fail_errno(errno);
    return {};
  });
}

Result<SpaceInfo> PosixDisk::space(Fiber&, std::string_view path) {
  struct statvfs status;
  if (::statvfs(std::string{path}.c_str(), &status) != 0) return fail_errno(errno);
  return SpaceInfo{status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize};
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
