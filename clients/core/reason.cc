#include "clients/core/reason.h"

#include <fmt/format.h>

#include "net/words.h"

namespace clients::core {

using kernel::Errc;
using kernel::Error;
using kernel::Room;

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::not_sent: return "not_sent";
    case Reason::disconnected: return "disconnected";
    case Reason::timed_out: return "timed_out";
    case Reason::broker_error: return "broker_error";
    case Reason::unsupported_version: return "unsupported_version";
    case Reason::malformed_answer: return "malformed_answer";
    case Reason::no_broker: return "no_broker";
    case Reason::unknown_broker: return "unknown_broker";
    case Reason::unknown_topic: return "unknown_topic";
    case Reason::unknown_partition: return "unknown_partition";
    case Reason::no_leader: return "no_leader";
    case Reason::record_too_large: return "record_too_large";
    case Reason::delivery_timeout: return "delivery_timeout";
    case Reason::closed: return "closed";
    case Reason::invalid_config: return "invalid_config";
    case Reason::log_truncated: return "log_truncated";
    case Reason::corrupt_batch: return "corrupt_batch";
    case Reason::malformed_subscription: return "malformed_subscription";
    case Reason::malformed_assignment: return "malformed_assignment";
    case Reason::no_committed_offset: return "no_committed_offset";
  }
  return "unknown";
}

bool outcome_unknown(const Error& error) {
  return error.is(Reason::disconnected) || error.is(Reason::timed_out) || error.is(Reason::malformed_answer) ||
         error.is(Errc::deadline) || error.is(Errc::cancelled) || error.is(Errc::connection_reset);
}

net::ErrorCode broker_code(const Error& error) {
  return error.is(Reason::broker_error) ? static_cast<net::ErrorCode>(error.detail) : net::ErrorCode::none;
}

std::string explain(const Error& error) {
  if (error.room != Room::clients) return net::words_of(error);
  switch (error.as<Reason>()) {
    case Reason::not_sent: return "the request could not be sent";
    case Reason::disconnected: return "the connection ended before the answer came";
    case Reason::timed_out: return "the broker did not answer in time";
    case Reason::broker_error: return fmt::format("the broker answered {}", net::text_of(broker_code(error)));
    case Reason::unsupported_version:
      return fmt::format("the broker speaks no version of API {} that this client knows", error.detail);
    case Reason::malformed_answer: return "the broker's answer is malformed";
    case Reason::no_broker: return "no broker could be reached";
    case Reason::unknown_broker: return fmt::format("the cluster lists no broker {}", error.detail);
    case Reason::unknown_topic: return "the cluster has no such topic";
    case Reason::unknown_partition: return fmt::format("the topic has no partition {}", error.detail);
    case Reason::no_leader: return fmt::format("partition {} has no leader", error.detail);
    case Reason::record_too_large: return fmt::format("a record of {} bytes is too large", error.detail);
    case Reason::delivery_timeout:
      if (error.detail == 0) return "it was not acknowledged within delivery.timeout.ms";
      return fmt::format("it was not acknowledged within delivery.timeout.ms; the broker's last answer was {}",
                         net::text_of(static_cast<net::ErrorCode>(error.detail)));
    case Reason::closed: return "the client was closed";
    case Reason::invalid_config: return "the settings contradict each other";
    case Reason::log_truncated: return fmt::format("the log was cut back to offset {}", error.detail);
    case Reason::corrupt_batch: return fmt::format("the batch at offset {} is damaged", error.detail);
    case Reason::malformed_subscription: return "the subscription of another member of the group cannot be read";
    case Reason::malformed_assignment: return "the assignment by the group's leader cannot be read or is not ours";
    case Reason::no_committed_offset:
      return fmt::format("the group has no committed offset of partition {} and auto.offset.reset is none", error.detail);
  }
  std::unreachable();
}

}  // namespace clients::core
