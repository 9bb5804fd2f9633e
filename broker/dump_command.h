// `kalda log dump`.
#pragma once

#include "kernel/command.h"

namespace broker {

kernel::Command dump_command();

}  // namespace broker
