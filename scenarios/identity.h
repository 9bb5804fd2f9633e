// Every record of a workload says who it is, so that a reader can attribute it in O(1), and a record that was never
// sent, or sits where it was not sent, is seen at once.
//
//   value: magic 4 | producer 4 | incarnation 4 | sequence 8 | topic hash 8 | partition 4 | padding | mac 8
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/bytes.h"
#include "net/types.h"

namespace scenarios {

struct Identity {
  std::uint32_t producer = 0;
  std::uint32_t incarnation = 0;
  std::uint64_t sequence = 0;
  std::uint64_t topic_hash = 0;
  std::int32_t partition = 0;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};
std::string to_string(const Identity& identity);

/// The value bytes of a record; `padding` bytes make it longer. Keyed by the run's seed.
std::vector<std::byte> encode_value(const Identity& identity, std::uint64_t seed, std::size_t padding);
/// Nothing when the bytes were not made by encode_value() with this seed.
std::optional<Identity> decode_value(kernel::ByteView value, std::uint64_t seed);

}  // namespace scenarios
