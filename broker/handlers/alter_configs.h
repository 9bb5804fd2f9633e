// What AlterConfigs and IncrementalAlterConfigs share: what a broker judges itself, and the way to the controller.
#pragma once

#include <string>
#include <vector>

#include "broker/controller/changes.h"
#include "broker/handlers/call.h"

namespace broker::handlers {

/// One resource as the request has it.
struct AskedSetting {
  std::string name;
  std::int8_t operation = 0;
  std::optional<std::string> value;
};
struct AskedSettings {
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::vector<AskedSetting> each;
};

/// One answer for each, in order. `replaces_all`: AlterConfigs. Suspends.
std::vector<controller::AlteredSettings> alter_settings(kernel::Fiber& f, Call& call,
                                                        const std::vector<AskedSettings>& asked, bool replaces_all,
                                                        bool validate_only);

/// A broker resource's name as a number; nothing when it is none.
std::optional<net::BrokerId> parse_broker_name(std::string_view name);

}  // namespace broker::handlers
