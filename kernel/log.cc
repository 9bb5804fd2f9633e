#include "kernel/log.h"

#include <fmt/format.h>

namespace kernel {

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
  }
  std::unreachable();
}

namespace {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", u);
    } else {
      out += c;
    }
  }
  out += '"';
}

struct JsonValue {
  std::string& out;
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(std::string_view v) const { append_json_string(out, v); }
  void operator()(const Error& v) const { append_json_string(out, describe(v)); }
  void operator()(auto v) const { fmt::format_to(std::back_inserter(out), "{}", v); }
};

struct TextValue {
  std::string& out;
  void operator()(std::string_view v) const {
    if (v.empty() || v.find_first_of(" \"\n\t") != std::string_view::npos) {
      append_json_string(out, v);
    } else {
      out += v;
    }
  }
  void operator()(const Error& v) const { (*this)(std::string_view{describe(v)}); }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(auto v) const { fmt::format_to(std::back_inserter(out), "{}", v); }
};

std::string_view colour_of(Level level) {
  switch (level) {
    case Level::debug: return "\033[2m";
    case Level::info: return "\033[32m";
    case Level::warn: return "\033[33m";
    case Level::error: return "\033[31m";
  }
  std::unreachable();
}

}  // namespace

std::string to_json(Level level, Wall when, std::string_view event, std::span<const Field> fields) {
  std::string out = fmt::format(R"({{"time_ms":{},"level":"{}","event":)", ms_of(when), name_of(level));
  append_json_string(out, event);
  for (const Field& field : fields) {
    out += ',';
    append_json_string(out, field.key);
    out += ':';
    std::visit(JsonValue{out}, field.value);
  }
  return out += '}';
}

std::string to_text(Level level, Wall when, std::string_view event, std::span<const Field> fields, bool colour) {
  const std::int64_t of_day = ((ms_of(when) % 86'400'000) + 86'400'000) % 86'400'000;
  std::string out = fmt::format("{:02}:{:02}:{:02}.{:03} {}{:<5}{} {}", of_day / 3'600'000, of_day / 60'000 % 60,
                                of_day / 1000 % 60, of_day % 1000, colour ? colour_of(level) : "", name_of(level),
                                colour ? "\033[0m" : "", event);
  for (const Field& field : fields) {
    fmt::format_to(std::back_inserter(out), " {}=", field.key);
    std::visit(TextValue{out}, field.value);
  }
  return out;
}

}  // namespace kernel
