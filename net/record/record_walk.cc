#include "net/record/record_walk.h"

#include <algorithm>

#include "kernel/check.h"
#include "net/record/record_iterator.h"
#include "net/record/varint.h"

namespace net::record {
namespace {

/// attributes, two deltas, two lengths and the header count, one byte each.
constexpr std::int32_t kBodyBytesMin = 6;

/// Reads a length of at least `least` and steps over so many bytes. False when that leads outside.
inline bool step_over(const std::byte*& p, const std::byte* end, std::int32_t least, std::int32_t& length) {
  if (!read_varint(p, end, length) || length < least || length > end - p) return false;
  if (length > 0) p += length;
  return true;
}

/// Of what a client chose: it may wrap.
inline std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

inline bool step_over_headers(const std::byte*& p, const std::byte* end) {
  std::int32_t count = 0;
  if (!read_varint(p, end, count) || count < 0) return false;
  std::int32_t length = 0;
  for (; count > 0; --count)
    if (!step_over(p, end, 0, length) || !step_over(p, end, -1, length)) return false;
  return true;
}

}  // namespace

RecordWalk::RecordWalk(const BatchHeader& header, WalkRules rules) : header_{header}, rules_{rules} {}
RecordWalk::RecordWalk(const BatchHeader& header, const RecordSearch& search) : header_{header}, search_{search} {}

kernel::Result<> RecordWalk::take(ByteView piece) {
  const std::byte* p = piece.data();
  const std::byte* const end = p + piece.size();
  while (p != end) {
    if (between_records()) p = TRY(take_whole_records(p, end));
    if (p != end) p = TRY(take_parts(p, end));
  }
  return {};
}

kernel::Result<Walked> RecordWalk::finish() {
  if (!between_records() || index_ != header_.records_count) return bad(Reason::bad_record);
  return walked_;
}

inline kernel::Result<> RecordWalk::judge(std::int64_t timestamp_delta, std::int32_t offset_delta, bool has_key) {
  if (search_) [[unlikely]] {
    compare(timestamp_delta, offset_delta);
    return {};
  }
  if (offset_delta != index_) [[unlikely]] return bad(Reason::offset_gap);
  if (!has_key && rules_.keys_required) [[unlikely]] return bad(Reason::key_missing);
  const std::int64_t timestamp = plus(header_.base_timestamp_ms, timestamp_delta);
  if (timestamp < rules_.timestamp_ms_min || timestamp > rules_.timestamp_ms_max) [[unlikely]]
    if (timestamp != kTimestampNone) return bad(Reason::timestamp_out_of_range);
  if (timestamp > walked_.timestamp_ms_max) {
    walked_.timestamp_ms_max = timestamp;
    walked_.timestamp_ms_max_index = index_;
  }
  return {};
}

void RecordWalk::compare(std::int64_t timestamp_delta, std::int32_t offset_delta) {
  if (offset_delta < search_->offset_delta_min || offset_delta >= search_->offset_delta_end) return;
  const std::int64_t timestamp = header_.timestamp_type() == TimestampType::log_append_time
                                     ? header_.max_timestamp_ms
                                     : plus(header_.base_timestamp_ms, timestamp_delta);
  if (timestamp < search_->timestamp_ms_min) return;
  if (!found_ || (search_->largest && timestamp > found_->timestamp_ms)) found_ = {offset_delta, timestamp};
}

/// Walks the records that lie whole in [p, end); answers where the first that does not begins.
kernel::Result<const std::byte*> RecordWalk::take_whole_records(const std::byte* p, const std::byte* end) {
  while (p != end) {
    if (index_ >= header_.records_count) return bad(Reason::trailing_bytes);
    const std::byte* q = p;
    std::int32_t length = 0;
    if (!read_varint(q, end, length) || length > end - q) return p;
    if (length < kBodyBytesMin) return bad(Reason::bad_record);
    const std::byte* const record_end = q + length;
    ++q;  // attributes
    std::int64_t timestamp_delta = 0;
    std::int32_t offset_delta = 0;
    std::int32_t key_length = 0;
    std::int32_t value_length = 0;
    if (!read_varint(q, record_end, timestamp_delta) || !read_varint(q, record_end, offset_delta) ||
        !step_over(q, record_end, -1, key_length) || !step_over(q, record_end, -1, value_length) ||
        !step_over_headers(q, record_end) || q != record_end) [[unlikely]]
      return bad(Reason::bad_record);
    TRY(judge(timestamp_delta, offset_delta, key_length >= 0));
    ++index_;
    p = record_end;
  }
  return p;
}

/// Walks the record in progress field by field, to its end or that of the piece.
kernel::Result<const std::byte*> RecordWalk::take_parts(const std::byte* p, const std::byte* end) {
  do {
    if (skip_bytes_ > 0) {
      const std::int64_t skipped = std::min<std::int64_t>(skip_bytes_, end - p);
      skip_bytes_ -= skipped;
      p += skipped;
    } else {
      TRY(take_number_byte(*p++));
    }
  } while (p != end && !between_records());
  return p;
}

kernel::Result<> RecordWalk::take_number_byte(std::byte b) {
  if (part_ != Part::length && body_bytes_-- == 0) return bad(Reason::bad_record);
  if (part_ == Part::attributes) {
    part_ = Part::timestamp_delta;
    return {};
  }
  number_[number_bytes_++] = b;
  if ((b & std::byte{0x80}) != std::byte{0}) {
    if (number_bytes_ == kVarintBytesMax) return bad(Reason::bad_record);
    return {};
  }
  const std::byte* from = number_;
  const std::byte* const to = number_ + number_bytes_;
  number_bytes_ = 0;
  std::int64_t number = 0;
  if (part_ == Part::timestamp_delta) {
    if (!read_varint(from, to, number)) return bad(Reason::bad_record);
  } else {
    std::int32_t narrow = 0;
    if (!read_varint(from, to, narrow)) return bad(Reason::bad_record);
    number = narrow;
  }
  CHECK(from == to);
  return enter(number);
}

/// A number of the record in progress is complete; what comes next follows from it.
kernel::Result<> RecordWalk::enter(std::int64_t number) {
  switch (part_) {
    case Part::length:
      if (number < kBodyBytesMin) return bad(Reason::bad_record);
      body_bytes_ = number;
      part_ = Part::attributes;
      return {};
    case Part::attributes: break;
    case Part::timestamp_delta:
      timestamp_delta_ = number;
      part_ = Part::offset_delta;
      return {};
    case Part::offset_delta:
      offset_delta_ = static_cast<std::int32_t>(number);
      part_ = Part::key_bytes;
      return {};
    case Part::key_bytes:
      if (number < -1) return bad(Reason::bad_record);
      TRY(judge(timestamp_delta_, offset_delta_, number >= 0));
      part_ = Part::value_bytes;
      return skip(number);
    case Part::value_bytes:
      if (number < -1) return bad(Reason::bad_record);
      part_ = Part::header_count;
      return skip(number);
    case Part::header_count:
      if (number < 0) return bad(Reason::bad_record);
      headers_ = static_cast<std::int32_t>(number);
      if (headers_ == 0) return end_record();
      part_ = Part::header_key_bytes;
      return {};
    case Part::header_key_bytes:
      if (number < 0) return bad(Reason::bad_record);
      part_ = Part::header_value_bytes;
      return skip(number);
    case Part::header_value_bytes:
      if (number < -1) return bad(Reason::bad_record);
      TRY(skip(number));
      if (--headers_ == 0) return end_record();
      part_ = Part::header_key_bytes;
      return {};
  }
  std::unreachable();
}

kernel::Result<> RecordWalk::skip(std::int64_t bytes) {
  if (bytes > body_bytes_) return bad(Reason::bad_record);
  skip_bytes_ = std::max<std::int64_t>(bytes, 0);
  body_bytes_ -= skip_bytes_;
  return {};
}

kernel::Result<> RecordWalk::end_record() {
  if (body_bytes_ != 0) return bad(Reason::bad_record);
  ++index_;
  part_ = Part::length;
  return {};
}

kernel::Result<Walked> walk_records(const BatchHeader& header, std::span<const ByteView> records, WalkRules rules) {
  RecordWalk walk{header, rules};
  for (const ByteView piece : records) TRY(walk.take(piece));
  return walk.finish();
}

namespace {

kernel::Result<> unpack_into(RecordWalk& walk, const BatchHeader& header, ByteView records, std::size_t uncompressed_bytes_max) {
  const auto codec = header.codec();
  if (!codec) return kernel::fail(Reason::bad_attributes, header.attributes);
  const auto walked = compress::decompress_to(*codec, records, uncompressed_bytes_max,
                                              [&](ByteView piece) { return walk.take(piece); });
  if (!walked) return std::unexpected(decompression_error(walked.error()));
  return {};
}

}  // namespace

kernel::Result<Walked> walk_compressed_records(const BatchHeader& header, ByteView records,
                                               std::size_t uncompressed_bytes_max, WalkRules rules) {
  RecordWalk walk{header, rules};
  TRY(unpack_into(walk, header, records, uncompressed_bytes_max));
  return walk.finish();
}

kernel::Result<std::optional<FoundRecord>> search_records(const BatchHeader& header, ByteView records,
                                                          std::size_t uncompressed_bytes_max, const RecordSearch& search) {
  RecordWalk walk{header, search};
  if (header.codec() == Codec::none) TRY(walk.take(records));
  else TRY(unpack_into(walk, header, records, uncompressed_bytes_max));
  TRY(walk.finish());
  return walk.found();
}

}  // namespace net::record
