#include "net/record/batch_builder.h"

#include <algorithm>
#include <limits>

#include "kernel/check.h"
#include "net/record/varint.h"

namespace net::record {
namespace {

constexpr std::size_t kBatchBytesMax = std::numeric_limits<std::int32_t>::max();

std::int32_t length_of(std::size_t bytes) {
  CHECK(bytes <= kBatchBytesMax);
  return static_cast<std::int32_t>(bytes);
}

std::size_t nullable_bytes(const NullableBytes& value) {
  if (!value) return varint_bytes(std::int32_t{-1});
  return varint_bytes(length_of(value->size())) + value->size();
}

std::byte* put_bytes(std::byte* to, ByteView bytes) { return std::copy_n(bytes.data(), bytes.size(), to); }

std::byte* put_nullable(std::byte* to, const NullableBytes& value) {
  to = put_varint(to, value ? length_of(value->size()) : std::int32_t{-1});
  return value ? put_bytes(to, *value) : to;
}

/// What the length field counts: everything behind it.
std::size_t body_bytes(const NewRecord& record, std::int32_t offset_delta, std::int64_t timestamp_delta) {
  std::size_t total = 1 + varint_bytes(timestamp_delta) + varint_bytes(offset_delta) + nullable_bytes(record.key) +
                      nullable_bytes(record.value) + varint_bytes(length_of(record.headers.size()));
  for (const RecordHeader& header : record.headers)
    total += nullable_bytes(kernel::as_bytes(header.key)) + nullable_bytes(header.value);
  return total;
}

std::int64_t wrapping_difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace

std::size_t record_bytes(const NewRecord& record, std::int32_t offset_delta, std::int64_t timestamp_delta) {
  const std::size_t body = body_bytes(record, offset_delta, timestamp_delta);
  return varint_bytes(length_of(body)) + body;
}

void append_record(std::vector<std::byte>& out, const NewRecord& record, std::int32_t offset_delta,
                   std::int64_t timestamp_delta) {
  const std::size_t body = body_bytes(record, offset_delta, timestamp_delta);
  const std::size_t before = out.size();
  out.resize(before + varint_bytes(length_of(body)) + body);
  std::byte* to = put_varint(out.data() + before, length_of(body));
  *to++ = std::byte{0};  // attributes
  to = put_varint(to, timestamp_delta);
  to = put_varint(to, offset_delta);
  to = put_nullable(to, record.key);
  to = put_nullable(to, record.value);
  to = put_varint(to, length_of(record.headers.size()));
  for (const RecordHeader& header : record.headers) {
    to = put_nullable(to, kernel::as_bytes(header.key));
    to = put_nullable(to, header.value);
  }
  CHECK(to == out.data() + out.size());
}

BatchBuilder::BatchBuilder(BatchOptions options) : options_{options} {
  CHECK(compress::level_allowed(options_.codec, options_.compression_level));
}

void BatchBuilder::append(const NewRecord& record) {
  CHECK(count_ < std::numeric_limits<std::int32_t>::max());
  if (count_ == 0) {
    base_timestamp_ms_ = record.timestamp_ms;
    max_timestamp_ms_ = record.timestamp_ms;
  }
  append_record(records_, record, count_, wrapping_difference(record.timestamp_ms, base_timestamp_ms_));
  max_timestamp_ms_ = std::max(max_timestamp_ms_, record.timestamp_ms);
  ++count_;
}

std::size_t BatchBuilder::record_bytes_max(const NewRecord& record) {
  return record_bytes(record, std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int64_t>::max());
}

void BatchBuilder::set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence) {
  options_.producer_id = id;
  options_.producer_epoch = epoch;
  options_.base_sequence = base_sequence;
}

std::vector<std::byte> BatchBuilder::build() {
  CHECK(count_ > 0);
  std::vector<std::byte> batch(kHeaderBytes);
  const ByteView records{records_};
  compress::compress(options_.codec, options_.compression_level, {&records, 1}, batch);
  std::uint16_t attributes = static_cast<std::uint16_t>(options_.codec);
  if (options_.log_append_time_ms) attributes |= kAttributeLogAppendTime;
  if (options_.transactional) attributes |= kAttributeTransactional;
  if (options_.control) attributes |= kAttributeControl;
  BatchHeader header{
      .base_offset = options_.base_offset,
      .batch_length = length_of(batch.size() - kUncountedBytes),
      .leader_epoch = options_.leader_epoch,
      .crc = 0,
      .attributes = attributes,
      .last_offset_delta = count_ - 1,
      .base_timestamp_ms = base_timestamp_ms_,
      .max_timestamp_ms = options_.log_append_time_ms.value_or(max_timestamp_ms_),
      .producer_id = options_.producer_id,
      .producer_epoch = options_.producer_epoch,
      .base_sequence = options_.base_sequence,
      .records_count = count_,
  };
  header.write(batch);
  const ByteView whole{batch};
  header.crc = compute_crc({&whole, 1});
  header.write(batch);
  records_.clear();
  count_ = 0;
  return batch;
}

}  // namespace net::record
