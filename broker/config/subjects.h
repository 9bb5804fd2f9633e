// The settings of a broker by what they are about, for people who look for one.
//
//   for (const Subject& one : broker_settings_by_subject()) print(one.words, one.names);
#pragma once

#include <string_view>
#include <vector>

namespace broker::config {

struct Subject {
  std::string_view words;
  std::vector<std::string_view> names;  ///< in order
};

/// Every broker setting that does something here, once. One that no subject claims is under "Others", at the end.
[[nodiscard]] std::vector<Subject> broker_settings_by_subject();

}  // namespace broker::config
