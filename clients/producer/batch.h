// A batch on its way: filled, closed, encoded, sent, perhaps sent again, decided.
#pragma once

#include <memory>

#include "clients/producer/record.h"
#include "kernel/buffer.h"
#include "kernel/semaphore.h"
#include "net/record/batch_builder.h"

namespace clients::producer {

/// Who the broker takes the sender of a batch for. Without idempotence there is none.
struct Identity {
  net::ProducerId id = net::kProducerIdNone;
  net::ProducerEpoch epoch = net::kProducerEpochNone;
  [[nodiscard]] bool known() const { return id != net::kProducerIdNone; }
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Batch {
  Batch(std::uint64_t batch_id, net::record::BatchOptions options, kernel::Mono created, kernel::Mono deadline)
      : id{batch_id}, builder{options}, created_at{created}, deadline{deadline} {
    fate->batch_id = batch_id;
  }

  std::uint64_t id;  ///< grows in the order of creation: the order of a partition's batches
  net::record::BatchBuilder builder;
  std::int32_t records = 0;
  bool full = false;  ///< takes no more records
  kernel::Buffer bytes;  ///< once encoded
  Identity identity;
  std::int32_t base_sequence = net::record::kSequenceNone;
  kernel::Mono created_at;
  kernel::Mono deadline;
  int attempts = 0;
  /// Some attempt's outcome is unknown: it may be on the log.
  bool may_have_landed = false;
  kernel::Error last_error{};
  kernel::Semaphore::Units memory;
  std::shared_ptr<Fate> fate = std::make_shared<Fate>();

  [[nodiscard]] std::size_t size_bytes() const {
    return bytes.empty() ? builder.size_bytes_uncompressed() : bytes.size();
  }
  /// Fixes identity and sequence; they are written into the bytes where these exist already.
  void assign(Identity who, std::int32_t sequence);
  /// Encodes, and compresses as the options say. Pure work.
  void encode();
};
using BatchRef = std::shared_ptr<Batch>;

}  // namespace clients::producer
