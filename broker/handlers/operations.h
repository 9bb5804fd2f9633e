// What anybody may do on a broker without access control, as bits of Kafka's AclOperation codes.
#pragma once

#include <cstdint>

namespace broker::handlers {

/// Read, write, create, delete, alter, describe, describe and alter configs.
inline constexpr std::int32_t kTopicOperations = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// Create, alter, describe, cluster action, describe and alter configs, idempotent write.
inline constexpr std::int32_t kClusterOperations = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

}  // namespace broker::handlers
