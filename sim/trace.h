// The trace of a run: every event has a number and goes into a running 64-bit hash that identifies the run.
//
// Hashed: dispatches, timers, I/O issue and completion (length and checksum), messages, faults, process changes and
// random draws. Never logs, metrics, names of fibers or anything that differs between builds. The last events are
// kept for the report of a failure, and a running list of checkpoints finds where two runs part.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernel/random.h"
#include "kernel/time.h"

namespace sim {

enum class EventKind : std::uint8_t {
  dispatch,      // a: fiber
  timer,         // a: what fired
  disk_issue,    // a: operation and file, b: position and length
  disk_done,     // a: operation and outcome, b: checksum of the bytes
  net_send,      // a: stream, b: checksum of the bytes
  net_deliver,   // a: stream, b: length
  message,       // a: from and to shard
  process,       // a: what happened to it
  fault,         // a: kind, b: parameter
  draw,          // a: folded draws since the last event
  note,          // a, b: what an observer wants to be part of the run's identity
};
std::string_view name_of(EventKind kind);

struct Event {
  std::uint64_t number = 0;
  std::int64_t time_ns = 0;
  EventKind kind = EventKind::dispatch;
  std::uint32_t node = 0;
  std::uint64_t a = 0, b = 0;
};
std::string to_string(const Event& event);

class Trace final : public kernel::DrawObserver {
 public:
  static constexpr std::uint64_t kCheckpointEvery = 4096;
  static constexpr std::size_t kTailEvents = 256;

  void record(std::int64_t time_ns, EventKind kind, std::uint32_t node, std::uint64_t a, std::uint64_t b) {
    if (draws_ != 0) {
      hash_ = kernel::mix64(hash_, draws_);
      draws_ = 0;
    }
    Event& event = tail_[count_ % kTailEvents];
    event = {++count_, time_ns, kind, node, a, b};
    hash_ = kernel::mix64(hash_ + (static_cast<std::uint64_t>(kind) << 56) + node, a);
    hash_ = kernel::mix64(hash_ + static_cast<std::uint64_t>(time_ns), b);
    if (count_ % kCheckpointEvery == 0) checkpoints_.push_back(hash_);
    if (watcher_) watcher_(event);
  }
  void drew(std::uint64_t value) override { draws_ = (draws_ << 7 | draws_ >> 57) ^ value; }

  [[nodiscard]] std::uint64_t hash() const { return kernel::mix64(hash_, draws_); }
  [[nodiscard]] std::uint64_t events() const { return count_; }
  /// The hash after every kCheckpointEvery events.
  [[nodiscard]] const std::vector<std::uint64_t>& checkpoints() const { return checkpoints_; }
  /// The last events, oldest first.
  [[nodiscard]] std::vector<Event> tail() const;
  /// Told of every event, e.g. to print it or to stop at a number.
  void watch(std::function<void(const Event&)> watcher) { watcher_ = std::move(watcher); }

 private:
  std::uint64_t hash_ = 0x6b616c6461u;
  std::uint64_t count_ = 0;
  std::uint64_t draws_ = 0;
  std::vector<std::uint64_t> checkpoints_;
  std::array<Event, kTailEvents> tail_;
  std::function<void(const Event&)> watcher_;
};

}  // namespace sim
