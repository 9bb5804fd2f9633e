#include "broker/log/cleaner/batch_filter.h"

#include <algorithm>

#include "net/record/batch_builder.h"
#include "net/record/control.h"
#include "net/record/validate.h"

namespace broker::log::cleaner {

using kernel::ByteView;
using kernel::Result;
using net::record::BatchHeader;
using net::record::Codec;
using net::record::kAttributeDeleteHorizon;
using net::record::kHeaderBytes;
using net::record::kTimestampNone;
using net::record::kUncountedBytes;
using net::record::RecordRegion;
using net::record::RecordView;
using net::record::TimestampType;

namespace {

constexpr std::uint16_t kCodecBits = 0x07;
/// More does not fit the length that its header has for it.
constexpr std::size_t kBatchBytesMax = INT32_MAX - kHeaderBytes;

void put(FilteredBatches& out, BatchHeader header, ByteView records) {
  const std::size_t at = out.bytes.size();
  out.bytes.resize(at + kHeaderBytes);
  out.bytes.insert(out.bytes.end(), records.begin(), records.end());
  const std::span<std::byte> batch = std::span{out.bytes}.subspan(at);
  header.batch_length = static_cast<std::int32_t>(batch.size() - kUncountedBytes);
  header.write(batch);
  const ByteView whole = batch;
  header.crc = net::record::compute_crc({&whole, 1});
  header.write(batch);
  out.headers.push_back(header);
}

void put_as_it_is(FilteredBatches& out, const BatchHeader& header, ByteView batch) {
  out.bytes.insert(out.bytes.end(), batch.begin(), batch.end());
  out.headers.push_back(header);
}

/// Keeps offsets, sequence and largest timestamp of a batch whose records are gone.
void put_empty(FilteredBatches& out, BatchHeader header) {
  header.attributes = static_cast<std::uint16_t>(header.attributes & ~(kCodecBits | kAttributeDeleteHorizon));
  header.base_timestamp_ms = kTimestampNone;
  header.records_count = 0;
  put(out, header, {});
}

}  // namespace

void BatchFilter::mark_end(const BatchHeader& last, FilteredBatches& out) {
  BatchHeader header = last;
  header.attributes = static_cast<std::uint16_t>(header.attributes &
                                                 ~(net::record::kAttributeTransactional | net::record::kAttributeControl));
  header.producer_id = net::kProducerIdNone;
  header.producer_epoch = net::kProducerEpochNone;
  header.base_sequence = net::record::kSequenceNone;
  header.max_timestamp_ms = kTimestampNone;
  put_empty(out, header);
}

Result<bool> BatchFilter::disposable(const BatchHeader& header, ByteView records) {
  if (header.is_control()) {
    if (!header.has_producer()) return false;
    if (header.records_count == 0) return true;  // emptied before
    const auto marker = TRY(net::record::parse_transaction_marker(header, records));
    if (!marker) return false;
    // Whichever way it ended: of one that was cleaned before, an empty batch may be left that nothing else would end.
    return open_.erase(header.producer_id) == 0;
  }
  if (!header.is_transactional()) return false;
  const bool aborted = std::ranges::any_of(rules_.aborted, [&](const AbortedTransaction& one) {
    return one.producer == header.producer_id && one.first <= header.base_offset && header.base_offset < one.marker;
  });
  open_.insert(header.producer_id);
  return aborted;
}

bool BatchFilter::is_last_of_producer(const BatchHeader& header) const {
  if (!header.has_producer()) return false;
  const auto at = rules_.last_of_producers.find(header.producer_id);
  if (at == rules_.last_of_producers.end()) return false;
  if (at->second.data_offset) return *at->second.data_offset == header.last_offset();
  return header.is_control() && header.producer_epoch == at->second.epoch;
}

bool BatchFilter::stays(const BatchHeader& header, const RecordView& record) {
  if (record.offset >= rules_.end || header.is_control()) return true;
  if (!record.key) return false;
  const auto last = rules_.map.find(*record.key);
  if (last && *last > record.offset) return false;
  if (record.value || !header.has_delete_horizon() || rules_.now_ms < header.base_timestamp_ms) return true;
  ++counts_.tombstones_removed;
  return false;
}

Result<BatchFilter::Kept> BatchFilter::choose(const BatchHeader& header, const RecordRegion& region) {
  Kept kept;
  auto records = region.iterate();
  while (const auto record = TRY(records.next())) {
    kept.records.push_back(stays(header, *record));
    if (!kept.records.back()) {
      kept.all = false;
      continue;
    }
    if (!record->value && record->offset < rules_.end) kept.tombstone = true;
    if (kept.count++ == 0) kept.first_timestamp_ms = record->timestamp_ms;
    kept.max_timestamp_ms = std::max(kept.max_timestamp_ms, record->timestamp_ms);
  }
  return kept;
}

Result<> BatchFilter::put_rebuilt(FilteredBatches& out, BatchHeader header, const RecordRegion& region, const Kept& kept,
                                  std::optional<std::int64_t> horizon_ms) {
  if (horizon_ms) header.attributes |= kAttributeDeleteHorizon;
  header.base_timestamp_ms = horizon_ms.value_or(kept.first_timestamp_ms);
  header.records_count = static_cast<std::int32_t>(kept.count);
  const auto feed = [&](const net::compress::Sink& sink) -> Result<> {
    std::vector<std::byte> piece;
    auto records = region.iterate();
    for (const bool stays : kept.records) {
      const auto record = TRY(records.next());
      if (!stays) continue;
      // Sums of outside numbers wrap, here as where they are read.
      const auto delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(record->timestamp_ms) -
                                                   static_cast<std::uint64_t>(header.base_timestamp_ms));
      const auto headers = record->headers.to_vector();
      net::record::append_record(piece,
                                 {.timestamp_ms = record->timestamp_ms, .key = record->key, .value = record->value,
                                  .headers = headers},
                                 record->offset_delta, delta);
      if (piece.size() < net::compress::kPieceBytes) continue;
      TRY(sink(piece));
      piece.clear();
    }
    return sink(piece);
  };
  if (header.timestamp_type() != TimestampType::log_append_time) header.max_timestamp_ms = kept.max_timestamp_ms;
  std::vector<std::byte> records;
  TRY(net::compress::compress_from(*header.codec(), net::compress::kLevelDefault, feed, kBatchBytesMax, records));
  put(out, header, records);
  return {};
}

