// The commands under `kalda sim`.
#pragma once

#include "kernel/command.h"

namespace scenarios {

kernel::Command sim_run_command();
kernel::Command sim_replay_command();
kernel::Command sim_list_command();
kernel::Command sim_mutants_command();

}  // namespace scenarios
