// What values of options are held against, with words for who mistyped one. For commands (command.h).
//
//   app.add_option("--partitions", n, "How many")->check(kernel::whole_number(1, INT32_MAX));
//   app.add_option("--rate", rate, "Records a second")->check(kernel::positive_number());
//   app.add_option("--format", form, "…")->transform(kernel::one_of<Form>({{"text", Form::text}, {"json", Form::json}}));
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace kernel {

/// What was typed, shortened where it is endless.
inline std::string typed(const std::string& text) {
  constexpr std::size_t kShown = 40;
  return text.size() <= kShown ? text : text.substr(0, kShown) + "...";
}

/// Whole numbers from `least` to `most` and nothing else; no minus sign or overflow wraps.
inline CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return CLI::Validator{[least, most](std::string& text) -> std::string {
                          std::uint64_t value = 0;
                          const char* end = text.data() + text.size();
                          const auto parsed = std::from_chars(text.data(), end, value);
                          if (parsed.ec == std::errc{} && parsed.ptr == end && value >= least && value <= most) return {};
                          return fmt::format("{} is no whole number from {} to {}", typed(text), least, most);
                        },
                        ""};
}

/// Seconds or a rate: what can be reckoned with in nanoseconds.
inline CLI::Validator positive_number() {
  return CLI::Validator{[](std::string& text) -> std::string {
                          constexpr double kMost = 1e9;
                          double value = 0;
                          const char* end = text.data() + text.size();
                          const auto parsed = std::from_chars(text.data(), end, value);
                          if (parsed.ec == std::errc{} && parsed.ptr == end && value > 0 && value <= kMost) return {};
                          return fmt::format("{} is no number above 0 and up to a thousand million", typed(text));
                        },
                        ""};
}

/// Words that stand for values of an enum whose underlying type is int.
template <class Value>
CLI::Validator one_of(std::vector<std::pair<std::string, Value>> words) {
  std::string all;
  for (const auto& [word, value] : words) all += (all.empty() ? "" : ",") + word;
  const std::string description = "{" + all + "}";
  return CLI::Validator{[words = std::move(words), all](std::string& text) -> std::string {
                          for (const auto& [word, value] : words) {
                            if (text != word) continue;
                            text = std::to_string(static_cast<int>(value));
                            return {};
                          }
                          return fmt::format("{} is none of {}", typed(text), all);
                        },
                        description};
}

}  // namespace kernel
