// Makes record batches: for producers, for control records and for tests. The broker itself never rebuilds a batch.
//
//   BatchBuilder builder{{.codec = Codec::lz4, .producer_id = id, .producer_epoch = epoch, .base_sequence = 17}};
//   builder.append({.timestamp_ms = now, .key = key, .value = value, .headers = headers});
//   std::vector<std::byte> batch = builder.build();     // builder is empty again
#pragma once

#include <span>
#include <vector>

#include "net/record/record_iterator.h"

namespace net::record {

/// A record to write. Views need to live only as long as the call.
struct NewRecord {
  std::int64_t timestamp_ms = kTimestampNone;
  NullableBytes key;
  NullableBytes value;
  std::span<const RecordHeader> headers;
};

/// What a record will take in a batch, uncompressed.
[[nodiscard]] std::size_t record_bytes(const NewRecord& record, std::int32_t offset_delta,
                                       std::int64_t timestamp_delta);
/// Appends one encoded record.
void append_record(std::vector<std::byte>& out, const NewRecord& record, std::int32_t offset_delta,
                   std::int64_t timestamp_delta);

struct BatchOptions {
  Codec codec = Codec::none;
  int compression_level = compress::kLevelDefault;
  /// Producers send 0 and the broker rewrites it.
  Offset base_offset{0};
  LeaderEpoch leader_epoch = kLeaderEpochNone;
  /// With a value the batch carries append time, and that is it.
  std::optional<std::int64_t> log_append_time_ms;
  ProducerId producer_id = kProducerIdNone;
  ProducerEpoch producer_epoch = kProducerEpochNone;
  std::int32_t base_sequence = kSequenceNone;
  bool transactional = false;
  bool control = false;
};

class BatchBuilder {
 public:
  explicit BatchBuilder(BatchOptions options);

  /// The record gets the next offset delta.
  void append(const NewRecord& record);

  [[nodiscard]] std::int32_t records_count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// Size if built now without compression.
  [[nodiscard]] std::size_t size_bytes_uncompressed() const { return kHeaderBytes + records_.size(); }
  /// At most this much would be added by append(record).
  [[nodiscard]] static std::size_t record_bytes_max(const NewRecord& record);

  /// The finished batch, compressed as asked. At least one record was appended. Leaves the builder empty.
  [[nodiscard]] std::vector<std::byte> build();
  /// For a retry under a new identity: sequence and producer may be fixed as late as build().
  void set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence);

 private:
  BatchOptions options_;
  std::vector<std::byte> records_;
  std::int32_t count_ = 0;
  std::int64_t base_timestamp_ms_ = kTimestampNone;
  std::int64_t max_timestamp_ms_ = kTimestampNone;
};

}  // namespace net::record
