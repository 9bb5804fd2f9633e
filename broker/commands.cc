#include "broker/commands.h"

#include "broker/doctor_command.h"
#include "broker/dump_command.h"
#include "broker/explain_command.h"
#include "broker/serve_command.h"

namespace broker {

std::vector<kernel::Command> commands() { return {serve_command(), dump_command(), explain_command(), doctor_command()}; }

}  // namespace broker
