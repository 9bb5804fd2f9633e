// Where commands take a broker's configuration from: Kafka's server.properties and --set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "kernel/command_line.h"
#include "kernel/fiber.h"

namespace broker {

struct ConfigSource {
  std::string path;
  std::vector<std::string> overrides;
};
void add_config_options(kernel::CommandLine line, ConfigSource& source);

/// The configuration, or nothing when it cannot be used. `tell`: notices, warnings and problems go to standard error,
/// the last line in the name of `command`. Suspends.
std::optional<config::BrokerConfig> load_config(kernel::Fiber& f, const ConfigSource& source, std::string_view command, bool tell);

}  // namespace broker
