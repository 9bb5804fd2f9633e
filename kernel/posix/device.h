// A device as this process meets it. What waits for it waits on threads of its own, so that one that hangs holds up
// nothing that lies elsewhere; and it is written to without a thread while it shows that this does not wait.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/posix/workers.h"
#include "kernel/time.h"

namespace kernel::posix {

/// All of it from any thread.
class Device {
 public:
  explicit Device(std::size_t threads_max) : workers_{threads_max} {}
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

 private:
  Workers workers_;
  static constexpr Mono kLongAgo{Duration::min() / 2};  // differences to it do not overflow
  std::atomic<Mono> direct_until_{kLongAgo};
  std::atomic<Mono> waited_at_{kLongAgo};
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
  std::vector<Mount> mounts_;  // in the order they were made
};

}  // namespace kernel::posix