Result<> BatchFilter::take(const BatchHeader& header, ByteView batch, FilteredBatches& out) {
  // A batch that is written anew gets a good checksum, so that damage would pass for data.
  TRY(net::record::check_whole(header, {&batch, 1}));
  const ByteView records = batch.subspan(kHeaderBytes);
  if (header.base_offset >= rules_.end) {
    put_as_it_is(out, header, batch);
    return {};
  }
  counts_.records_read += static_cast<std::uint64_t>(std::max(header.records_count, 0));
  const bool marker = header.is_control();
  const bool unneeded = TRY(disposable(header, records));
  const bool goes =
      unneeded && (!marker || header.records_count == 0 ||
                   (header.has_delete_horizon() && header.base_timestamp_ms <= rules_.now_ms));
  const RecordRegion region = TRY(RecordRegion::open(header, records, kUncompressedBytesMax));
  Kept kept = goes ? Kept{.all = header.records_count == 0} : TRY(choose(header, region));
  counts_.records_removed += static_cast<std::uint64_t>(std::max(header.records_count, 0)) - kept.count;
  if (kept.count == 0) {
    if (is_last_of_producer(header)) put_empty(out, header);
    return {};
  }
  std::optional<std::int64_t> horizon_ms;
  if (header.has_delete_horizon()) horizon_ms = header.base_timestamp_ms;
  // Of a batch that reaches beyond `end` some tombstones may yet be superseded: its time has not begun.
  const bool starts_horizon = !horizon_ms && ((kept.tombstone && !marker) || (marker && unneeded)) &&
                              header.last_offset() < rules_.end;
  if (starts_horizon) {
    horizon_ms = rules_.now_ms > INT64_MAX - rules_.delete_retention_ms ? INT64_MAX
                                                                      : rules_.now_ms + rules_.delete_retention_ms;
  }
  if (kept.all && !starts_horizon) {
    put_as_it_is(out, header, batch);
  } else {
    TRY(put_rebuilt(out, header, region, kept, horizon_ms));
  }
  return {};
}

}  // namespace broker::log::cleaner
