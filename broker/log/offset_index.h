// Where in a segment's file an offset is to be looked for: the content of <base>.index.
//
//   file: entries of  int32 offset - base | int32 position     8 bytes, both strictly increasing
//
// An entry's offset is the last one of a batch, its position where that batch begins. A lookup yields a place at or
// before the wanted batch, from which the segment is scanned forward. Sparse: one entry per index.interval.bytes.
//
//   OffsetIndex index = TRY(OffsetIndex::parse(base, file_bytes, entries_max));
//   const auto place = index.lookup(Offset{4711});
//   if (!index.is_full()) index.append(last_offset, position);
//
// In memory only, no I/O: the segment writes encode_entry() behind what the file holds.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "broker/log/reason.h"
#include "kernel/bytes.h"
#include "net/types.h"

namespace broker::log {

using net::Offset;

class OffsetIndex {
 public:
  static constexpr std::size_t kEntryBytes = 8;
  struct Entry {
    Offset offset{0};
    std::int32_t position = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  /// `entries_max`: segment.index.bytes / kEntryBytes.
  OffsetIndex(Offset base, std::size_t entries_max) : base_{base}, entries_max_{entries_max} {}
  /// Reads a file's bytes; every one of them counts as an entry. More than `entries_max` are kept and make it full.
  /// Errors: bad_size, bad_entry (negative or not increasing).
  static kernel::Result<OffsetIndex> parse(Offset base, kernel::ByteView file, std::size_t entries_max);

  /// The greatest entry whose offset is not above `target`; the segment's beginning when there is none.
  [[nodiscard]] Entry lookup(Offset target) const;
  /// The greatest position of an entry that is not above `limit`; 0 when there is none.
  [[nodiscard]] std::int32_t floor_position(std::uint64_t limit) const;
  /// The position of the first entry whose offset is not below `target`: no batch below it begins there or behind.
  [[nodiscard]] std::optional<std::int32_t> ceil_position(Offset target) const;
  [[nodiscard]] std::optional<Entry> last() const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool is_full() const { return entries_.size() >= entries_max_; }
  [[nodiscard]] Entry at(std::size_t index) const;

  /// Adds an entry above all others. Not full; the offset lies within 2^31 of the base.
  void append(Offset offset, std::int32_t position);
  /// Drops the entries of `end` and above. The file is to be cut to size() * kEntryBytes.
  void truncate(Offset end);

  [[nodiscard]] std::array<std::byte, kEntryBytes> encode_entry(std::size_t index) const;
  [[nodiscard]] std::vector<std::byte> encode() const;

 private:
  /// As in the file: half the size of Entry, and there may be a million of them.
  struct Packed {
    std::int32_t relative;
    std::int32_t position;
  };
  Offset base_;
  std::size_t entries_max_;
  std::vector<Packed> entries_;
};

}  // namespace broker::log
