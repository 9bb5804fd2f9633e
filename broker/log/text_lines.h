// Reading line by line, with the number of the line at hand for whoever has to say what is wrong.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace broker::log {

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_{text} {}
  /// The next line without its newline; the last one may lack it.
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    ++number_;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    return line;
  }
  /// Of the line last taken, from 1.
  [[nodiscard]] std::int64_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::int64_t number_ = 0;
};

/// The text before the next blank, taken off with the blank.
inline std::string_view take_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == line.npos ? line.size() : end + 1);
  return word;
}

/// A decimal number and nothing else.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace broker::log
