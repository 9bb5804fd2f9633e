// Sequence numbers of idempotent producers run from 0 to 2^31-1 and begin again at 0.
#pragma once

#include <cstdint>
#include <limits>

namespace net::record {

/// "No sequence": a batch without a producer id, a transaction marker.
inline constexpr std::int32_t kSequenceNone = -1;

/// The sequence `records` after `sequence`; neither is negative.
[[nodiscard]] constexpr std::int32_t sequence_after(std::int32_t sequence, std::int32_t records) {
  const auto sum = static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(records);
  return static_cast<std::int32_t>(sum & 0x7fffffffu);
}

/// How far `later` lies after `sequence`, going round.
[[nodiscard]] constexpr std::int32_t sequence_distance(std::int32_t sequence, std::int32_t later) {
  const auto difference = static_cast<std::uint32_t>(later) - static_cast<std::uint32_t>(sequence);
  return static_cast<std::int32_t>(difference & 0x7fffffffu);
}

static_assert(sequence_after(std::numeric_limits<std::int32_t>::max(), 1) == 0);
static_assert(sequence_distance(std::numeric_limits<std::int32_t>::max(), 0) == 1);

}  // namespace net::record
