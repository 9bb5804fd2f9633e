// The 61 bytes before the records of a batch (message format 2), on the wire and on disk alike:
//
//   at size          at size                 at size
//    0   8 baseOffset      17 4 crc             35 8 maxTimestamp
//    8   4 batchLength     21 2 attributes      43 8 producerId
//   12   4 leaderEpoch     23 4 lastOffsetDelta 51 2 producerEpoch
//   16   1 magic = 2       27 8 baseTimestamp   53 4 baseSequence, 57 4 recordsCount
//
// crc is CRC-32C of everything from attributes to the end; batchLength counts from leaderEpoch to the end.
// attributes: bits 0-2 codec, 3 append time, 4 transactional, 5 control, 6 delete horizon.
//
//   const BatchHeader header = TRY(BatchHeader::parse(bytes));     // judges what it needs to be read at all
//   stamp_base_offset(batch, next); stamp_leader_epoch(batch, epoch);
//
// Pure; nothing here suspends.
#pragma once

#include <optional>
#include <span>

#include "kernel/bytes.h"
#include "net/compress/codec.h"
#include "net/record/reason.h"
#include "net/record/sequence.h"
#include "net/types.h"

namespace net::record {

using compress::Codec;
using kernel::ByteView;
using kernel::MutableByteView;

inline constexpr std::size_t kHeaderBytes = 61;
/// baseOffset and batchLength, which batchLength does not count.
inline constexpr std::size_t kUncountedBytes = 12;
inline constexpr std::int8_t kMagic = 2;
/// A record or batch without a timestamp.
inline constexpr std::int64_t kTimestampNone = -1;

enum class TimestampType : std::uint8_t { create_time, log_append_time };

/// The header's values. A copy: it stays good when the buffer goes.
struct BatchHeader {
  Offset base_offset{0};
  std::int32_t batch_length = 0;
  LeaderEpoch leader_epoch = kLeaderEpochNone;
  std::uint32_t crc = 0;
  std::uint16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  /// Milliseconds; what record deltas are relative to. The delete horizon instead when has_delete_horizon().
  std::int64_t base_timestamp_ms = 0;
  std::int64_t max_timestamp_ms = 0;
  ProducerId producer_id = kProducerIdNone;
  ProducerEpoch producer_epoch = kProducerEpochNone;
  std::int32_t base_sequence = kSequenceNone;
  std::int32_t records_count = 0;

  /// Reads the header at the front of `bytes`, which must hold all 61 bytes in one piece; the records may lie
  /// elsewhere. Judges only what makes it a header: magic 2 and a batchLength that covers it.
  /// Errors: incomplete, old_magic, unknown_magic, bad_length.
  static kernel::Result<BatchHeader> parse(ByteView bytes);
  /// Writes the 61 bytes, crc included as it stands here.
  void write(MutableByteView to) const;

  /// Header and records, as stored.
  [[nodiscard]] std::size_t size_bytes() const { return kUncountedBytes + static_cast<std::size_t>(batch_length); }
  [[nodiscard]] std::size_t records_bytes() const { return size_bytes() - kHeaderBytes; }
  /// Offset of the last record; compaction may have removed the record itself. Any header can be asked: where
  /// damaged bytes overflow, the sum wraps.
  [[nodiscard]] Offset last_offset() const;
  [[nodiscard]] Offset next_offset() const;
  /// Nothing when the codec bits name none we know.
  [[nodiscard]] std::optional<Codec> codec() const;
  [[nodiscard]] TimestampType timestamp_type() const {
    return (attributes & 0x08) != 0 ? TimestampType::log_append_time : TimestampType::create_time;
  }
  [[nodiscard]] bool is_transactional() const { return (attributes & 0x10) != 0; }
  [[nodiscard]] bool is_control() const { return (attributes & 0x20) != 0; }
  [[nodiscard]] bool has_delete_horizon() const { return (attributes & 0x40) != 0; }
  [[nodiscard]] bool has_producer() const { return producer_id != kProducerIdNone; }
  /// kSequenceNone when the batch has none.
  [[nodiscard]] std::int32_t last_sequence() const;

  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

inline constexpr std::uint16_t kAttributeLogAppendTime = 0x08;
inline constexpr std::uint16_t kAttributeTransactional = 0x10;
inline constexpr std::uint16_t kAttributeControl = 0x20;
inline constexpr std::uint16_t kAttributeDeleteHorizon = 0x40;
inline constexpr std::uint16_t kAttributesKnown = 0x7f;

/// CRC-32C of the part of a whole batch that it covers. The batch may lie in several pieces, the header in the first.
[[nodiscard]] std::uint32_t compute_crc(std::span<const ByteView> batch);

/// Outside the checksum; `batch` starts with a header.
void stamp_base_offset(MutableByteView batch, Offset base);
void stamp_leader_epoch(MutableByteView batch, LeaderEpoch epoch);
/// Sets timestamp type and maxTimestamp and corrects the checksum without reading the records: a batch whose records
/// were damaged still fails it afterwards. `batch` starts with a header; only those 61 bytes are touched.
void stamp_timestamps(MutableByteView batch, TimestampType type, std::int64_t max_timestamp_ms);

}  // namespace net::record
