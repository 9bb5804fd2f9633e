// `kalda serve`.
#pragma once

#include <string>

#include "kernel/command.h"

namespace broker {

struct Started;

kernel::Command serve_command();
/// What to try first, for the person who has just started a broker.
std::string welcome(const Started& started);

}  // namespace broker
