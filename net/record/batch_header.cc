#include "net/record/batch_header.h"

#include "kernel/check.h"
#include "kernel/crc32c.h"

namespace net::record {
namespace {

constexpr std::size_t kBatchLengthAt = 8;
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kAttributesAt = 21;
constexpr std::size_t kLastOffsetDeltaAt = 23;
constexpr std::size_t kBaseTimestampAt = 27;
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::size_t kProducerIdAt = 43;
constexpr std::size_t kProducerEpochAt = 51;
constexpr std::size_t kBaseSequenceAt = 53;
constexpr std::size_t kRecordsCountAt = 57;
static_assert(kRecordsCountAt + 4 == kHeaderBytes);

template <class T>
T get(ByteView bytes, std::size_t at) {
  return kernel::load_be<T>(bytes.data() + at);
}
template <class T>
void put(MutableByteView bytes, std::size_t at, T value) {
  kernel::store_be(bytes.data() + at, value);
}

}  // namespace

kernel::Result<BatchHeader> BatchHeader::parse(ByteView bytes) {
  // The magic stands at the same place in every format, so that an old one is named even when it is short.
  if (bytes.size() <= kMagicAt) return kernel::fail(Reason::incomplete, static_cast<std::int64_t>(bytes.size()));
  const auto magic = get<std::int8_t>(bytes, kMagicAt);
  if (magic == 0 || magic == 1) return kernel::fail(Reason::old_magic, magic);
  if (magic != kMagic) return kernel::fail(Reason::unknown_magic, magic);
  const auto batch_length = get<std::int32_t>(bytes, kBatchLengthAt);
  if (batch_length < static_cast<std::int32_t>(kHeaderBytes - kUncountedBytes))
    return kernel::fail(Reason::bad_length, batch_length);
  if (bytes.size() < kHeaderBytes) return kernel::fail(Reason::incomplete, static_cast<std::int64_t>(bytes.size()));
  return BatchHeader{
      .base_offset = Offset{get<std::int64_t>(bytes, 0)},
      .batch_length = batch_length,
      .leader_epoch = LeaderEpoch{get<std::int32_t>(bytes, kLeaderEpochAt)},
      .crc = get<std::uint32_t>(bytes, kCrcAt),
      .attributes = get<std::uint16_t>(bytes, kAttributesAt),
      .last_offset_delta = get<std::int32_t>(bytes, kLastOffsetDeltaAt),
      .base_timestamp_ms = get<std::int64_t>(bytes, kBaseTimestampAt),
      .max_timestamp_ms = get<std::int64_t>(bytes, kMaxTimestampAt),
      .producer_id = ProducerId{get<std::int64_t>(bytes, kProducerIdAt)},
      .producer_epoch = ProducerEpoch{get<std::int16_t>(bytes, kProducerEpochAt)},
      .base_sequence = get<std::int32_t>(bytes, kBaseSequenceAt),
      .records_count = get<std::int32_t>(bytes, kRecordsCountAt),
  };
}

void BatchHeader::write(MutableByteView to) const {
  CHECK(to.size() >= kHeaderBytes);
  put(to, 0, base_offset.raw());
  put(to, kBatchLengthAt, batch_length);
  put(to, kLeaderEpochAt, leader_epoch.raw());
  put(to, kMagicAt, kMagic);
  put(to, kCrcAt, crc);
  put(to, kAttributesAt, attributes);
  put(to, kLastOffsetDeltaAt, last_offset_delta);
  put(to, kBaseTimestampAt, base_timestamp_ms);
  put(to, kMaxTimestampAt, max_timestamp_ms);
  put(to, kProducerIdAt, producer_id.raw());
  put(to, kProducerEpochAt, producer_epoch.raw());
  put(to, kBaseSequenceAt, base_sequence);
  put(to, kRecordsCountAt, records_count);
}

Offset BatchHeader::last_offset() const {
  return Offset{static_cast<std::int64_t>(static_cast<std::uint64_t>(base_offset.raw()) +
                                          static_cast<std::uint64_t>(std::int64_t{last_offset_delta}))};
}

Offset BatchHeader::next_offset() const {
  return Offset{static_cast<std::int64_t>(static_cast<std::uint64_t>(last_offset().raw()) + 1)};
}

std::optional<Codec> BatchHeader::codec() const {
  const int bits = attributes & 0x07;
  if (bits >= compress::kCodecs) return std::nullopt;
  return static_cast<Codec>(bits);
}

std::int32_t BatchHeader::last_sequence() const {
  if (base_sequence < 0) return kSequenceNone;
  return sequence_after(base_sequence, last_offset_delta);
}

std::uint32_t compute_crc(std::span<const ByteView> batch) {
  CHECK(!batch.empty());
  CHECK(batch.front().size() >= kHeaderBytes);
  std::uint32_t crc = kernel::crc32c(batch.front().subspan(kAttributesAt));
  for (const ByteView piece : batch.subspan(1)) crc = kernel::crc32c(piece, crc);
  return crc;
}

void stamp_base_offset(MutableByteView batch, Offset base) {
  CHECK(batch.size() >= kHeaderBytes);
  put(batch, 0, base.raw());
}

void stamp_leader_epoch(MutableByteView batch, LeaderEpoch epoch) {
  CHECK(batch.size() >= kHeaderBytes);
  put(batch, kLeaderEpochAt, epoch.raw());
}

void stamp_timestamps(MutableByteView batch, TimestampType type, std::int64_t max_timestamp_ms) {
  CHECK(batch.size() >= kHeaderBytes);
  const ByteView covered = ByteView{batch}.subspan(kAttributesAt, kHeaderBytes - kAttributesAt);
  const std::uint64_t records_bytes =
      static_cast<std::uint64_t>(get<std::int32_t>(batch, kBatchLengthAt)) + kUncountedBytes - kHeaderBytes;
  const std::uint32_t before = kernel::crc32c(covered);
  const auto attributes = get<std::uint16_t>(batch, kAttributesAt);
  put(batch, kAttributesAt,
      static_cast<std::uint16_t>(type == TimestampType::log_append_time ? attributes | kAttributeLogAppendTime
                                                                        : attributes & ~kAttributeLogAppendTime));
  put(batch, kMaxTimestampAt, max_timestamp_ms);
  // Checksums add: that of the whole changes by the header's change, carried over the records.
  const std::uint32_t change = before ^ kernel::crc32c(covered);
  put(batch, kCrcAt, kernel::crc32c_combine(change, get<std::uint32_t>(batch, kCrcAt), records_bytes));
}

}  // namespace net::record
