// What a command takes from the command line: options by name, flags, and words by position. For commands (command.h).
//
//   line.option("topic", options->topics, "Topics to read").required();
//   line.option("-n,--count", options->count, "Stop after this many records").whole_number(1, UINT64_MAX);
//   line.choice("--format", options->form, {{"text", Form::text}, {"json", Form::json}}, "How to print");
//   line.flag("-f,--follow", options->follow, "Wait for more at the end");
//
// The parser behind it is CLI11, which costs every unit that includes it four seconds.
// What values are read into outlives the parser. Nothing here suspends.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace kernel {

/// One that was added; copies mean the same one. What can be asked of it answers itself, to go on.
class Option {
 public:
  explicit Option(CLI::Option& parsed) : option_{&parsed} {}

  Option required();
  Option excludes(Option other);
  Option separated_by(char separator);  ///< values in one word, beside several words
  Option one_a_time();                  ///< of a list: each value needs the name anew
  Option all_together();                ///< of a list that is named many times: every value counts

  /// Whole numbers from `least` to `most` and nothing else; no minus sign or overflow wraps.
  Option whole_number(std::uint64_t least, std::uint64_t most);
  /// Seconds or a rate: what can be reckoned with in nanoseconds.
  Option positive_number();
  Option one_of(const std::vector<std::string>& words);
  Option one_of_in_any_case(const std::vector<std::string>& words);

  Option show_default();               ///< what is in the value now, in the help
  Option show_as(std::string form);    ///< in the help, in place of all that is known of the value
  Option show_type(std::string name);  ///< in the help, in place of TEXT or UINT

  [[nodiscard]] bool given() const;  ///< once the line is parsed

 private:
  CLI::Option* option_;
};

class CommandLine {
 public:
  explicit CommandLine(CLI::App& parser) : parser_{&parser} {}

  /// "-n,--name" is an option, "name" stands by position. T: what command_line.cc lists at its end.
  template <class T>
  Option option(const std::string& names, T& value, const std::string& about);
  /// Hands the word over.
  Option take(const std::string& names, std::function<void(const std::string&)> taker, const std::string& about);
  Option flag(const std::string& names, bool& value, const std::string& about);
  /// Words that stand for values of an enum.
  template <class Value>
  Option choice(const std::string& names, Value& value, std::initializer_list<std::pair<std::string_view, Value>> words,
                const std::string& about) {
    std::vector<std::pair<std::string, int>> numbered;
    for (const auto& [word, meant] : words) numbered.emplace_back(word, static_cast<int>(meant));
    return numbered_choice(names, std::move(numbered), [&value](int number) { value = static_cast<Value>(number); }, about);
  }

  [[nodiscard]] Option known(const std::string& name) const;  ///< one that was added before
  void footer(std::string text);                              ///< behind the help
  [[nodiscard]] std::string program() const;                  ///< as it was called

 private:
  Option numbered_choice(const std::string& names, std::vector<std::pair<std::string, int>> words,
                         std::function<void(int)> take, const std::string& about);

  CLI::App* parser_;
};

}  // namespace kernel
