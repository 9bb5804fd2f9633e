// The subcommands that the simulator's users see: sim run, sim replay, sim list.
#pragma once

#include <vector>

#include "kernel/command.h"

namespace scenarios {

std::vector<kernel::Command> commands();

}  // namespace scenarios
