// A partition as its leader has it: the log, the epoch it leads in, and what may be shown.
//
//   const Submitted s = TRY(partition.submit(batch, expected epoch));    // ordered, does not suspend
//   TRY(partition.wait(f, s, acks));                                    // as durable as was asked for
//
// With a single replica the in-sync set is this log alone, so the high watermark is the log's committed end. More
// replicas will lower it to the least of theirs; who asks here does not notice.
#pragma once

#include <memory>
#include <optional>

#include "broker/log/log.h"
#include "kernel/fiber.h"
#include "kernel/notify.h"
#include "net/types.h"

namespace broker::replication {

using net::LeaderEpoch;
using net::Offset;

enum class PartitionReason : std::uint16_t {
  fenced_leader_epoch = 0x700,  ///< the caller's epoch is older than ours
  unknown_leader_epoch,         ///< the caller's epoch is newer than ours
  deleted,                      ///< the topic went while the caller waited
};
constexpr kernel::Room error_room(PartitionReason) { return kernel::Room::broker; }

/// What a producer's acks ask for.
enum class Acks : std::int16_t { none = 0, leader = 1, all = -1 };

class Partition {
 public:
  Partition(std::unique_ptr<log::Log> log, LeaderEpoch epoch) : log_{std::move(log)}, epoch_{epoch} {}

  /// Judges `expected` (an epoch the caller believes in, -1 for none). Errors: PartitionReason.
  [[nodiscard]] kernel::Result<> check_epoch(LeaderEpoch expected) const;

  /// Takes the batch into the log's order. Errors: deleted, those of Log::submit.
  kernel::Result<log::Appended> submit(kernel::Buffer batch, log::AppendOrigin origin,
                                       std::optional<std::int64_t> log_append_time_ms);
  /// Suspends until `appended` is as safe as `acks` says, and written even if nobody asks: what has not been written is
  /// memory that the request answers for. Errors: deleted, those of Log's waits.
  kernel::Result<> wait(kernel::Fiber& f, const log::Appended& appended, Acks acks);

  /// Everything below `before` goes (-1: below the high watermark), never less than has gone; answers the log start.
  /// Durable before it returns; who waits to read what has gone hears so. Errors: offset_out_of_range (negative, above
  /// the high watermark), deleted, those of Log::advance_start.
  kernel::Result<Offset> delete_records(kernel::Fiber& f, Offset before);

  [[nodiscard]] Offset high_watermark() const { return log_->committed(); }
  /// Below, every transaction has been decided; at most the high watermark.
  [[nodiscard]] Offset last_stable_offset() const { return log_->last_stable_offset(); }
  [[nodiscard]] Offset log_start() const { return log_->log_start(); }
  [[nodiscard]] LeaderEpoch epoch() const { return epoch_; }
  [[nodiscard]] log::Log& log() { return *log_; }
  /// The topic is gone: everybody who waits hears so.
  void mark_deleted();
  [[nodiscard]] bool deleted() const { return deleted_; }
  /// Notified when the high watermark moves, with the bytes it moved by, and when the partition is deleted.
  [[nodiscard]] kernel::Notify& readable() { return log_->readable(); }

 private:
  std::unique_ptr<log::Log> log_;
  LeaderEpoch epoch_;
  bool deleted_ = false;
};

}  // namespace broker::replication
