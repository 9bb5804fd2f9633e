#include "broker/log/properties.h"

#include "broker/log/text_lines.h"

namespace broker::log {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f' || c == '\r'; }

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

/// An odd number of backslashes at the end continues the line.
bool is_continued(std::string_view line) {
  std::size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

void append_utf8(std::string& out, unsigned point) {
  const auto put = [&](unsigned byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

/// Takes one possibly escaped character off `rest`. False for a malformed \u.
bool take_character(std::string_view& rest, std::string& out) {
  const char c = rest.front();
  rest.remove_prefix(1);
  if (c != '\\' || rest.empty()) {
    out.push_back(c);
    return true;
  }
  const char escaped = rest.front();
  rest.remove_prefix(1);
  switch (escaped) {
    case 't': out.push_back('\t'); return true;
    case 'n': out.push_back('\n'); return true;
    case 'r': out.push_back('\r'); return true;
    case 'f': out.push_back('\f'); return true;
    case 'u': break;
    default: out.push_back(escaped); return true;
  }
  unsigned point = 0;
  const std::string_view digits = rest.substr(0, 4);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), point, 16);
  if (error != std::errc{} || end - digits.data() != 4) return false;
  rest.remove_prefix(4);
  append_utf8(out, point);
  return true;
}

/// One whole logical line that is neither blank nor a comment.
kernel::Result<Property> parse_logical_line(std::string_view line, std::int64_t number) {
  Property property{.key = {}, .value = {}, .line = number};
  while (!line.empty() && line.front() != '=' && line.front() != ':' && !is_blank(line.front()))
    if (!take_character(line, property.key)) return kernel::fail(Reason::bad_line, number);
  line = without_leading_blanks(line);
  if (!line.empty() && (line.front() == '=' || line.front() == ':')) line = without_leading_blanks(line.substr(1));
  while (!line.empty())
    if (!take_character(line, property.value)) return kernel::fail(Reason::bad_line, number);
  return property;
}

}  // namespace

kernel::Result<std::vector<Property>> parse_properties(std::string_view text) {
  std::vector<Property> properties;
  Lines lines{text};
  while (auto line = lines.next()) {
    std::string logical{without_leading_blanks(*line)};
    if (logical.ends_with('\r')) logical.pop_back();
    if (logical.empty() || logical.front() == '#' || logical.front() == '!') continue;
    const std::int64_t number = lines.number();
    while (is_continued(logical)) {
      logical.pop_back();
      line = lines.next();
      if (!line) break;
      logical += without_leading_blanks(*line);
      if (logical.ends_with('\r')) logical.pop_back();
    }
    properties.push_back(TRY(parse_logical_line(logical, number)));
  }
  return properties;
}

std::string format_property(std::string_view key, std::string_view value) {
  std::string line;
  const auto put = [&](std::string_view text, bool is_key) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      switch (const char c = text[i]) {
        case '\t': line += "\\t"; break;
        case '\n': line += "\\n"; break;
        case '\r': line += "\\r"; break;
        case '\f': line += "\\f"; break;
        case ' ':
          line += is_key || i == 0 ? "\\ " : " ";
          break;
        case '\\': case '=': case ':': case '#': case '!':
          line += '\\';
          [[fallthrough]];
        default: line += c;
      }
    }
  };
  put(key, true);
  line += '=';
  put(value, false);
  line += '\n';
  return line;
}

}  // namespace broker::log
