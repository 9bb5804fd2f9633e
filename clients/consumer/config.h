// Settings of a consumer, with Kafka's names and defaults where Kafka has them.
#pragma once

#include <chrono>
#include <cstdint>

#include "kernel/time.h"

namespace clients::consumer {

enum class IsolationLevel : std::int8_t { read_uncommitted = 0, read_committed = 1 };
/// What to do when the position is not on the log (any more).
enum class OffsetReset : std::uint8_t { none, earliest, latest };

struct ConsumerConfig {
  IsolationLevel isolation = IsolationLevel::read_uncommitted;  ///< isolation.level
  OffsetReset offset_reset = OffsetReset::latest;               ///< auto.offset.reset
  kernel::Duration fetch_wait_max = std::chrono::milliseconds{500};  ///< fetch.max.wait.ms
  std::int32_t fetch_bytes_min = 1;                              ///< fetch.min.bytes
  std::int32_t fetch_bytes_max = 50 * 1024 * 1024;               ///< fetch.max.bytes
  std::int32_t partition_bytes_max = 1024 * 1024;                ///< max.partition.fetch.bytes
  /// No further fetch starts while this much is fetched and not polled; at most one fetch a broker comes on top.
  std::size_t prefetch_bytes = 64 * 1024 * 1024;
  /// What the records of one batch may unfold to.
  std::size_t decompressed_bytes_max = 256 * 1024 * 1024;
  bool check_crcs = true;                                        ///< check.crcs
};

}  // namespace clients::consumer
