// The one walk over the records of a batch that a broker makes: every length and number inside is checked, nothing is
// kept. It takes the (uncompressed) record region in pieces, so that neither a frame in several buffers nor a
// decompressor's output has to be gathered first.
//
//   const Walked seen = TRY(walk_records(header, {&records, 1}, {.keys_required = compacted}));   // uncompressed
//   const Walked seen = TRY(walk_compressed_records(header, records, bytes_max, rules));
//   const auto found = TRY(search_records(header, records, bytes_max, {.timestamp_ms_min = wanted}));    // a stored batch
//
// Every error's detail is the index of the record it was found in.
#pragma once

#include <limits>
#include <optional>
#include <span>

#include "net/record/batch_header.h"

namespace net::record {

struct WalkRules {
  /// Compacted topics need keys.
  bool keys_required = false;
  /// Timestamps outside are refused; a record without one (kTimestampNone) is always taken.
  std::int64_t timestamp_ms_min = std::numeric_limits<std::int64_t>::min();
  std::int64_t timestamp_ms_max = std::numeric_limits<std::int64_t>::max();
};

struct Walked {
  /// The largest create time, and the first record that has it.
  std::int64_t timestamp_ms_max = kTimestampNone;
  std::int32_t timestamp_ms_max_index = 0;
};

/// Which record of a stored batch is looked for, by its place and timestamp (the append time where the batch has one).
struct RecordSearch {
  std::int32_t offset_delta_min = 0;
  std::int32_t offset_delta_end = std::numeric_limits<std::int32_t>::max();
  std::int64_t timestamp_ms_min = std::numeric_limits<std::int64_t>::min();
  /// The first of those with the largest timestamp; otherwise the first of all.
  bool largest = false;
};

struct FoundRecord {
  std::int32_t offset_delta = 0;
  std::int64_t timestamp_ms = kTimestampNone;
};

/// Takes pieces in order. After an error it is of no further use.
class RecordWalk {
 public:
  RecordWalk(const BatchHeader& header, WalkRules rules);
  /// Searches instead of judging: the batch is one that was taken, and may have lost records to compaction.
  RecordWalk(const BatchHeader& header, const RecordSearch& search);

  /// Errors: bad_record, offset_gap, key_missing, timestamp_out_of_range, trailing_bytes.
  kernel::Result<> take(ByteView piece);
  /// That the last record was whole. Errors: bad_record.
  kernel::Result<Walked> finish();
  [[nodiscard]] const std::optional<FoundRecord>& found() const { return found_; }

 private:
  /// What the next byte of a record that is spread over pieces belongs to.
  enum class Part : std::uint8_t {
    length, attributes, timestamp_delta, offset_delta, key_bytes, value_bytes, header_count,
    header_key_bytes, header_value_bytes,
  };
  static constexpr std::size_t kVarintBytesMax = 10;

  kernel::Result<const std::byte*> take_whole_records(const std::byte* p, const std::byte* end);
  kernel::Result<const std::byte*> take_parts(const std::byte* p, const std::byte* end);
  kernel::Result<> take_number_byte(std::byte b);
  kernel::Result<> enter(std::int64_t number);
  kernel::Result<> skip(std::int64_t bytes);
  kernel::Result<> end_record();
  kernel::Result<> judge(std::int64_t timestamp_delta, std::int32_t offset_delta, bool has_key);
  void compare(std::int64_t timestamp_delta, std::int32_t offset_delta);
  [[nodiscard]] bool between_records() const {
    return part_ == Part::length && number_bytes_ == 0 && skip_bytes_ == 0;
  }
  [[nodiscard]] std::unexpected<kernel::Error> bad(Reason reason) const { return kernel::fail(reason, index_); }

  BatchHeader header_;
  WalkRules rules_;
  Walked walked_;
  std::int32_t index_ = 0;
  std::optional<RecordSearch> search_;
  std::optional<FoundRecord> found_;

  // The record in progress when it does not lie in one piece.
  Part part_ = Part::length;
  std::byte number_[kVarintBytesMax];
  std::size_t number_bytes_ = 0;
  std::int64_t body_bytes_ = 0;  ///< of the record, still to come
  std::int64_t skip_bytes_ = 0;  ///< of a key or value, still to come
  std::int64_t timestamp_delta_ = 0;
  std::int32_t offset_delta_ = 0;
  std::int32_t headers_ = 0;  ///< still to come
};

/// The walk over an uncompressed batch. `header` is a client's: validate_client_header() holds.
kernel::Result<Walked> walk_records(const BatchHeader& header, std::span<const ByteView> records, WalkRules rules);

/// The same over a compressed one, in bounded memory. Errors also: bad_attributes, bad_compression,
/// too_large_uncompressed.
kernel::Result<Walked> walk_compressed_records(const BatchHeader& header, ByteView records,
                                               std::size_t uncompressed_bytes_max, WalkRules rules);

/// Nothing when there is no such record. In bounded memory, whether compressed or not. Errors: bad_record,
/// trailing_bytes, bad_attributes, bad_compression, too_large_uncompressed.
kernel::Result<std::optional<FoundRecord>> search_records(const BatchHeader& header, ByteView records,
                                                          std::size_t uncompressed_bytes_max, const RecordSearch& search);

}  // namespace net::record
