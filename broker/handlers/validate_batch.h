// Judges what a producer sent for one partition, and makes of it what the log takes.
#pragma once

#include <optional>

#include "broker/config/topic_config.h"
#include "kernel/buffer.h"
#include "kernel/result.h"
#include "net/record/batch_header.h"

namespace broker::handlers {

enum class ProduceReason : std::uint16_t {
  no_batch = 0x500,      ///< null or empty records
  more_than_one_batch,
  too_large,             ///< above max.message.bytes
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
};

/// The batch to append: `records` itself, or (topics with a compression type of their own) another made of it.
/// Errors: ProduceReason, net::record::Reason. For reasons about one record the detail is its index.
kernel::Result<kernel::Buffer> validate_batch(const kernel::Buffer& records, const BatchRules& rules);

}  // namespace broker::handlers
