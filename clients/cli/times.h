// Points in time and spans of it, as people and Kafka's tools write them. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clients::cli {

/// Milliseconds since 1970 of "2026-03-01", "2026-03-01T12:30", "2026-03-01T12:30:15.250", each with an optional "Z" or
/// "+hh:mm" behind the time (UTC without), or of "@1772368215250".
[[nodiscard]] std::optional<std::int64_t> parse_datetime_ms(std::string_view text);
/// "90s", "15m", "2h", "7d" (also joined: "1h30m"), or ISO 8601 as Kafka's tools take it: "P1DT2H30M".
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// In the two largest units: "250ms", "12s", "3m 20s", "2d 4h".
[[nodiscard]] std::string print_duration(std::chrono::milliseconds duration);

}  // namespace clients::cli
