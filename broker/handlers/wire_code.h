// The one place where reasons become Kafka's error codes. Source: Kafka's Errors table and the produce and fetch rules
// of the protocol.
#pragma once

#include <string>

#include "kernel/result.h"
#include "net/errors.h"

namespace broker::handlers {

[[nodiscard]] net::ErrorCode wire_code(const kernel::Error& error);
/// A sentence for the error_message fields that newer versions have.
[[nodiscard]] std::string wire_message(const kernel::Error& error);

}  // namespace broker::handlers
