// Which partition of its internal topic coordinates a group (or a transactional id). Kafka's formula: every broker and
// every directory has to agree on it.
#pragma once

#include <string_view>

#include "net/types.h"

namespace broker::coordinators {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
/// A topic that coordinators write and clients only read.
[[nodiscard]] constexpr bool is_internal_topic(std::string_view name) {
  return name == kOffsetsTopic || name == "__transaction_state" || name == "__share_group_state";
}

/// Java's String.hashCode over the UTF-16 form of `text`, which is UTF-8; a malformed byte counts as U+FFFD.
[[nodiscard]] std::int32_t java_hash(std::string_view text);
/// `partitions` > 0.
[[nodiscard]] net::PartitionId partition_for(std::string_view id, std::int32_t partitions);

}  // namespace broker::coordinators
