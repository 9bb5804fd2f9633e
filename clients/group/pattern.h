// Names of topics by an extended regular expression (POSIX), which must match the whole name.
//
//   const auto pattern = TRY(TopicPattern::compile("orders-.*"));
//   if (pattern.matches("orders-2026")) ...
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kernel/result.h"

namespace clients::group {

class TopicPattern {
 public:
  /// Errors: invalid_argument.
  static kernel::Result<TopicPattern> compile(std::string_view text);
  [[nodiscard]] bool matches(const std::string& topic) const;

 private:
  struct Compiled;
  explicit TopicPattern(std::shared_ptr<const Compiled> compiled) : compiled_{std::move(compiled)} {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace clients::group
