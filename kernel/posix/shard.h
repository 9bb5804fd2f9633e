// A production shard: a thread with its own scheduler, epoll set and mailbox.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "kernel/disk.h"
#include "kernel/node.h"
#include "kernel/notify.h"
#include "kernel/posix/workers.h"
#include "kernel/shard.h"

namespace kernel::posix {

/// Something with a descriptor in the shard's epoll set.
class Pollable {
 public:
  /// From the shard's loop, with epoll's event bits.
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~Pollable() = default;
};

class PosixShard final : public Shard {
 public:
  /// The threads for what may wait for something other than a device, each kind apart.
  struct Threads {
    Workers processor;
    Workers names;
    Workers console;
  };
  PosixShard(Node& node, std::uint32_t id, Threads& threads);
  ~PosixShard() override;

  void post(Message& message) override;
  /// Runs until stop() was called and nothing is runnable.
  void run();
  /// From any thread.
  void stop();

  /// Edge-triggered for input, output and hang-up. Errors: as epoll_ctl.
  Result<> watch(int descriptor, Pollable& pollable);
  void unwatch(int descriptor);
  /// For a Pollable that goes while its events may still be in the batch being handled.
  void forget(Pollable& pollable);

  [[nodiscard]] Threads& threads() { return threads_; }
  /// Runs `work`, which answers a Result, on one of `workers`. A deadline or cancellation ends only the wait; the
  /// work owns what it uses.
  template <class F>
  auto blocking(Fiber& f, Workers& workers, F work) -> std::invoke_result_t<F&>;
  /// Runs borrowed work that only needs a processor, waiting to the end whatever comes.
  void blocking_to_the_end(Fiber& f, WorkRef work);

  /// What this shard syncs file systems by, for each path that it named. Opened once and kept: the system remembers for each
  /// descriptor which failed write-backs it has told of, and one opened only for the sync would answer well when another
  /// shard's sync has just heard of a failure that took our pages too.
  std::map<std::string, FileHandle, std::less<>> filesystems;
  Notify stop_requested;

 private:
  template <class T>
  struct BlockingJob;
  void deliver_messages();
  void wait_for_events();

  StackPool stacks_;
  Scheduler own_scheduler_{stacks_};
  Threads& threads_;
  int epoll_ = -1;
  int doorbell_ = -1;
  std::atomic<Message*> mailbox_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::vector<Pollable*> batch_;  // being handled; entries are nulled by forget()
};

template <class T>
struct PosixShard::BlockingJob : Job, Message {
  BlockingJob(PosixShard& home, Fiber& waiter) : home{home}, waiter{&waiter} {}
  void run() final {
    outcome.emplace(work());
    home.post(*this);
  }
  virtual T work() = 0;
  void deliver(Shard&) final {
    const std::shared_ptr<BlockingJob> last = std::move(keep);
    done = true;
    if (waiter != nullptr) waiter->wake();
  }
  PosixShard& home;
  Fiber* waiter;  // touched on the home shard only
  bool done = false;
  std::optional<T> outcome;
  std::shared_ptr<BlockingJob> keep;  // from submission to delivery
};

template <class F>
auto PosixShard::blocking(Fiber& f, Workers& workers, F work) -> std::invoke_result_t<F&> {
  using T = std::invoke_result_t<F&>;
  struct Typed final : BlockingJob<T> {
    Typed(PosixShard& home, Fiber& waiter, F body) : BlockingJob<T>{home, waiter}, body_{std::move(body)} {}
    T work() override { return body_(); }
    F body_;
  };
  const auto job = std::make_shared<Typed>(*this, f, std::move(work));
  job->keep = job;
  workers.submit(job);
  while (!job->done) {
    const Result<> parked = f.park();
    if (!parked && !job->done) {
      job->waiter = nullptr;
      return std::unexpected(parked.error());
    }
  }
  return std::move(*job->outcome);
}

/// The shard of a fiber of this backend.
inline PosixShard& shard_of(Fiber& f) { return static_cast<PosixShard&>(f.shard()); }

}  // namespace kernel::posix
