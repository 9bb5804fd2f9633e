// From which offset on a timestamp may be found in a segment: the content of <base>.timeindex.
//
//   file: entries of  int64 timestamp | int32 offset - base     12 bytes, timestamps strictly increasing
//
// An entry holds the largest timestamp so far and the last offset of the batch that had it first: no message up to
// that offset is younger. One slot is kept free for the entry that is written when the segment rolls or closes.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "broker/log/reason.h"
#include "kernel/bytes.h"
#include "net/types.h"

namespace broker::log {

using net::Offset;

class TimeIndex {
 public:
  static constexpr std::size_t kEntryBytes = 12;
  struct Entry {
    std::int64_t timestamp_ms = -1;
    Offset offset{0};
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  /// `entries_max`: segment.index.bytes / kEntryBytes, at least 1.
  TimeIndex(Offset base, std::size_t entries_max) : base_{base}, entries_max_{entries_max} {}
  /// Errors: bad_size, bad_entry (timestamps not increasing, offsets decreasing or negative).
  static kernel::Result<TimeIndex> parse(Offset base, kernel::ByteView file, std::size_t entries_max);

  /// The greatest entry whose timestamp is not above `target_ms`: whatever is younger lies behind its offset.
  /// {-1, base} when there is none.
  [[nodiscard]] Entry lookup(std::int64_t target_ms) const;
  [[nodiscard]] std::optional<Entry> last() const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool is_full() const { return entries_.size() + 1 >= entries_max_; }
  [[nodiscard]] Entry at(std::size_t index) const;

  /// Adds an entry unless its timestamp is not above the last one's; whether it did. Not full, or
  /// `closing`: that entry has a slot of its own. Offsets never decrease.
  bool append(std::int64_t timestamp_ms, Offset offset, bool closing = false);
  /// Drops the entries of `end` and above.
  void truncate(Offset end);

  [[nodiscard]] std::array<std::byte, kEntryBytes> encode_entry(std::size_t index) const;
  [[nodiscard]] std::vector<std::byte> encode() const;

 private:
  Offset base_;
  std::size_t entries_max_;
  std::vector<Entry> entries_;
};

}  // namespace broker::log
