// Which partition a key belongs to. Every client and broker must agree on these numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/bytes.h"
#include "net/types.h"

namespace net::record {

/// MurmurHash 2 (Austin Appleby, public domain), 32 bits, with the seed of Kafka's clients.
[[nodiscard]] std::uint32_t murmur2(kernel::ByteView bytes);

/// The partition of a record with this key, which may be empty but not null. `partitions` > 0.
[[nodiscard]] PartitionId partition_of_key(kernel::ByteView key, std::int32_t partitions);

/// Java's String.hashCode() of a UTF-8 text: over UTF-16 units. Ill-formed UTF-8 counts as U+FFFD, byte by byte.
[[nodiscard]] std::int32_t java_string_hash(std::string_view utf8);

/// The partition of an internal topic that coordinates this group or transactional id. `partitions` > 0.
[[nodiscard]] PartitionId coordinator_partition(std::string_view id, std::int32_t partitions);

}  // namespace net::record
