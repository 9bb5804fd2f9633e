// Why a client call did not do what it was asked, and whether it may have happened all the same.
//
//   if (!answer && outcome_unknown(answer.error())) ...      // the broker may have done it
//   if (answer.error().is(Reason::broker_error)) log(net::text_of(broker_code(answer.error())));
#pragma once

#include <string>
#include <string_view>

#include "kernel/result.h"
#include "net/errors.h"

namespace clients::core {

enum class Reason : std::uint16_t {
  not_sent,             ///< no byte of the request left this client
  disconnected,         ///< the connection ended before the answer came: the outcome is unknown
  timed_out,            ///< no answer within the request timeout: the outcome is unknown
  broker_error,         ///< the broker said no; detail is Kafka's error code
  unsupported_version,  ///< no version of this API that both sides speak; detail is the API key
  malformed_answer,     ///< the broker's answer is not what the protocol says: the outcome is unknown
  no_broker,            ///< no broker of the cluster could be reached
  unknown_broker,       ///< detail is the broker id, which metadata does not list (any more)
  unknown_topic,
  unknown_partition,    ///< detail is the partition
  no_leader,            ///< detail is the partition
  record_too_large,     ///< detail is the size in bytes; it exceeds max.request.size or buffer.memory
  delivery_timeout,     ///< delivery.timeout.ms passed first; detail is what the broker answered last, none if nothing
  closed,               ///< the client was closed
  invalid_config,       ///< settings that contradict each other
  log_truncated,        ///< the log lost records that this consumer had read past; detail is where it ends now
  corrupt_batch,        ///< a fetched batch fails its checksum or cannot be read; detail is its offset
  malformed_subscription,  ///< what a member of the group says it wants cannot be read; detail is its size in bytes
  malformed_assignment,    ///< what the group's leader assigns cannot be read, or is not ours; detail is its size
  no_committed_offset,     ///< the group has no offset there and auto.offset.reset is none; detail is the partition
};
constexpr kernel::Room error_room(Reason) { return kernel::Room::clients; }
/// The stable name, for logs ("timed_out").
std::string_view name_of(Reason reason);

/// True when the broker may have done what the failed request asked.
[[nodiscard]] bool outcome_unknown(const kernel::Error& error);
/// The code of a broker_error; none for other errors.
[[nodiscard]] net::ErrorCode broker_code(const kernel::Error& error);
[[nodiscard]] inline std::unexpected<kernel::Error> fail_code(net::ErrorCode code,
                                                              kernel::Where where = kernel::Where::here()) {
  return kernel::fail(Reason::broker_error, static_cast<std::int64_t>(code), where);
}
/// A phrase for people: "the broker answered TOPIC_AUTHORIZATION_FAILED", "Connection refused".
[[nodiscard]] std::string explain(const kernel::Error& error);

}  // namespace clients::core
