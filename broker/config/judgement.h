// What is noted about a configuration while it is read, and the sentences for it.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include "broker/config/broker_config.h"
#include "broker/config/definition.h"

namespace broker::config {

class Judgement {
 public:
  explicit Judgement(LoadedConfig& out) : out_{out} {}

  /// "listeners=x: what is wrong; what to do."
  void problem(std::string_view name, std::string_view value, std::string_view what) {
    out_.problems.push_back(fmt::format("{}={}: {}", name, shown(name, value), what));
  }
  void problem(std::string text) { out_.problems.push_back(std::move(text)); }
  void warn(std::string text) { out_.warnings.push_back(std::move(text)); }
  void notice(std::string text) { out_.notices.push_back(std::move(text)); }
  [[nodiscard]] bool is_clean() const { return out_.problems.empty(); }

 private:
  static std::string_view shown(std::string_view name, std::string_view value) {
    const Definition* definition = find_broker_definition(name);
    return definition != nullptr && definition->is_sensitive() ? "(hidden)" : value;
  }
  LoadedConfig& out_;
};

/// Fills the listeners of `config` from what was given and judges them.
void read_listeners(const Given& given, BrokerConfig& config, Judgement& judgement);
/// Judges roles and quorum: one node that is broker and controller is the one form there is.
void judge_roles(const Given& given, const BrokerConfig& config, Judgement& judgement);

}  // namespace broker::config
