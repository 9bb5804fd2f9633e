// The numbers and names of the Kafka protocol that must not be mixed with one another.
//
//   Offset next = batch.last_offset() + 1;
//   std::int64_t lag = end - position;      // two offsets differ by a plain count
//
// Wire order and width of each are those of the protocol; -1 stands for "none" where a constant says so.
#pragma once

#include <cstdint>

#include "kernel/strong.h"
#include "net/uuid.h"

namespace net {

/// Position of a record in a partition's log.
using Offset = kernel::Strong<struct OffsetTag, std::int64_t>;
/// Index of a partition within its topic.
using PartitionId = kernel::Strong<struct PartitionIdTag, std::int32_t>;
/// How often the leadership of a partition has changed hands.
using LeaderEpoch = kernel::Strong<struct LeaderEpochTag, std::int32_t>;
/// Identity of an idempotent or transactional producer.
using ProducerId = kernel::Strong<struct ProducerIdTag, std::int64_t>;
/// Fences older instances of the same producer.
using ProducerEpoch = kernel::Strong<struct ProducerEpochTag, std::int16_t>;

/// Identity of a broker or controller; -1 where there is none.
using BrokerId = kernel::Strong<struct BrokerIdTag, std::int32_t>;
/// Which registration of a broker is meant; a restart gets a larger one.
using BrokerEpoch = kernel::Strong<struct BrokerEpochTag, std::int64_t>;
/// Identity of a topic, which a new topic of the same name does not share.
using TopicId = kernel::Strong<struct TopicIdTag, Uuid>;

inline constexpr BrokerId kBrokerIdNone{-1};
inline constexpr LeaderEpoch kLeaderEpochNone{-1};
inline constexpr ProducerId kProducerIdNone{-1};
inline constexpr ProducerEpoch kProducerEpochNone{-1};

constexpr Offset operator+(Offset base, std::int64_t records) { return Offset{base.raw() + records}; }
constexpr Offset operator-(Offset base, std::int64_t records) { return Offset{base.raw() - records}; }
constexpr std::int64_t operator-(Offset end, Offset begin) { return end.raw() - begin.raw(); }

}  // namespace net
