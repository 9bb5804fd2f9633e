// A device as this process meets it. What waits for it waits on threads of its own, so that one that hangs holds up
// nothing that lies elsewhere; it is written to without a thread while it shows that this does not wait; and there is
// one sync of its file system at a time, for all shards.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/posix/workers.h"
#include "kernel/result.h"
#include "kernel/time.h"

namespace kernel::posix {

/// All of it from any thread.
class Device {
 public:
  explicit Device(std::size_t threads_max) : workers_{threads_max} {}
  ~Device();
  [[nodiscard]] Workers& workers() { return workers_; }

  /// A write goes to the page cache, which costs less than handing it to a thread: so it is done on the shard's own thread
  /// while the last kDirectFor saw a write that did not wait. When the system makes writers wait (too many dirty pages, a
  /// journal that is full, a device that hangs), writes go to workers until for kPatience none has waited.
  static constexpr Duration kDirectFor = std::chrono::milliseconds{100};
  static constexpr Duration kPatience = std::chrono::seconds{1};
  /// More than a turn of the other threads on a busy processor.
  static constexpr Duration kWaited = std::chrono::milliseconds{20};
  [[nodiscard]] bool takes_writes_at_once(Mono now) const { return now < direct_until_.load(std::memory_order_relaxed); }
  void note_write(Mono begun, Mono ended);

  /// The failures of syncs that somebody has been told of. Each who syncs has one, guarded by the device.
  struct Told {
    std::uint64_t failures = 0;
  };
  /// Takes a descriptor somewhere on the file system, to sync by and to close.
  Told keep_descriptor(int descriptor);
  /// syncfs(2), shared: who asks while one is under way gets the next one, together with all who ask meanwhile. The
  /// system tells a descriptor of each failed write-back once; here every Told hears of it. Blocks. Errors: io.
  Result<> sync_filesystem(Told& told);

 private:
  Workers workers_;
  static constexpr Mono kLongAgo{Duration::min() / 2};  // differences to it do not overflow
  std::atomic<Mono> direct_until_{kLongAgo};
  std::atomic<Mono> waited_at_{kLongAgo};

  std::mutex sync_mutex_;
  std::condition_variable sync_ended_;
  int descriptor_ = -1;
  bool syncing_ = false;
  std::uint64_t asked_ = 0;
  std::uint64_t covered_ = 0;
  std::uint64_t failures_ = 0;
  int failure_errno_ = 0;
};

/// All of them, made as they are met. From any thread.
class Devices {
 public:
  explicit Devices(std::size_t threads_max) : threads_max_{threads_max} {}
  Device& of(dev_t number);
  /// By the table of mounts as it was first read, without a call that could wait for the device. A symbolic link may lead
  /// to another device than this answers, so only what is done by name is put on its threads; an open file knows its own.
  Device& at(std::string_view path);
  /// Finishes what was submitted to any and joins the threads.
  void finish();

 private:
  struct Mount {
    std::string point;
    dev_t number;
  };
  const std::vector<Mount>& mounts();
  std::size_t threads_max_;
  std::mutex mutex_;
  std::map<dev_t, std::unique_ptr<Device>> devices_;
  bool mounts_read_ = false;
  std::string working_directory_;
  std::vector<Mount> mounts_;  // longest first
};

}  // namespace kernel::posix
