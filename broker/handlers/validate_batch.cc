#include "broker/handlers/validate_batch.h"

#include <algorithm>

#include "broker/limits.h"
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

/// And no more than this in a slice: about a millisecond of the slowest codec.
constexpr std::size_t kSliceBytesMax = 256u << 10;
constexpr std::size_t kPlainSliceBytesMax = 4u << 20;
/// What a codec may have in hand above the bound before it is stopped.
constexpr std::size_t kReserveSlackBytes = 256u << 10;

struct Storing {
  Codec codec;
  int level;
};

struct Bounds {
  std::size_t unpacked_bytes;
  std::size_t packed_bytes;  ///< of a batch that is packed anew
};

/// Memory for what one batch unpacks to is never needed: one codec streams into the other, past the check of the
/// records. What is packed grows to `bytes_max` at most.
Result<Buffer> packed_anew(const Buffer& batch, const BatchHeader& header, const Storing& storing,
                           const net::record::WalkRules& walk_rules, const Bounds& bounds) {
  const ByteView region = batch.view().subspan(net::record::kHeaderBytes);
  net::record::RecordWalk walk{header, walk_rules};
  const bool is_walked = *header.codec() == Codec::none;  // already
  const net::compress::Feed unpack = [&](const net::compress::Sink& pack) {
    return net::compress::decompress_to(*header.codec(), region, bounds.unpacked_bytes, [&](ByteView piece) -> Result<> {
      if (!is_walked) TRY(walk.take(piece));
      return pack(piece);
    });
  };
  std::vector<std::byte> out;
  if (bounds.unpacked_bytes > kSliceBytesMax) out.reserve(bounds.packed_bytes + kReserveSlackBytes);  // of addresses so far
  out.resize(net::record::kHeaderBytes);
  const auto packed = net::compress::compress_from(storing.codec, storing.level, unpack,
                                                   bounds.packed_bytes - net::record::kHeaderBytes, out);
  if (!packed) {
    if (packed.error().is(net::compress::Reason::too_large_packed)) return fail(ProduceReason::too_large, packed.error().detail);
    return std::unexpected(net::record::decompression_error(packed.error()));
  }
  if (!is_walked) TRY(walk.finish());
  BatchHeader changed = header;
  changed.attributes = static_cast<std::int16_t>((header.attributes & ~0x07) | static_cast<int>(storing.codec));
  changed.batch_length = static_cast<std::int32_t>(out.size() - net::record::kUncountedBytes);
  changed.write(out);
  const ByteView whole{out};
  changed.crc = net::record::compute_crc({&whole, 1});
  changed.write(out);
  return Buffer::copy_of(whole);
}

/// The codec that compression.type of the topic asks for, with its level.
Storing storing_of(const config::TopicConfig& topic, Codec sent) {
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

Result<Buffer> validate_within(const Buffer& records, const BatchRules& rules, std::size_t unpacked_bytes_max) {
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
  const Storing storing = storing_of(topic, codec);
  const bool is_kept = storing.codec == codec;
  if (!is_kept && rules.work == Work::of_a_slice && packs_slowly(storing.codec)) return fail(ProduceReason::takes_long);

  const ByteView region = whole.subspan(net::record::kHeaderBytes);
  if (codec == Codec::none) {
    TRY(net::record::walk_records(header, {&region, 1}, walk));
  } else if (is_kept && (topic.compacts || topic.validate_compressed)) {
    TRY(net::record::walk_compressed_records(header, region, unpacked_bytes_max, walk));
  } else if (is_kept && header.max_timestamp_ms != net::record::kTimestampNone &&
             (header.max_timestamp_ms > walk.timestamp_ms_max || header.max_timestamp_ms < walk.timestamp_ms_min)) {
    return fail(Reason::timestamp_out_of_range);
  }
  if (is_kept) return records;
  const std::size_t packed_bytes_max = std::min(static_cast<std::size_t>(topic.batch_bytes_max), rules.packed_bytes_max);
  if (packed_bytes_max <= net::record::kHeaderBytes) return fail(ProduceReason::too_large);
  return packed_anew(records, header, storing, walk, {unpacked_bytes_max, packed_bytes_max});
}

}  // namespace

Result<Buffer> validate_batch(const Buffer& records, const BatchRules& rules) {
  if (rules.work == Work::any) return validate_within(records, rules, kUncompressedBytesMax);
  auto batch = validate_within(records, rules, kSliceBytesMax);
  if (!batch && batch.error().is(Reason::too_large_uncompressed)) return fail(ProduceReason::takes_long);
  return batch;
}

bool packs_anew(const Buffer& records, const config::TopicConfig& topic) {
  if (topic.compression == config::StoredCompression::as_produced) return false;
  const auto header = BatchHeader::parse(records.view());
  return header && header->codec() && storing_of(topic, *header->codec()).codec != *header->codec();
}

std::size_t memory_to_unpack(const Buffer& records) {
  const auto header = BatchHeader::parse(records.view());
  if (!header || !header->codec()) return 0;
  const std::size_t bytes = net::compress::decompression_memory(*header->codec(), records.view().subspan(net::record::kHeaderBytes));
  return std::min(bytes, kUncompressedBytesMax);
}

}  // namespace broker::handlers
