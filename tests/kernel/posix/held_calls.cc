#include "tests/kernel/posix/held_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace kernel::posix {
namespace {

std::mutex mutex;
std::condition_variable changed;
bool are_held = false;
bool stuck = false;
std::set<int> synced_by;

void wait_while_held() {
  std::unique_lock lock{mutex};
  if (!changed.wait_for(lock, std::chrono::seconds{10}, [] { return !are_held; })) stuck = true;
}

}  // namespace

void hold_calls(bool held) {
  const std::lock_guard lock{mutex};
  are_held = held;
  changed.notify_all();
}
bool is_stuck() {
  const std::lock_guard lock{mutex};
  return stuck;
}
std::set<int> syncfs_descriptors() {
  const std::lock_guard lock{mutex};
  return synced_by;
}

}  // namespace kernel::posix

using kernel::posix::wait_while_held;

// NOLINTBEGIN: the names are the linker's.
extern "C" {
#define HELD(result, name, parameters, arguments) \
  result __real_##name parameters;                \
  result __wrap_##name parameters {               \
    wait_while_held();                            \
    return __real_##name arguments;               \
  }
HELD(ssize_t, pwritev, (int fd, const iovec* parts, int count, off_t at), (fd, parts, count, at))
HELD(int, fdatasync, (int fd), (fd))
HELD(int, fsync, (int fd), (fd))
HELD(int, ftruncate, (int fd, off_t size), (fd, size))
HELD(int, posix_fallocate, (int fd, off_t at, off_t length), (fd, at, length))
HELD(int, rename, (const char* from, const char* to), (from, to))
HELD(int, unlink, (const char* path), (path))
HELD(int, mkdir, (const char* path, mode_t mode), (path, mode))
HELD(int, rmdir, (const char* path), (path))
HELD(DIR*, opendir, (const char* path), (path))
HELD(int, statvfs, (const char* path, struct statvfs* status), (path, status))
#undef HELD

int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  wait_while_held();
  return __real_open(path, flags, mode);
}

int __real_syncfs(int fd);
int __wrap_syncfs(int fd) {
  wait_while_held();
  {
    const std::lock_guard lock{kernel::posix::mutex};
    kernel::posix::synced_by.insert(fd);
  }
  return __real_syncfs(fd);
}
}
// NOLINTEND
