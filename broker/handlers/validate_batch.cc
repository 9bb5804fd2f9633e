#include "broker/handlers/validate_batch.h"

#include "net/compress/codec.h"
#include "net/record/reason.h"
#include "net/record/record_iterator.h"
#include "net/record/record_walk.h"
#include "net/record/validate.h"

namespace broker::handlers {
namespace {

using kernel::Buffer;
using kernel::ByteView;
using kernel::fail;
using kernel::Result;
using net::compress::Codec;
using net::record::BatchHeader;
using net::record::Reason;

/// Decompression of one batch never makes more than this, whatever its header says.
constexpr std::size_t kUncompressedBytesMax = 256u << 20;
/// And no more than this in a slice: about a millisecond of the slowest codec.
constexpr std::size_t kSliceBytesMax = 256u << 10;
constexpr std::size_t kPlainSliceBytesMax = 4u << 20;

Result<Buffer> recompressed(const Buffer& batch, const BatchHeader& header, Codec codec, int level, std::size_t bytes_max) {
  const ByteView region = batch.view().subspan(net::record::kHeaderBytes);
  std::vector<std::byte> plain;
  if (*header.codec() == Codec::none) {
    plain.assign(region.begin(), region.end());
  } else {
    auto unpacked = net::compress::decompress(*header.codec(), region, bytes_max);
    if (!unpacked) return std::unexpected(net::record::decompression_error(unpacked.error()));
    plain = std::move(*unpacked);
  }
  std::vector<std::byte> out(net::record::kHeaderBytes);
  const ByteView piece{plain};
  net::compress::compress(codec, level, {&piece, 1}, out);
  BatchHeader changed = header;
  changed.attributes = static_cast<std::int16_t>((header.attributes & ~0x07) | static_cast<int>(codec));
  changed.batch_length = static_cast<std::int32_t>(out.size() - net::record::kUncountedBytes);
  changed.write(out);
  const ByteView whole{out};
  changed.crc = net::record::compute_crc({&whole, 1});
  changed.write(out);
  return Buffer::copy_of(whole);
}

/// The codec that compression.type of the topic asks for, with its level.
std::pair<Codec, int> stored_codec(const config::TopicConfig& topic, Codec sent) {
  using config::StoredCompression;
  switch (topic.compression) {
    case StoredCompression::as_produced: return {sent, net::compress::kLevelDefault};
    case StoredCompression::uncompressed: return {Codec::none, net::compress::kLevelDefault};
    case StoredCompression::gzip: return {Codec::gzip, topic.gzip_level};
    case StoredCompression::snappy: return {Codec::snappy, net::compress::kLevelDefault};
    case StoredCompression::lz4: return {Codec::lz4, topic.lz4_level};
    case StoredCompression::zstd: return {Codec::zstd, topic.zstd_level};
  }
  std::unreachable();
}

bool packs_slowly(Codec codec) { return codec != Codec::none && codec != Codec::snappy; }

Result<Buffer> validate_within(const Buffer& records, const BatchRules& rules, std::size_t uncompressed_bytes_max) {
  if (records.empty()) return fail(ProduceReason::no_batch);
  const config::TopicConfig& topic = *rules.topic;
  const BatchHeader framed = TRY(BatchHeader::parse(records.view()));
  if (framed.size_bytes() < records.size()) return fail(ProduceReason::more_than_one_batch);
  if (framed.size_bytes() > static_cast<std::size_t>(topic.batch_bytes_max)) {
    return fail(ProduceReason::too_large, static_cast<std::int64_t>(framed.size_bytes()));
  }
  if (rules.work == Work::of_a_slice && records.size() > kPlainSliceBytesMax) return fail(ProduceReason::takes_long);
  const ByteView whole = records.view();
  const BatchHeader header = TRY(net::record::validate_client_batch({&whole, 1}));
  if (header.is_transactional()) return fail(ProduceReason::transactional);
  const Codec codec = *header.codec();
  if (codec == Codec::zstd && rules.produce_version < 7) return fail(ProduceReason::codec_needs_newer_produce);

  net::record::WalkRules walk{.keys_required = topic.compacts};
  if (topic.timestamp_type == config::TimestampType::create_time) {
    walk.timestamp_ms_min = rules.now_ms - std::min(topic.timestamp_before_max_ms, rules.now_ms);
    if (topic.timestamp_after_max_ms < INT64_MAX - rules.now_ms) {
      walk.timestamp_ms_max = rules.now_ms + topic.timestamp_after_max_ms;
    }
  }
  const ByteView region = whole.subspan(net::record::kHeaderBytes);
  if (codec == Codec::none) {
    TRY(net::record::walk_records(header, {&region, 1}, walk));
  } else if (topic.compacts || topic.validate_compressed) {
    TRY(net::record::walk_compressed_records(header, region, uncompressed_bytes_max, walk));
  } else if (header.max_timestamp_ms != net::record::kTimestampNone &&
             (header.max_timestamp_ms > walk.timestamp_ms_max || header.max_timestamp_ms < walk.timestamp_ms_min)) {
    return fail(Reason::timestamp_out_of_range);
  }
  const auto [stored, level] = stored_codec(topic, codec);
  if (stored == codec) return records;
  if (rules.work == Work::of_a_slice && packs_slowly(stored)) return fail(ProduceReason::takes_long);
  Buffer changed = TRY(recompressed(records, header, stored, level, uncompressed_bytes_max));
  if (changed.size() > static_cast<std::size_t>(topic.batch_bytes_max)) {
    return fail(ProduceReason::too_large, static_cast<std::int64_t>(changed.size()));
  }
  return changed;
}

}  // namespace

Result<Buffer> validate_batch(const Buffer& records, const BatchRules& rules) {
  if (rules.work == Work::any) return validate_within(records, rules, kUncompressedBytesMax);
  auto batch = validate_within(records, rules, kSliceBytesMax);
  if (!batch && batch.error().is(Reason::too_large_uncompressed)) return fail(ProduceReason::takes_long);
  return batch;
}

}  // namespace broker::handlers
