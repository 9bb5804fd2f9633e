// 128 bits that stand for a record's key while a log is cleaned: SipHash-2-4 with a 128-bit result (Aumasson and
// Bernstein, public domain), under a seed that is drawn anew for each cleaning, so that nobody can prepare two keys
// that meet. Were they to meet, the older one's record would be lost.
//
//   const KeyHash hash = hash_key(seed, *record.key);
//
// Pure.
#pragma once

#include <cstdint>

#include "kernel/bytes.h"

namespace broker::log::cleaner {

struct KeyHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const KeyHash&, const KeyHash&) = default;
};

struct HashSeed {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

[[nodiscard]] KeyHash hash_key(const HashSeed& seed, kernel::ByteView key);

}  // namespace broker::log::cleaner
