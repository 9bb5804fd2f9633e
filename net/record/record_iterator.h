// The records of one batch, as views into uncompressed bytes.
//
//   const RecordRegion region = TRY(RecordRegion::open(batch.header, batch.records(), bytes_max));
//   RecordIterator records = region.iterate();
//   while (const auto record = TRY(records.next())) use(record->offset, record->key, record->headers);
//
// A record: varint length | int8 attributes | varlong timestampDelta | varint offsetDelta | varint keyBytes (-1 null)
// key | varint valueBytes (-1 null) value | varint headerCount | headers {varint keyBytes key varint valueBytes value}.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "net/record/batch_header.h"

namespace net::record {

/// Null and empty are different values.
using NullableBytes = std::optional<ByteView>;

struct RecordHeader {
  std::string_view key;
  NullableBytes value;
};
bool operator==(const RecordHeader& a, const RecordHeader& b);

/// Headers of one record. Its bytes were walked before it was made, so that reading it cannot fail.
class HeaderList {
 public:
  HeaderList() = default;
  [[nodiscard]] std::int32_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// All headers in order.
  [[nodiscard]] std::vector<RecordHeader> to_vector() const;
  /// The last header with this key, as Kafka's clients look them up.
  [[nodiscard]] std::optional<RecordHeader> find_last(std::string_view key) const;

 private:
  friend class RecordIterator;
  HeaderList(ByteView bytes, std::int32_t count) : bytes_{bytes}, count_{count} {}
  static RecordHeader read_one(const std::byte*& p, const std::byte* end);

  ByteView bytes_;
  std::int32_t count_ = 0;
};

struct RecordView {
  Offset offset{0};
  std::int32_t offset_delta = 0;
  /// The append time where the batch has one.
  std::int64_t timestamp_ms = 0;
  NullableBytes key;
  NullableBytes value;
  HeaderList headers;
};

class RecordIterator {
 public:
  /// `records` is uncompressed and outlives the iterator.
  RecordIterator(const BatchHeader& header, ByteView records) : header_{header}, rest_{records} {}

  /// The next record; nothing after the last counted one. Offset deltas may have gaps (compaction).
  /// Errors, with the index of the record: bad_record, trailing_bytes.
  kernel::Result<std::optional<RecordView>> next();

 private:
  BatchHeader header_;
  ByteView rest_;
  std::int32_t index_ = 0;
};

/// The uncompressed record region of a batch: the batch's own bytes where it is not compressed (they must then outlive
/// this), otherwise a copy.
class RecordRegion {
 public:
  /// Errors: bad_attributes (unknown codec), bad_compression, too_large_uncompressed.
  static kernel::Result<RecordRegion> open(const BatchHeader& header, ByteView records,
                                           std::size_t uncompressed_bytes_max);
  [[nodiscard]] ByteView bytes() const { return owned_ ? ByteView{*owned_} : borrowed_; }
  [[nodiscard]] RecordIterator iterate() const { return {header_, bytes()}; }

 private:
  BatchHeader header_;
  ByteView borrowed_;
  std::optional<std::vector<std::byte>> owned_;
};

/// Which of our reasons a failed decompression of records is; other errors pass unchanged.
[[nodiscard]] kernel::Error decompression_error(const kernel::Error& error);

}  // namespace net::record
