// What Linux says of itself in small text files, parsed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace broker::doctor {

inline constexpr std::uint64_t kUnlimited = UINT64_MAX;
struct Limit {
  std::uint64_t soft = 0;  ///< kUnlimited for "unlimited"
  std::uint64_t hard = 0;
  friend bool operator==(const Limit&, const Limit&) = default;
};
/// The line of /proc/PID/limits that begins with `name` ("Max open files").
[[nodiscard]] std::optional<Limit> parse_limit(std::string_view limits, std::string_view name);
/// Without the blanks and newlines around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace broker::doctor
