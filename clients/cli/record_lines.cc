#include "clients/cli/record_lines.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace clients::cli {

using net::record::NullableBytes;
using Parsed = nlohmann::json;
using Problem = std::optional<std::string>;

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

Problem take_hex(std::string_view text, ParsedRecord& record, NullableBytes& out) {
  std::string& bytes = record.owned.emplace_back();
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = i + 1 < text.size() ? digit(text[i + 1]) : -1;
    if (high < 0 || low < 0) return fmt::format("`{}` is not an even number of hexadecimal digits", text.substr(0, 40));
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  out = kernel::as_bytes(bytes);
  return std::nullopt;
}

Problem take_bytes(std::string_view text, const LineForm& form, ParsedRecord& record, NullableBytes& out) {
  if (form.null_marker && text == *form.null_marker) {
    out = std::nullopt;
    return std::nullopt;
  }
  if (form.form == RecordForm::hex) return take_hex(text, record, out);
  out = kernel::as_bytes(text);
  return std::nullopt;
}

/// What `name` or `name`_hex of the object says. `found`: one of them is there.
Problem take_member(const Parsed& object, const std::string& name, ParsedRecord& record, NullableBytes& out, bool& found) {
  const auto plain = object.find(name), hex = object.find(name + "_hex");
  found = plain != object.end() || hex != object.end();
  if (plain != object.end() && hex != object.end()) return fmt::format("there are both {} and {}_hex", name, name);
  if (hex != object.end()) {
    if (!hex->is_string()) return fmt::format("{}_hex is not a string", name);
    return take_hex(hex->get_ref<const std::string&>(), record, out);
  }
  if (plain == object.end() || plain->is_null()) {
    out = std::nullopt;
    return std::nullopt;
  }
  if (!plain->is_string()) return fmt::format("{} is neither a string nor null; write it as a string, or as {}_hex", name, name);
  out = kernel::as_bytes(record.owned.emplace_back(plain->get_ref<const std::string&>()));
  return std::nullopt;
}

Problem take_json_headers(const Parsed& headers, ParsedRecord& record) {
  if (!headers.is_array()) return "headers is not a list of {\"name\":...,\"value\":...}";
  for (const Parsed& one : headers) {
    const bool named = one.is_object() && one.contains("name") && one["name"].is_string();
    if (!named) return "a header has no name; each is {\"name\":...,\"value\":...}";
    NullableBytes value;
    bool found = false;
    if (auto problem = take_member(one, "value", record, value, found)) return "in headers: " + *problem;
    record.headers.push_back({record.owned.emplace_back(one["name"].get_ref<const std::string&>()), value});
  }
  return std::nullopt;
}

Problem parse_json(std::string_view line, ParsedRecord& record) {
  const Parsed object = Parsed::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return "it is not a JSON object; each line is one, as `kalda consume --format json` prints them";
  for (const auto& [name, value] : object.items()) {
    constexpr std::string_view kKnown[] = {"key", "key_hex", "value", "value_hex", "headers", "timestamp_ms", "topic", "partition", "offset"};
    if (std::ranges::find(kKnown, name) == std::end(kKnown))
      return fmt::format("`{}` means nothing here; there are key, value, key_hex, value_hex, headers and timestamp_ms", name);
  }
  bool found = false;
  if (auto problem = take_member(object, "key", record, record.key, found)) return problem;
  if (auto problem = take_member(object, "value", record, record.value, found)) return problem;
  if (!found) return "there is neither value nor value_hex; a record without a value has \"value\":null";
  if (const auto headers = object.find("headers"); headers != object.end()) {
    if (auto problem = take_json_headers(*headers, record)) return problem;
  }
  if (const auto time = object.find("timestamp_ms"); time != object.end()) {
    if (!time->is_number_integer()) return "timestamp_ms is not a whole number";
    record.timestamp_ms = time->get<std::int64_t>();
  }
  return std::nullopt;
}

}  // namespace

Problem take_header(std::string_view text, RecordForm form, ParsedRecord& out) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals == 0) return fmt::format("header `{}` is not NAME=VALUE", text);
  NullableBytes value;
  if (auto problem = take_bytes(text.substr(equals + 1), {.form = form}, out, value)) return problem;
  out.headers.push_back({text.substr(0, equals), value});
  return std::nullopt;
}

Problem parse_record(std::string_view line, const LineForm& form, ParsedRecord& out) {
  if (form.form == RecordForm::json) return parse_json(line, out);
  if (form.headers) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) return "there is no tab after the headers";
    for (std::string_view rest = line.substr(0, tab); !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (auto problem = take_header(rest.substr(0, comma), form.form, out)) return problem;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    line.remove_prefix(tab + 1);
  }
  if (!form.key_separator.empty()) {
    const std::size_t at = line.find(form.key_separator);
    if (at == line.npos) return fmt::format("there is no key separator `{}`", form.key_separator);
    if (auto problem = take_bytes(line.substr(0, at), form, out, out.key)) return problem;
    line.remove_prefix(at + form.key_separator.size());
  }
  return take_bytes(line, form, out, out.value);
}

}  // namespace clients::cli
