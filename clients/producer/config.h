// Settings of a producer, with Kafka's names and defaults where Kafka has them.
#pragma once

#include <chrono>

#include "kernel/time.h"
#include "net/compress/codec.h"

namespace clients::producer {

enum class Acks : std::int16_t { none = 0, leader = 1, all = -1 };

class AttemptObserver;

struct ProducerConfig {
  Acks acks = Acks::all;                                          ///< acks
  bool idempotence = true;                                        ///< enable.idempotence; needs acks=all
  net::compress::Codec compression = net::compress::Codec::none;  ///< compression.type
  int compression_level = net::compress::kLevelDefault;
  kernel::Duration linger = std::chrono::milliseconds{5};         ///< linger.ms
  std::size_t batch_bytes = 16 * 1024;                            ///< batch.size, uncompressed
  std::size_t request_bytes_max = 1024 * 1024;                    ///< max.request.size
  std::int64_t buffer_bytes = 32 * 1024 * 1024;                   ///< buffer.memory
  kernel::Duration block_max = std::chrono::seconds{60};          ///< max.block.ms
  kernel::Duration delivery_timeout = std::chrono::seconds{120};  ///< delivery.timeout.ms
  int in_flight_max = 5;  ///< max.in.flight.requests.per.connection; also batches of one partition
  /// Told of each attempt to deliver a batch; outlives the producer's scope.
  AttemptObserver* observer = nullptr;
};

/// What a broker remembers of a producer's latest batches: more in flight could not be told from new ones.
inline constexpr int kIdempotentInFlightMax = 5;

}  // namespace clients::producer
