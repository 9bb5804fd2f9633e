#include "broker/controller/topic_names.h"

#include <algorithm>

#include <fmt/format.h>

namespace broker::controller {
namespace {

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

}  // namespace

std::optional<std::string> check_topic_name(std::string_view name) {
  constexpr std::string_view kPrefix = "Topic name is invalid: ";
  if (name.empty()) return fmt::format("{}the empty string is not allowed", kPrefix);
  if (name == "." || name == "..") return fmt::format("{}'{}' is not allowed", kPrefix, name);
  if (name.size() > kTopicNameBytesMax)
    return fmt::format("{}the length of '{}' is longer than the max allowed length {}", kPrefix, name,
                       kTopicNameBytesMax);
  if (!std::ranges::all_of(name, is_legal))
    return fmt::format("{}'{}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
                       kPrefix, name);
  return std::nullopt;
}

std::string metric_name(std::string_view name) {
  std::string out{name};
  std::ranges::replace(out, '.', '_');
  return out;
}

}  // namespace broker::controller
