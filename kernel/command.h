// How rooms export subcommands of the one program. main.cc composes them; it alone knows the runtime they run in.
//
//   // clients/cli/topic_list.cc
//   kernel::Command topic_list() {
//     return {"topic list", "Lists the topics of a cluster", [](kernel::CommandLine line) -> kernel::CommandBody {
//       auto options = std::make_shared<Options>();
//       line.option("--bootstrap-server,-b", options->bootstrap, "…").show_default();
//       return [options](kernel::Fiber& f) { return run(f, *options); };
//     }};
//   }
//
// A body answers the exit status: 0 done, 1 it did not work, 2 the command line made no sense. Bodies talk to people
// through f.node().console().
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "kernel/command_line.h"
#include "kernel/result.h"

namespace kernel {

class Fiber;

using CommandBody = std::function<int(Fiber&)>;

struct Command {
  std::string_view path;     ///< words separated by one blank: "topic list"
  std::string_view summary;  ///< one line, for the help of the level above
  /// Adds options to `line` and answers what to do once they are parsed.
  std::function<CommandBody(CommandLine line)> define;
  /// How many shards the node is to have (0: one per two processors); asked after parsing, on a node of its own with
  /// one. Empty: one.
  std::function<Result<std::uint32_t>(Fiber&)> shards = {};
};

}  // namespace kernel
