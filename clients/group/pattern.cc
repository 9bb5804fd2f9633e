#include "clients/group/pattern.h"

#include <regex.h>

namespace clients::group {

// The C library's, because it needs no stack that grows with the name, and reports instead of throwing.
struct TopicPattern::Compiled {
  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() {
    if (usable) regfree(&regex);
  }
  regex_t regex{};
  bool usable = false;
};

kernel::Result<TopicPattern> TopicPattern::compile(std::string_view text) {
  auto compiled = std::make_shared<Compiled>();
  const std::string whole = "^(" + std::string{text} + ")$";
  if (text.empty() || text.find('\0') != text.npos) return kernel::fail(kernel::Errc::invalid_argument);
  if (const int problem = regcomp(&compiled->regex, whole.c_str(), REG_EXTENDED | REG_NOSUB); problem != 0)
    return kernel::fail(kernel::Errc::invalid_argument, problem);
  compiled->usable = true;
  return TopicPattern{std::move(compiled)};
}

bool TopicPattern::matches(const std::string& topic) const {
  return regexec(&compiled_->regex, topic.c_str(), 0, nullptr, 0) == 0;
}

}  // namespace clients::group
