// One attempt to deliver a batch, and what its end says about the log. What a client may conclude from an answer is
// the heart of delivery guarantees, so it is decided in one place and told to whoever observes.
#pragma once

#include <string_view>

#include "clients/core/metadata.h"
#include "net/errors.h"
#include "net/types.h"

namespace clients::producer {

/// What an answer to Produce (or the lack of one) says.
enum class AttemptResult : std::uint8_t {
  accepted,
  duplicate,         ///< an earlier attempt had been accepted; the offset may not be known any more
  refused,           ///< this attempt did not reach the log, and a repetition would be refused too
  refused_for_now,   ///< this attempt did not reach the log; a repetition may
  sequence_refused,  ///< this attempt did not reach the log: its sequence or epoch does not fit what is there
  unknown,           ///< it may be on the log; asking again tells
  unknown_for_good,  ///< it may be on the log and asking again is not foreseen
};
std::string_view name_of(AttemptResult result);

/// The meaning of an error code in a Produce answer. Codes that can come after the append (leadership lost while
/// waiting for replicas, a timeout, a failed disk) are unknown; those that are checked before it are refusals.
[[nodiscard]] AttemptResult meaning_of(net::ErrorCode code);
/// True if this attempt certainly did not put the batch on the log.
[[nodiscard]] constexpr bool certainly_absent(AttemptResult result) {
  return result == AttemptResult::refused || result == AttemptResult::refused_for_now ||
         result == AttemptResult::sequence_refused;
}

struct Attempt {
  std::uint64_t id = 0;  ///< counts the attempts of a producer
  std::uint64_t batch_id = 0;
  core::TopicPartition at;
  net::TopicId topic_id{};
  net::BrokerId broker = net::kBrokerIdNone;
  net::ProducerId producer_id = net::kProducerIdNone;
  net::ProducerEpoch producer_epoch = net::kProducerEpochNone;
  std::int32_t base_sequence = -1;
  std::int32_t records = 0;
};

class AttemptObserver {
 public:
  /// Before the first byte is written.
  virtual void attempt_started(const Attempt& attempt) = 0;
  /// `code` is none where no answer came. `base_offset` is -1 unless accepted.
  virtual void attempt_ended(const Attempt& attempt, AttemptResult result, net::ErrorCode code,
                             net::Offset base_offset) = 0;

 protected:
  ~AttemptObserver() = default;
};

}  // namespace clients::producer
