// Java's properties format, as far as files that matter here use it: comment lines (# or !), key and value apart by
// '=', ':' or blanks, backslash escapes, lines continued by a backslash at their end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/log/reason.h"

namespace broker::log {

struct Property {
  std::string key;
  std::string value;
  std::int64_t line = 0;  ///< where it began, from 1
  friend bool operator==(const Property&, const Property&) = default;
};

/// In the order of the text; a key may come twice (the last one counts in Java).
/// Errors: bad_line, for a \u escape that is not one.
kernel::Result<std::vector<Property>> parse_properties(std::string_view text);
/// One "key=value" line, escaped where needed.
std::string format_property(std::string_view key, std::string_view value);

}  // namespace broker::log
