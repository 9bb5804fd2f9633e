// Which aborted transactions end in a segment: the content of <base>.txnindex.
//
//   file: entries of  int16 version 0 | int64 producerId | int64 firstOffset | int64 lastOffset | int64 lastStableOffset
//   34 bytes, lastOffset strictly increasing
//
// firstOffset is that of the transaction's first batch, which may lie in an earlier segment, lastOffset that of its
// abort marker; lastStableOffset is where the earliest other transaction began that was open then, else behind the
// marker: whatever began below it has been decided.
//
//   bool complete = false;
//   for (segment; !complete; next) complete = index.collect(from, to, found);   // what a reader of [from, to) must know
//
// In memory only, no I/O. Nothing in the file tells a good entry from a damaged one: whoever reads it holds it against
// the markers in the log (Log::aborted_transactions).
#pragma once

#include <array>
#include <vector>

#include "broker/log/producer_state.h"
#include "broker/log/reason.h"
#include "kernel/bytes.h"
#include "net/types.h"

namespace broker::log {

struct AbortedTransaction {
  ProducerId producer{-1};
  Offset first{0};
  Offset marker{0};
  Offset last_stable{0};

  static AbortedTransaction of(const EndedTransaction& ended) {
    return {ended.producer, ended.first, ended.marker, ended.last_stable};
  }
  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

class TransactionIndex {
 public:
  static constexpr std::size_t kEntryBytes = 34;

  /// Errors: bad_size, bad_version, bad_entry (numbers that cannot be, markers not increasing); the detail is the entry.
  static kernel::Result<TransactionIndex> parse(kernel::ByteView file);

  /// Its marker lies behind those of all others.
  void append(const AbortedTransaction& entry);
  /// Drops those whose marker is at or above `end`.
  void truncate(Offset end);
  /// Adds those to `found` that reach into [from, to). True when later segments have no more of them.
  [[nodiscard]] bool collect(Offset from, Offset to, std::vector<AbortedTransaction>& found) const;

  [[nodiscard]] const std::vector<AbortedTransaction>& entries() const { return entries_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// The entries from `first` on, as in the file.
  [[nodiscard]] std::vector<std::byte> encode(std::size_t first = 0) const;
  friend bool operator==(const TransactionIndex&, const TransactionIndex&) = default;

 private:
  std::vector<AbortedTransaction> entries_;
};

}  // namespace broker::log
