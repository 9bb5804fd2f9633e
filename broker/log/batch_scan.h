// Walks over the batches of a segment's file, reading in chunks.
//
//   BatchScan scan{*file, position, end};
//   while (const auto batch = TRY(scan.next_header(f))) ...     // records are passed over
//   while (const auto batch = TRY(scan.next_whole(f))) ...      // bytes at hand, checksum not looked at
//
// After an error the scan stays at the batch that caused it: position() says where.
//
//   OffsetOrder order{segment.base()};
//   TRY(order.take(batch->header));                             // refuses offsets that cannot follow
#pragma once

#include <optional>

#include "kernel/disk.h"
#include "net/record/batch_header.h"
#include "net/types.h"

namespace broker::log {

using net::Offset;

class BatchScan {
 public:
  static constexpr std::size_t kHeaderChunkBytes = 8 * 1024;
  /// Below what the C library maps and unmaps anew for each chunk (main.cc): faults were an eighth of a scan.
  static constexpr std::size_t kWholeChunkBytes = 240 * 1024;

  struct Item {
    std::uint64_t position = 0;
    net::record::BatchHeader header;
    kernel::Buffer bytes;  ///< of next_whole() only
  };

  BatchScan(kernel::FileHandle file, std::uint64_t position, std::uint64_t end)
      : file_{std::move(file)}, position_{position}, end_{end} {}

  /// Nothing at the end. Errors: net::record::Reason (incomplete: the batch reaches beyond the end), io.
  kernel::Result<std::optional<Item>> next_header(kernel::Fiber& f);
  kernel::Result<std::optional<Item>> next_whole(kernel::Fiber& f);
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  kernel::Result<kernel::Buffer> at_hand(kernel::Fiber& f, std::size_t bytes, std::size_t chunk_bytes);
  kernel::FileHandle file_;
  std::uint64_t position_;
  std::uint64_t end_;
  kernel::Buffer window_;
  std::uint64_t window_position_ = 0;
};

/// Whether `offset` is one of the batch's, be its record still there or compacted away.
[[nodiscard]] inline bool holds(const net::record::BatchHeader& header, Offset offset) {
  return header.base_offset <= offset && offset <= header.last_offset();
}

/// Whether the offsets of batches rise as they do in a segment: no checksum covers where a batch begins.
class OffsetOrder {
 public:
  explicit OffsetOrder(Offset base) : base_{base}, next_{base} {}

  /// Offsets that are missing between batches were compacted away. Errors: net::record::Reason::offset_gap for a batch
  /// that ends before it begins, begins below the end of the one before, or ends too far from the base for an index.
  kernel::Result<> take(const net::record::BatchHeader& header);
  /// Behind the last batch taken; the base when there is none.
  [[nodiscard]] Offset next() const { return next_; }

 private:
  Offset base_;
  Offset next_;
};

/// How many of `bytes`, batches as they lie in a segment, are whole batches in order that end at or below `end`.
[[nodiscard]] std::size_t ordered_prefix(kernel::ByteView bytes, OffsetOrder order, Offset end);

}  // namespace broker::log
