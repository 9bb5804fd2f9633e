// The subcommands this room gives to the one program.
#pragma once

#include <vector>

#include "kernel/command.h"

namespace clients {

/// topic create|list|describe|delete, config describe|set|unset|list, produce, consume,
/// bench produce|consume|latency, group list|describe|lag|reset|delete.
[[nodiscard]] std::vector<kernel::Command> commands();

}  // namespace clients
