#include "kernel/posix/shard.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <array>

namespace kernel::posix {
namespace {

void ring(int doorbell) {
  const std::uint64_t one = 1;
  const ssize_t rung = ::write(doorbell, &one, sizeof one);
  CHECK(rung == sizeof one || errno == EAGAIN);
}

}  // namespace

PosixShard::PosixShard(Node& node, std::uint32_t id, Threads& threads)
    : Shard{node, id, own_scheduler_}, threads_{threads} {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  doorbell_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  CHECK(epoll_ >= 0 && doorbell_ >= 0);
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, doorbell_, &event) == 0);
}

PosixShard::~PosixShard() {
  deliver_messages();  // work that ended after the last fiber still owns itself
  ::close(epoll_);
  ::close(doorbell_);
}

void PosixShard::post(Message& message) {
  Message* head = mailbox_.load(std::memory_order_relaxed);
  do {
    message.next = head;
  } while (!mailbox_.compare_exchange_weak(head, &message, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (asleep_.load(std::memory_order_seq_cst)) ring(doorbell_);
}

void PosixShard::deliver_messages() {
  Message* newest = mailbox_.exchange(nullptr, std::memory_order_acquire);
  Message* oldest = nullptr;
  while (newest != nullptr) {
    Message* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    Message* next = oldest->next;
    oldest->deliver(*this);
    oldest = next;
  }
}

Result<> PosixShard::watch(int descriptor, Pollable& pollable) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &pollable}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) return fail_errno(errno);
  return {};
}

void PosixShard::unwatch(int descriptor) { epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr); }

void PosixShard::forget(Pollable& pollable) {
  for (Pollable*& waiting : batch_) {
    if (waiting == &pollable) waiting = nullptr;
  }
}

void PosixShard::wait_for_events() {
  timespec timeout{};
  const timespec* wait = &timeout;
  if (own_scheduler_.idle()) {
    asleep_.store(true, std::memory_order_seq_cst);
    if (mailbox_.load(std::memory_order_seq_cst) == nullptr && !stopping_.load(std::memory_order_relaxed)) {
      const Mono due = own_scheduler_.timers().next_due();
      if (due == kNever) {
        wait = nullptr;
      } else {
        const std::int64_t left_ns = std::max<std::int64_t>(0, (due - node().clock().now()).count());
        timeout = {.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000};
      }
    }
  }
  std::array<epoll_event, 128> events;
  const int count = epoll_pwait2(epoll_, events.data(), events.size(), wait, nullptr);
  asleep_.store(false, std::memory_order_relaxed);
  CHECK(count >= 0 || errno == EINTR);
  batch_.clear();
  for (int i = 0; i < count; ++i) {
    auto* pollable = static_cast<Pollable*>(events[static_cast<std::size_t>(i)].data.ptr);
    batch_.push_back(pollable);
    if (pollable == nullptr) {  // the doorbell; emptying it keeps its counter from filling up
      std::uint64_t rung;
      [[maybe_unused]] const ssize_t n = ::read(doorbell_, &rung, sizeof rung);
    }
  }
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    if (batch_[i] != nullptr) batch_[i]->on_events(events[i].events);
  }
  batch_.clear();
}

void PosixShard::run() {
  // Fibers get a bounded number of turns before the world outside is looked at again.
  constexpr int kTurnsPerLook = 128;
  TimerQueue& timers = own_scheduler_.timers();
  for (;;) {
    deliver_messages();
    if (timers.next_due() != kNever) {
      const Mono now = node().clock().now();
      while (timers.fire_one(now)) {
      }
    }
    for (int i = 0; i < kTurnsPerLook && own_scheduler_.run_one(); ++i) {
    }
    if (stopping_.load(std::memory_order_relaxed) && own_scheduler_.idle() &&
        mailbox_.load(std::memory_order_acquire) == nullptr) {
      return;
    }
    wait_for_events();
  }
}

void PosixShard::stop() {
  stopping_.store(true, std::memory_order_seq_cst);
  ring(doorbell_);
}

void PosixShard::blocking_to_the_end(Fiber& f, WorkRef work) {
  struct Work final : BlockingJob<bool> {
    Work(PosixShard& home, Fiber& waiter, WorkRef body) : BlockingJob<bool>{home, waiter}, body_{body} {}
    bool work() override {
      body_();
      return true;
    }
    WorkRef body_;
  };
  const auto job = std::make_shared<Work>(*this, f, work);
  job->keep = job;
  threads_.processor.submit(job);
  while (!job->done) f.park_regardless();
}

}  // namespace kernel::posix
