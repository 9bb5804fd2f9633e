#include "net/record/record_iterator.h"

#include <algorithm>

#include "kernel/check.h"
#include "net/record/varint.h"

namespace net::record {
namespace {

/// Takes bytes with a length before them; -1 is null. False when they do not fit.
bool read_nullable(const std::byte*& p, const std::byte* end, NullableBytes& value) {
  std::int32_t length = 0;
  if (!read_varint(p, end, length) || length < -1 || length > end - p) return false;
  if (length == -1) {
    value = std::nullopt;
    return true;
  }
  value = ByteView{p, static_cast<std::size_t>(length)};
  p += length;
  return true;
}

bool skip_headers(const std::byte*& p, const std::byte* end, std::int32_t count) {
  for (std::int32_t i = 0; i < count; ++i) {
    NullableBytes key;
    NullableBytes value;
    if (!read_nullable(p, end, key) || !key) return false;
    if (!read_nullable(p, end, value)) return false;
  }
  return true;
}

}  // namespace

bool operator==(const RecordHeader& a, const RecordHeader& b) {
  return a.key == b.key && a.value.has_value() == b.value.has_value() &&
         (!a.value || std::ranges::equal(*a.value, *b.value));
}

RecordHeader HeaderList::read_one(const std::byte*& p, const std::byte* end) {
  NullableBytes key;
  NullableBytes value;
  CHECK(read_nullable(p, end, key));
  CHECK(key.has_value());
  CHECK(read_nullable(p, end, value));
  return {kernel::as_text(*key), value};
}

std::vector<RecordHeader> HeaderList::to_vector() const {
  std::vector<RecordHeader> all;
  all.reserve(static_cast<std::size_t>(count_));
  const std::byte* p = bytes_.data();
  for (std::int32_t i = 0; i < count_; ++i) all.push_back(read_one(p, bytes_.data() + bytes_.size()));
  return all;
}

std::optional<RecordHeader> HeaderList::find_last(std::string_view key) const {
  std::optional<RecordHeader> found;
  const std::byte* p = bytes_.data();
  for (std::int32_t i = 0; i < count_; ++i) {
    const RecordHeader header = read_one(p, bytes_.data() + bytes_.size());
    if (header.key == key) found = header;
  }
  return found;
}

kernel::Result<std::optional<RecordView>> RecordIterator::next() {
  if (index_ >= header_.records_count) {
    if (!rest_.empty()) return kernel::fail(Reason::trailing_bytes, index_);
    return std::nullopt;
  }
  const auto bad = [&] { return kernel::fail(Reason::bad_record, index_); };
  const std::byte* p = rest_.data();
  const std::byte* const region_end = p + rest_.size();
  std::int32_t length = 0;
  if (!read_varint(p, region_end, length) || length < 1 || length > region_end - p) return bad();
  const std::byte* const end = p + length;
  ++p;  // attributes: no bit of them means anything
  std::int64_t timestamp_delta = 0;
  RecordView record;
  if (!read_varint(p, end, timestamp_delta) || !read_varint(p, end, record.offset_delta)) return bad();
  if (record.offset_delta < 0) return bad();
  std::int32_t header_count = 0;
  if (!read_nullable(p, end, record.key) || !read_nullable(p, end, record.value)) return bad();
  if (!read_varint(p, end, header_count) || header_count < 0) return bad();
  const std::byte* const headers_begin = p;
  if (!skip_headers(p, end, header_count) || p != end) return bad();
  record.headers = HeaderList{ByteView{headers_begin, end}, header_count};
  // Sums of outside numbers wrap instead of being undefined.
  record.offset = Offset{static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.base_offset.raw()) +
                                                   static_cast<std::uint64_t>(record.offset_delta))};
  record.timestamp_ms = header_.timestamp_type() == TimestampType::log_append_time
                            ? header_.max_timestamp_ms
                            : static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.base_timestamp_ms) +
                                                        static_cast<std::uint64_t>(timestamp_delta));
  rest_ = ByteView{end, region_end};
  ++index_;
  return record;
}

kernel::Result<RecordRegion> RecordRegion::open(const BatchHeader& header, ByteView records,
                                                std::size_t uncompressed_bytes_max) {
  const auto codec = header.codec();
  if (!codec) return kernel::fail(Reason::bad_attributes, header.attributes);
  RecordRegion region;
  region.header_ = header;
  region.borrowed_ = records;
  if (*codec == Codec::none) return region;
  auto plain = compress::decompress(*codec, records, uncompressed_bytes_max);
  if (!plain) return std::unexpected(decompression_error(plain.error()));
  region.owned_ = std::move(*plain);
  return region;
}

kernel::Error decompression_error(const kernel::Error& error) {
  const bool too_large = error.is(compress::Reason::too_large);
  if (!too_large && !error.is(compress::Reason::corrupt) && !error.is(compress::Reason::unsupported)) return error;
  return kernel::fail(too_large ? Reason::too_large_uncompressed : Reason::bad_compression, error.detail, error.where)
      .error();
}

}  // namespace net::record
