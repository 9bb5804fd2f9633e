// Random record batches for property tests.
#pragma once

#include <rapidcheck.h>

#include <optional>
#include <string>
#include <vector>

#include "net/record/batch_builder.h"
#include "net/record/batch_reader.h"

namespace net::record::testing {

using OptionalText = std::optional<std::string>;

struct OwnedRecord {
  std::int64_t timestamp_ms = 0;
  OptionalText key;
  OptionalText value;
  std::vector<std::pair<std::string, OptionalText>> headers;
  friend bool operator==(const OwnedRecord&, const OwnedRecord&) = default;
};

inline NullableBytes view_of(const OptionalText& text) {
  if (!text) return std::nullopt;
  return kernel::as_bytes(*text);
}
inline OptionalText copy_of(const NullableBytes& bytes) {
  if (!bytes) return std::nullopt;
  return std::string{kernel::as_text(*bytes)};
}

inline OptionalText random_text(std::size_t bytes_max) {
  if (*rc::gen::inRange(0, 5) == 0) return std::nullopt;
  const auto size = *rc::gen::inRange<std::size_t>(0, bytes_max + 1);
  return *rc::gen::container<std::string>(size, rc::gen::inRange<char>('a', 'f'));
}

inline std::vector<OwnedRecord> random_records(int count_max = 20) {
  std::vector<OwnedRecord> records(*rc::gen::inRange<std::size_t>(1, static_cast<std::size_t>(count_max) + 1));
  for (OwnedRecord& record : records) {
    record.timestamp_ms = *rc::gen::inRange<std::int64_t>(-1, 2'000'000'000'000);
    record.key = random_text(20);
    record.value = random_text(300);
    record.headers.resize(*rc::gen::weightedElement<std::size_t>({{3, 0}, {1, 1}, {1, 3}}));
    for (auto& [key, value] : record.headers) {
      key = random_text(10).value_or("");
      value = random_text(10);
    }
  }
  return records;
}

inline std::vector<std::byte> build(const std::vector<OwnedRecord>& records, BatchOptions options) {
  BatchBuilder builder{options};
  for (const OwnedRecord& record : records) {
    std::vector<RecordHeader> headers;
    for (const auto& [key, value] : record.headers) headers.push_back({key, view_of(value)});
    builder.append({.timestamp_ms = record.timestamp_ms,
                    .key = view_of(record.key),
                    .value = view_of(record.value),
                    .headers = headers});
  }
  return builder.build();
}

/// The records of a batch, or the first error met on the way to them.
inline kernel::Result<std::vector<OwnedRecord>> read(const BatchView& batch, std::size_t bytes_max = 1 << 24) {
  const RecordRegion region = TRY(RecordRegion::open(batch.header, batch.records(), bytes_max));
  RecordIterator iterator = region.iterate();
  std::vector<OwnedRecord> records;
  while (const auto record = TRY(iterator.next())) {
    OwnedRecord owned{record->timestamp_ms, copy_of(record->key), copy_of(record->value), {}};
    for (const RecordHeader& header : record->headers.to_vector())
      owned.headers.emplace_back(header.key, copy_of(header.value));
    records.push_back(std::move(owned));
  }
  return records;
}

inline Codec random_codec() { return static_cast<Codec>(*rc::gen::inRange(0, compress::kCodecs)); }

/// `bytes` cut into a few random pieces, some perhaps empty.
inline std::vector<ByteView> random_pieces(ByteView bytes) {
  std::vector<ByteView> pieces;
  while (!bytes.empty() && pieces.size() < 50) {
    const auto size = *rc::gen::inRange<std::size_t>(0, std::min<std::size_t>(bytes.size(), 40) + 1);
    pieces.push_back(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  pieces.push_back(bytes);
  return pieces;
}

}  // namespace net::record::testing
