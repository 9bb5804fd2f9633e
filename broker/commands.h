// The subcommands that the broker exports: serve, log dump, config explain.
#pragma once

#include <vector>

#include "kernel/command.h"

namespace broker {

std::vector<kernel::Command> commands();

}  // namespace broker
