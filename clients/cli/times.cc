#include "clients/cli/times.h"

#include <charconv>

#include <fmt/format.h>

namespace clients::cli {

using std::chrono::milliseconds;

namespace {

constexpr std::int64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

/// Takes things off the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_{text} {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool skip(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Exactly `digits` of them.
  std::optional<int> fixed(std::size_t digits) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  std::optional<std::int64_t> number() {
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (problem != std::errc{} || value < 0) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> days_since_1970(Cursor& in) {
  const auto year = in.fixed(4);
  if (!year || !in.skip('-')) return std::nullopt;
  const auto month = in.fixed(2);
  if (!month || !in.skip('-')) return std::nullopt;
  const auto day = in.fixed(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

/// hh:mm[:ss[.mmm]]
std::optional<std::int64_t> time_of_day_ms(Cursor& in) {
  const auto hour = in.fixed(2);
  if (!hour || *hour > 23 || !in.skip(':')) return std::nullopt;
  const auto minute = in.fixed(2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t ms = *hour * kHour + *minute * kMinute;
  if (!in.skip(':')) return ms;
  const auto second = in.fixed(2);
  if (!second || *second > 59) return std::nullopt;
  ms += *second * kSecond;
  if (!in.skip('.')) return ms;
  const auto fraction = in.fixed(3);
  return fraction ? std::optional{ms + *fraction} : std::nullopt;
}

/// Z, +hh:mm, -hhmm or nothing.
std::optional<std::int64_t> zone_ms(Cursor& in) {
  if (in.at_end() || in.skip('Z')) return 0;
  const std::int64_t sign = in.peek() == '-' ? -1 : 1;
  if (!in.skip('+') && !in.skip('-')) return std::nullopt;
  const auto hour = in.fixed(2);
  (void)in.skip(':');
  const auto minute = in.fixed(2);
  if (!hour || !minute) return std::nullopt;
  return sign * (*hour * kHour + *minute * kMinute);
}

std::optional<std::int64_t> unit_ms(char unit, bool of_time) {
  switch (unit) {
    case 'd': return of_time ? std::nullopt : std::optional{kDay};
    case 'h': return kHour;
    case 'm': return kMinute;
    case 's': return kSecond;
    default: return std::nullopt;
  }
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<std::int64_t> parse_datetime_ms(std::string_view text) {
  Cursor in{text};
  if (in.skip('@')) {
    const auto ms = in.number();
    return ms && in.at_end() ? ms : std::nullopt;
  }
  const auto days = days_since_1970(in);
  if (!days) return std::nullopt;
  std::int64_t ms = *days * kDay;
  if (in.at_end()) return ms;
  if (!in.skip('T') && !in.skip(' ')) return std::nullopt;
  const auto time = time_of_day_ms(in);
  const auto zone = time ? zone_ms(in) : std::nullopt;
  if (!zone || !in.at_end()) return std::nullopt;
  return ms + *time - *zone;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  Cursor in{text};
  const bool iso = in.skip('P');
  bool of_time = false;
  std::int64_t total = 0;
  bool any = false;
  while (!in.at_end()) {
    if (iso && !of_time && in.skip('T')) {
      of_time = true;
      continue;
    }
    const auto count = in.number();
    const char unit = lower(in.peek());
    const auto ms = unit_ms(unit, of_time);
    // "P1M" is a month: how long that is nobody can say.
    if (!count || !ms || (iso && !of_time && unit != 'd') || *count > INT64_MAX / *ms) return std::nullopt;
    (void)in.skip(in.peek());
    if (__builtin_add_overflow(total, *count * *ms, &total)) return std::nullopt;
    any = true;
  }
  return any ? std::optional{milliseconds{total}} : std::nullopt;
}

std::string print_duration(milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms < kSecond) return fmt::format("{}ms", ms);
  if (ms < kMinute) return fmt::format("{}s", ms / kSecond);
  if (ms < kHour) return fmt::format("{}m {}s", ms / kMinute, ms % kMinute / kSecond);
  if (ms < kDay) return fmt::format("{}h {}m", ms / kHour, ms % kHour / kMinute);
  return fmt::format("{}d {}h", ms / kDay, ms % kDay / kHour);
}

}  // namespace clients::cli
