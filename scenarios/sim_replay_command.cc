// `kalda sim replay SEED`: the same run again, as much of it as is wanted, with its story.
#include <cstdio>
#include <fmt/format.h>

#include "kernel/check.h"
#include "kernel/node.h"
#include "scenarios/campaign.h"
#include "scenarios/mutants.h"
#include "scenarios/sim_commands.h"
#include "scenarios/sim_options.h"

namespace scenarios {
namespace {

using kernel::Fiber;

struct ReplayOptions {
  std::string scenario;
  std::uint64_t seed = 1;
  std::uint64_t until = 0;
  bool log = false;
  bool events = false;
  bool checkpoints = false;
  std::string plant;
};

void print_log(const sim::LogLine& line) {
  std::fprintf(stdout, "%15.9f %-8s %s\n", static_cast<double>(line.time_ns) / 1e9, line.node.c_str(), line.text.c_str());
}

int run(Fiber& f, const ReplayOptions& options) {
  if (const auto why_not = why_not_planted(options.plant)) {
    static_cast<void>(f.node().console().write_error(f, fmt::format("kalda sim replay: {}\n", *why_not)));
    return 2;
  }
  const Scenario* scenario = find_scenario(options.scenario);
  RunOptions run_options{.seed = options.seed, .planted_bug = options.plant, .until_event = options.until};
  if (options.log) run_options.on_log = print_log;
  if (options.events) {
    run_options.on_event = [](const sim::Event& event) { std::fprintf(stdout, "%s\n", to_string(event).c_str()); };
  }
  kernel::StackPool stacks;
  std::fprintf(stdout, "scenario %s, revision %s, seed %llu\n", std::string{scenario->name}.c_str(),
               std::string{revision()}.c_str(), static_cast<unsigned long long>(options.seed));
  std::fflush(stdout);
  const Outcome outcome = execute(*scenario, run_options, stacks);
  std::string text;
  if (options.until > outcome.events) {
    text += fmt::format("the run ended before event {}: it has no more than {}\n", options.until, outcome.events);
  }
  text += fmt::format("{} events, {:.3f} virtual seconds\n", outcome.events,
                                 static_cast<double>(outcome.virtual_ns) / 1e9);
  if (options.checkpoints) {
    for (std::size_t i = 0; i < outcome.checkpoints.size(); ++i) {
      text += fmt::format("checkpoint {} {:016x}\n", (i + 1) * sim::Trace::kCheckpointEvery, outcome.checkpoints[i]);
    }
  }
  for (const Violation& violation : outcome.violations) {
    text += fmt::format("violation {} at event {} ({:.6f} s): {}\n", violation.rule, violation.event,
                        static_cast<double>(violation.time_ns) / 1e9, violation.what);
  }
  text += fmt::format("trace hash {:016x}\n", outcome.trace_hash);
  static_cast<void>(f.node().console().write(f, text));
  return outcome.violations.empty() ? 0 : 1;
}

int list(Fiber& f) {
  std::string text;
  for (const Scenario& scenario : all_scenarios()) text += fmt::format("{:<20} {}\n", scenario.name, scenario.summary);
  static_cast<void>(f.node().console().write(f, text));
  return 0;
}

}  // namespace

kernel::Command sim_replay_command() {
  return {"sim replay", "Repeats one seed exactly and tells its story; exit status 1 when a rule does not hold",
          [](kernel::CommandLine line) -> kernel::CommandBody {
            auto options = std::make_shared<ReplayOptions>();
            line.option("SEED", options->seed, "The seed").required().whole_number(0, kSeedMax);
            add_scenario_option(line, options->scenario);
            line.option("--until", options->until, "Stop after this event")
                .whole_number(1, UINT64_MAX)
                .show_type("EVENT");
            line.flag("--log", options->log, "Print the log lines of every node");
            line.flag("--events", options->events, "Print every event");
            line.flag("--checkpoints", options->checkpoints, "Print the hash after every 4096 events");
            line.option("--plant", options->plant, "A planted bug to run with (builds with KALDA_MUTANTS only)");
            return [options](Fiber& f) { return run(f, *options); };
          }};
}

kernel::Command sim_list_command() {
  return {"sim list", "Names the scenarios", [](kernel::CommandLine) -> kernel::CommandBody { return list; }};
}

}  // namespace scenarios
