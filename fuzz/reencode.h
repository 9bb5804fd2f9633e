// The law that message fuzz targets check.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/check.h"
#include "tests/net/message_case.h"

namespace fuzz {

inline constexpr std::size_t kArenaBytesMax = 4U << 20U;

/// Decodes `body`; if that works, encodes the message and decodes it once more, and checks that both are equal.
/// Encoding may refuse (unknown tags that came out of order cannot be said again).
inline void reencode(const net::testing::MessageCase& one, std::int16_t version, kernel::ByteView body) {
  net::Arena arena{kArenaBytesMax};
  const auto message = one.decode(body, version, arena);
  CHECK(arena.used_bytes() <= kArenaBytesMax + 4096);
  if (!message) return;
  (void)one.text(*message);
  const auto bytes = one.encode(*message, version);
  if (!bytes) return;
  const auto again = one.decode(*bytes, version, arena);
  if (!again) {
    CHECK(again.error().is(kernel::Errc::too_large));  // only the arena, which now holds both, may be the reason
    return;
  }
  // Compared as bytes: a NaN is not equal to itself.
  CHECK(one.encode(*again, version).value() == *bytes);
}

}  // namespace fuzz
