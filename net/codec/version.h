// Ranges of API and message versions.
#pragma once

#include <cstdint>

namespace net {

/// Both ends belong to it.
struct VersionRange {
  std::int16_t first = 0;
  std::int16_t last = -1;
  [[nodiscard]] constexpr bool contains(std::int16_t version) const { return version >= first && version <= last; }
  friend constexpr bool operator==(const VersionRange&, const VersionRange&) = default;
};

/// kFlexibleFrom of a message that never is.
inline constexpr std::int16_t kNeverFlexible = INT16_MAX;

}  // namespace net
