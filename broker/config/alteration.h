// Changes of settings as AlterConfigs and IncrementalAlterConfigs name them, and what becomes of settings by them. Pure.
//
//   const Altered after = altered(image->settings_of(type, name), topic_definitions(), wish);
//   if (after.problem) refuse(ErrorCode::invalid_config, *after.problem);
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/definition.h"

namespace broker::config {

/// Kafka's numbers.
enum class Operation : std::int8_t {
  set = 0,
  remove = 1,
  append = 2,    ///< to a list: entries it does not have yet
  subtract = 3,  ///< from a list
};
struct Alteration {
  std::string name;
  Operation operation = Operation::set;
  std::string value;  ///< means nothing with `remove`
};
/// What is wanted of one resource. `replaces_all`: what is not named goes, as AlterConfigs has it.
struct Alterations {
  std::vector<Alteration> each;
  bool replaces_all = false;
};

struct Altered {
  Given settings;
  /// Lists only can be appended to; nothing is changed then.
  std::optional<std::string> problem;
};
/// `definitions` are those of the resource's type. A list that is not set begins with its default.
[[nodiscard]] Altered altered(const Given& before, std::span<const Definition> definitions, const Alterations& wanted);

}  // namespace broker::config
