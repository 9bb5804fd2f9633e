// Keyed records for tests of retention and compaction: batches of them, and what a log holds of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/record/control.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log::testing {

using net::record::BatchHeader;
using net::record::Codec;

struct KeyedRecord {
  std::string key;
  std::optional<std::string> value;  ///< nothing: a tombstone
  std::int64_t timestamp_ms = 1'700'000'000'000;
};

struct KeyedShape {
  Codec codec = Codec::none;
  net::ProducerId producer{-1};
  net::ProducerEpoch epoch{-1};
  std::int32_t sequence = -1;
  bool transactional = false;
  std::int64_t base_offset = 0;  ///< for batches that no log stamps
};

inline Buffer keyed_batch(const std::vector<KeyedRecord>& records, const KeyedShape& shape = {}) {
  net::record::BatchBuilder builder{{.codec = shape.codec,
                                     .base_offset = Offset{shape.base_offset},
                                     .producer_id = shape.producer,
                                     .producer_epoch = shape.epoch,
                                     .base_sequence = shape.sequence,
                                     .transactional = shape.transactional}};
  for (const KeyedRecord& record : records) {
    builder.append({.timestamp_ms = record.timestamp_ms,
                    .key = kernel::as_bytes(record.key),
                    .value = record.value ? net::record::NullableBytes{kernel::as_bytes(*record.value)} : std::nullopt});
  }
  return Buffer::copy_of(builder.build());
}

/// One record of a log as a reader sees it.
struct SeenRecord {
  std::string key;
  std::optional<std::string> value;
  std::int64_t timestamp_ms = 0;
  friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};
using Seen = std::map<Offset, SeenRecord>;

inline Seen records_of(std::string_view bytes) {
  Seen seen;
  net::record::BatchReader reader{kernel::as_bytes(bytes)};
  while (const auto batch = *reader.next()) {
    if (batch->header.is_control()) continue;
    const auto region = net::record::RecordRegion::open(batch->header, batch->records(), 1u << 20);
    EXPECT_TRUE(region.has_value());
    auto records = region->iterate();
    while (const auto record = *records.next()) {
      seen[record->offset] = {record->key ? std::string{kernel::as_text(*record->key)} : std::string{},
                              record->value ? std::optional{std::string{kernel::as_text(*record->value)}} : std::nullopt,
                              record->timestamp_ms};
    }
  }
  return seen;
}

inline Seen records_of(Fiber& f, Log& log) {
  const auto all = read_everything(f, log, log.log_start(), log.written_end());
  EXPECT_TRUE(all.has_value()) << kernel::describe(all.error());
  return all ? records_of(*all) : Seen{};
}

inline std::vector<BatchHeader> headers_of(Fiber& f, Log& log) {
  std::vector<BatchHeader> headers;
  const auto all = read_everything(f, log, log.log_start(), log.written_end());
  EXPECT_TRUE(all.has_value());
  net::record::BatchReader reader{kernel::as_bytes(*all)};
  while (const auto batch = *reader.next()) headers.push_back(batch->header);
  return headers;
}

/// The newest value of each key; tombstones take keys away.
inline std::map<std::string, std::string> fold(const Seen& seen) {
  std::map<std::string, std::string> state;
  for (const auto& [offset, record] : seen) {
    if (record.value) {
      state[record.key] = *record.value;
    } else {
      state.erase(record.key);
    }
  }
  return state;
}

inline std::vector<std::string> names_in(Fiber& f, std::string_view folder) {
  std::vector<std::string> out;
  const auto entries = f.node().disk().list(f, std::string{folder});
  EXPECT_TRUE(entries.has_value());
  for (const auto& entry : *entries) out.push_back(entry.name);
  return out;
}

}  // namespace broker::log::testing
