// What one partition knows of its idempotent producers: for each the epoch, the last five batches, and whether a
// transaction is open. It makes retries harmless and gaps visible.
//
//   const auto judgement = state.judge(header);           // leader, a client's batch with a producer id
//   if (judgement.verdict == Verdict::duplicate) return answer_again(*judgement.original);
//   ...append, then
//   state.apply(header);                                  // leader, follower and recovery alike; offsets stamped
//
// Kept on disk as <offset>.snapshot (see encode_snapshot()): the state of all records below that offset. Only the last
// batch of each producer is kept there, so that the window of duplicates is one batch after a reload.
// Pure: time and offsets come in as arguments.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "broker/log/reason.h"
#include "kernel/bytes.h"
#include "net/record/batch_header.h"
#include "net/record/control.h"
#include "net/types.h"

namespace broker::log {

using net::Offset;
using net::ProducerEpoch;
using net::ProducerId;

/// One remembered batch.
struct SequencedBatch {
  std::int32_t last_sequence = net::record::kSequenceNone;
  Offset last_offset{-1};
  std::int32_t offset_delta = 0;  ///< last offset - first offset
  std::int64_t timestamp_ms = -1;

  [[nodiscard]] Offset first_offset() const { return last_offset - offset_delta; }
  [[nodiscard]] std::int32_t first_sequence() const;
  friend bool operator==(const SequencedBatch&, const SequencedBatch&) = default;
};

inline constexpr std::size_t kBatchesRemembered = 5;

struct ProducerEntry {
  ProducerEpoch epoch = net::kProducerEpochNone;
  std::int32_t coordinator_epoch = -1;
  std::int64_t last_timestamp_ms = -1;
  std::optional<Offset> open_transaction_start;
  /// Oldest first, at most kBatchesRemembered, all of `epoch`.
  std::vector<SequencedBatch> batches;

  /// When it was seen last, in turns of expire(). Not part of what is on disk, nor of what the log says.
  std::uint32_t seen_turn = 0;

  /// kSequenceNone when only a marker was seen in this epoch.
  [[nodiscard]] std::int32_t last_sequence() const;
  friend bool operator==(const ProducerEntry& a, const ProducerEntry& b) {
    return a.epoch == b.epoch && a.coordinator_epoch == b.coordinator_epoch &&
           a.last_timestamp_ms == b.last_timestamp_ms && a.open_transaction_start == b.open_transaction_start &&
           a.batches == b.batches;
  }
};

enum class Verdict : std::uint8_t {
  in_order,               ///< append it
  duplicate,              ///< it is on the log already: answer with the old offset
  out_of_order_sequence,  ///< a batch in between is missing, or a new epoch does not start at 0
  invalid_producer_epoch, ///< an older instance of the producer
  transaction_expected,   ///< a plain batch from a producer whose transaction is open
};
struct Judgement {
  Verdict verdict = Verdict::in_order;
  std::optional<SequencedBatch> original;  ///< with `duplicate` only
};

/// A transaction that has found its end on the log.
struct EndedTransaction {
  ProducerId producer{-1};
  Offset first{0};        ///< of its first batch
  Offset marker{0};
  bool aborted = false;
  Offset last_stable{0};  ///< where the earliest other transaction began that is still open; else behind the marker
};

class ProducerState {
 public:
  /// What to do with a client's batch. Its header kept the rules of validate_client_header() and has a producer id.
  /// A producer we know nothing of may begin anywhere: its earlier batches may have been deleted by retention.
  [[nodiscard]] Judgement judge(const net::record::BatchHeader& header) const;

  /// Notes a batch that is on the log, with the offsets it has there. Control batches and batches without a producer
  /// id change nothing here; markers have a function of their own.
  void apply(const net::record::BatchHeader& header);
  /// Notes a transaction marker that is on the log at offset `at`. Answers what it ended; nothing when no batch of the
  /// producer's transaction is on this partition.
  std::optional<EndedTransaction> apply_marker(const net::record::TransactionMarker& marker, Offset at);

  /// Puts back what was known of a producer before a batch that did not come to be; nothing when it was unknown.
  void restore(ProducerId id, std::optional<ProducerEntry> entry);

  /// Ends a turn and forgets producers without an open transaction that were not seen for `turns_max` of them.
  /// Returns how many. Turns are of the caller's making, by a clock that cannot jump: were it the records' timestamps
  /// against the wall clock, as in Kafka, setting the clock would make retries into duplicates.
  std::size_t expire(std::uint32_t turns_max);

  /// Where the earliest transaction began that is open; nothing when none is.
  [[nodiscard]] std::optional<Offset> first_open() const;
  [[nodiscard]] const ProducerEntry* find(ProducerId id) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] const std::map<ProducerId, ProducerEntry>& entries() const { return entries_; }

  /// int16 version 1 | uint32 crc32c of what follows | int32 count | entries of
  ///   int64 producerId | int16 epoch | int32 lastSequence | int64 lastOffset | int32 offsetDelta | int64 timestamp |
  ///   int32 coordinatorEpoch | int64 openTransactionStart (-1 none)
  [[nodiscard]] std::vector<std::byte> encode_snapshot() const;
  /// Errors: bad_size, bad_version, bad_crc, bad_entry, duplicate; the detail is the index of the entry.
  static kernel::Result<ProducerState> decode_snapshot(kernel::ByteView file);

  friend bool operator==(const ProducerState& a, const ProducerState& b) { return a.entries_ == b.entries_; }

 private:
  void set_open(ProducerEntry& entry, std::optional<Offset> start);

  std::map<ProducerId, ProducerEntry> entries_;
  std::multiset<Offset> open_;  ///< open_transaction_start of all entries
  std::uint32_t turn_ = 0;
};

}  // namespace broker::log
