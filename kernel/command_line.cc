#include "kernel/command_line.h"

#include <charconv>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace kernel {
namespace {

/// What was typed, shortened where it is endless.
std::string typed(const std::string& text) {
  constexpr std::size_t kShown = 40;
  return text.size() <= kShown ? text : text.substr(0, kShown) + "...";
}

template <class Number>
bool parses(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

}  // namespace

Option Option::required() { return Option{*option_->required()}; }
Option Option::excludes(Option other) { return Option{*option_->excludes(other.option_)}; }
Option Option::separated_by(char separator) { return Option{*option_->delimiter(separator)}; }
Option Option::one_a_time() { return Option{*option_->allow_extra_args(false)}; }
Option Option::all_together() { return Option{*option_->take_all()}; }

Option Option::whole_number(std::uint64_t least, std::uint64_t most) {
  return Option{*option_->check([least, most](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    if (parses(text, value) && value >= least && value <= most) return {};
    return fmt::format("{} is no whole number from {} to {}", typed(text), least, most);
  })};
}

Option Option::positive_number() {
  return Option{*option_->check([](const std::string& text) -> std::string {
    constexpr double kMost = 1e9;
    double value = 0;
    if (parses(text, value) && value > 0 && value <= kMost) return {};
    return fmt::format("{} is no number above 0 and up to a thousand million", typed(text));
  })};
}

Option Option::one_of(const std::vector<std::string>& words) { return Option{*option_->check(CLI::IsMember(words))}; }
Option Option::one_of_in_any_case(const std::vector<std::string>& words) {
  return Option{*option_->check(CLI::IsMember(words, CLI::ignore_case))};
}

Option Option::show_default() { return Option{*option_->capture_default_str()}; }
Option Option::show_as(std::string form) { return Option{*option_->option_text(std::move(form))}; }
Option Option::show_type(std::string name) { return Option{*option_->type_name(std::move(name))}; }

bool Option::given() const { return option_->count() > 0; }

template <class T>
Option CommandLine::option(const std::string& names, T& value, const std::string& about) {
  return Option{*parser_->add_option(names, value, about)};
}

Option CommandLine::take(const std::string& names, std::function<void(const std::string&)> taker, const std::string& about) {
  return Option{*parser_->add_option_function<std::string>(names, taker, about)};
}

Option CommandLine::flag(const std::string& names, bool& value, const std::string& about) {
  return Option{*parser_->add_flag(names, value, about)};
}

Option CommandLine::numbered_choice(const std::string& names, std::vector<std::pair<std::string, int>> words,
                                    std::function<void(int)> take, const std::string& about) {
  std::string all;
  for (const auto& [word, number] : words) all += (all.empty() ? "" : ",") + word;
  const std::string description = "{" + all + "}";
  const auto number_of = [words = std::move(words), all](std::string& text) -> std::string {
    for (const auto& [word, number] : words) {
      if (text != word) continue;
      text = std::to_string(number);
      return {};
    }
    return fmt::format("{} is none of {}", typed(text), all);
  };
  CLI::Option* added = parser_->add_option_function<int>(names, take, about)->type_name("ENUM");
  return Option{*added->transform(CLI::Validator{number_of, description})};
}

Option CommandLine::known(const std::string& name) const { return Option{*parser_->get_option(name)}; }
void CommandLine::footer(std::string text) { parser_->footer(std::move(text)); }
std::string CommandLine::program() const {
  const CLI::App* above = parser_->get_parent();
  return above == nullptr ? "kalda" : above->get_name();
}

template Option CommandLine::option(const std::string&, std::string&, const std::string&);
template Option CommandLine::option(const std::string&, std::vector<std::string>&, const std::string&);
template Option CommandLine::option(const std::string&, double&, const std::string&);
template Option CommandLine::option(const std::string&, std::int16_t&, const std::string&);
template Option CommandLine::option(const std::string&, std::int32_t&, const std::string&);
template Option CommandLine::option(const std::string&, std::vector<std::int32_t>&, const std::string&);
template Option CommandLine::option(const std::string&, std::int64_t&, const std::string&);
template Option CommandLine::option(const std::string&, std::optional<std::int64_t>&, const std::string&);
template Option CommandLine::option(const std::string&, std::uint32_t&, const std::string&);
template Option CommandLine::option(const std::string&, std::uint64_t&, const std::string&);
template Option CommandLine::option(const std::string&, std::optional<std::uint64_t>&, const std::string&);

}  // namespace kernel
