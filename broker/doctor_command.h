// `kalda doctor`.
#pragma once

#include "kernel/command.h"

namespace broker {

kernel::Command doctor_command();

}  // namespace broker
