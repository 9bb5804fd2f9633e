// Judges what a producer sent for one partition, and makes of it what the log takes.
#pragma once

#include <cstdint>

#include "broker/config/topic_config.h"
#include "kernel/buffer.h"
#include "kernel/result.h"
#include "net/record/batch_header.h"

namespace broker::handlers {

enum class ProduceReason : std::uint16_t {
  no_batch = 0x500,      ///< null or empty records
  more_than_one_batch,
  too_large,             ///< above max.message.bytes, or packed anew above what the request may become
  codec_needs_newer_produce,
  transactional,         ///< no transaction of that producer is open here
  takes_long,            ///< more than Work::of_a_slice allows; nothing is wrong so far
};
constexpr kernel::Room error_room(ProduceReason) { return kernel::Room::broker; }

/// How much may be done at once. What unpacks to more than a few hundred kilobytes, or is packed anew by a slow codec,
/// would keep all other clients of a shard waiting: it belongs on a worker.
enum class Work : std::uint8_t { of_a_slice, any };

struct BatchRules {
  std::int16_t produce_version = 0;
  const config::TopicConfig* topic = nullptr;
  std::int64_t now_ms = 0;
  Work work = Work::any;
  std::size_t packed_bytes_max = SIZE_MAX;  ///< of a batch that is packed anew, beside max.message.bytes
};

/// The batch to append: `records` itself, or (topics with a compression type of their own) another made of it, of at
/// most max.message.bytes. What it unpacks to is never in memory as a whole: beside the new batch this takes some 40 MiB
/// at most (a codec's state), and memory_to_unpack().
/// Errors: ProduceReason, net::record::Reason. For reasons about one record the detail is its index.
kernel::Result<kernel::Buffer> validate_batch(const kernel::Buffer& records, const BatchRules& rules);

/// Whether the topic wants this batch in another codec. False for what is none.
[[nodiscard]] bool packs_anew(const kernel::Buffer& records, const config::TopicConfig& topic);

/// Memory that the sender's choice of codec asks of who unpacks `records`: a window of zstd, a block of snappy. 0 for
/// what is none.
[[nodiscard]] std::size_t memory_to_unpack(const kernel::Buffer& records);

}  // namespace broker::handlers
