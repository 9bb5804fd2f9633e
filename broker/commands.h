// The subcommands that the broker exports: serve, doctor, log dump, config explain.
#pragma once

#include <vector>

#include "kernel/command.h"

namespace broker {

std::vector<kernel::Command> commands();

}  // namespace broker
