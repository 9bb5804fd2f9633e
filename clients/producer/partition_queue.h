// The batches of one partition: those waiting, those in flight, those to be sent again, and the sequence numbers that
// make sending again harmless. Pure: it decides, the producer's fibers send.
//
// Rules
// - Batches leave in order of creation. While one has to be sent again, only the oldest undecided one travels.
// - The first batch under an identity and epoch travels alone: a broker that knows nothing of them yet takes whatever
//   sequence comes first, so a second batch could get ahead of a first one that was lost on the way.
// - A batch is sent again under the same identity and sequence, so the broker drops what it has already.
// - When a sequence number cannot be filled any more (a batch was refused for good, or given up while its outcome is
//   unknown), the partition is *broken*: after all in flight are answered, what is left continues under the next epoch
//   from sequence 0 (KIP-360), which also fences late copies of old attempts. Only batches that are certainly not on
//   the log are renumbered; one that may be there is given up as unknown rather than risk a duplicate.
#pragma once

#include <deque>
#include <vector>

#include "clients/producer/attempt.h"
#include "clients/producer/batch.h"

namespace clients::producer {

/// A batch whose fate was decided.
struct Decided {
  BatchRef batch;
  Delivery delivery;
};

struct QueueRules {
  bool idempotent = true;
  int in_flight_max = 5;
  kernel::Duration linger{0};
};

/// What a moment asks of all partitions.
struct Urgency {
  kernel::Mono now{};
  /// Batches created before this id leave without lingering (flush).
  std::uint64_t flush_below = 0;
  /// Somebody waits for buffer memory.
  bool memory_short = false;
};

class PartitionQueue {
 public:
  explicit PartitionQueue(QueueRules rules) : rules_{rules} {}

  /// The batch that takes records now, or null.
  [[nodiscard]] Batch* filling() { return waiting_.empty() || waiting_.back()->full ? nullptr : waiting_.back().get(); }
  void add(BatchRef batch) { waiting_.push_back(std::move(batch)); }

  /// The batch to send now, which is then in flight with its sequence assigned; null when there is none. May settle
  /// a broken partition, which can decide batches.
  BatchRef take(const Urgency& urgency, const Identity& fresh, std::vector<Decided>& decided);
  /// When take() may have something although nothing else happens; kNever if that takes an event.
  [[nodiscard]] kernel::Mono next_time(const Urgency& urgency) const;

  struct AttemptEnd {
    AttemptResult result = AttemptResult::unknown;
    kernel::Error error{};             ///< unless accepted
    net::Offset base_offset{-1};
    std::int64_t append_time_ms = -1;
    bool made = true;                  ///< false: no byte of the batch was sent
  };
  /// A batch in flight was answered, or will not be. `retry_at`: when it may be sent again.
  void ended(const BatchRef& batch, const AttemptEnd& end, kernel::Mono now, kernel::Mono retry_at,
             std::vector<Decided>& decided);
  /// Decides what is past its delivery timeout.
  void expire(kernel::Mono now, std::vector<Decided>& decided);
  /// Gives everything up.
  void abandon(const kernel::Error& why, std::vector<Decided>& decided);

  [[nodiscard]] bool empty() const { return waiting_.empty() && in_flight_.empty() && again_.empty(); }
  /// Has something that needs a leader.
  [[nodiscard]] bool has_work() const { return !waiting_.empty() || !again_.empty(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  /// The epochs of the identity are used up: take() needs a fresh one with another id.
  [[nodiscard]] bool identity_exhausted() const { return exhausted_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] kernel::Mono earliest_deadline() const;

 private:
  void send_again(const BatchRef& batch);
  [[nodiscard]] bool is_oldest(const Batch& batch) const;
  /// The sequence of `batch` will not be filled: go back to it if nothing followed, else the partition is broken.
  void give_up_sequence(const Batch& batch);
  void settle(std::vector<Decided>& decided);
  void next_epoch();
  [[nodiscard]] std::size_t in_flight_limit() const {
    return rules_.idempotent && !established_ ? 1 : static_cast<std::size_t>(rules_.in_flight_max);
  }
  [[nodiscard]] bool ready(const Batch& batch, const Urgency& urgency) const;

  QueueRules rules_;
  std::deque<BatchRef> waiting_;    // no sequence yet
  std::deque<BatchRef> in_flight_;  // by id
  std::deque<BatchRef> again_;      // by id, with sequences
  Identity identity_;
  std::int32_t next_sequence_ = 0;
  bool broken_ = false;
  bool established_ = false;  // a batch of this identity and epoch is on the log
  bool exhausted_ = false;
  kernel::Mono not_before_{};
};

/// The fate of a batch that is given up.
[[nodiscard]] Delivery given_up(const Batch& batch, const kernel::Error& why);

}  // namespace clients::producer
