// `kalda serve`.
#pragma once

#include "kernel/command.h"

namespace broker {

kernel::Command serve_command();

}  // namespace broker
