// `kalda config explain`.
#pragma once

#include "kernel/command.h"

namespace broker {

kernel::Command explain_command();

}  // namespace broker
