#include "scenarios/commands.h"

#include "scenarios/sim_commands.h"

namespace scenarios {

std::vector<kernel::Command> commands() {
  return {sim_run_command(), sim_replay_command(), sim_list_command(), sim_mutants_command()};
}

}  // namespace scenarios
