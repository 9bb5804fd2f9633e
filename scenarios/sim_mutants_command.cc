// `kalda sim mutants`: hunts for every planted bug and prints the table of MUTANTS.md.
#include <algorithm>
#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/posix/jobs.h"
#include "scenarios/campaign.h"
#include "scenarios/hunt.h"
#include "scenarios/sim_commands.h"
#include "scenarios/sim_options.h"

namespace scenarios {
namespace {

using kernel::Fiber;

struct MutantsOptions {
  std::vector<std::string> only;
  std::uint64_t first_seed = 1;
  std::uint64_t seeds_max = 0;
  std::uint32_t jobs = 1;
  bool quick = false;
};

constexpr std::uint64_t kQuickSeedsMax = 20;

int refuse(Fiber& f, std::string_view what) {
  static_cast<void>(f.node().console().write_error(f, fmt::format("kalda sim mutants: {}\n", what)));
  return 2;
}

int run(Fiber& f, const MutantsOptions& options) {
  if (!kMutantsBuild) return refuse(f, *why_not_planted("any"));
  HuntOptions wanted{.mutants = {},
                     .first_seed = options.first_seed,
                     .jobs = options.jobs,
                     .stop_requested = [&f] { return f.node().stop_requested(); }};
  for (const std::string& name : options.only) {
    if (const auto why_not = why_not_planted(name)) return refuse(f, *why_not);
  }
  for (Mutant mutant : all_mutants()) {
    if (!options.only.empty() && std::ranges::find(options.only, mutant.name) == options.only.end()) continue;
    if (options.quick && mutant.seeds_max > kQuickSeedsMax) continue;
    if (options.seeds_max > 0) mutant.seeds_max = options.seeds_max;
    if (mutant.seeds_max == 0) continue;
    if (const auto too_many = why_too_many(options.first_seed, mutant.seeds_max)) return refuse(f, *too_many);
    wanted.mutants.push_back(mutant);
  }
  const double began = kernel::posix::real_seconds();
  const auto quarries = hunt(wanted, [&](const Quarry& quarry) {
    std::fprintf(stderr, "%-9s %.*s\n", quarry.found ? quarry.rule.c_str() : "NOT FOUND",
                 static_cast<int>(quarry.mutant.name.size()), quarry.mutant.name.data());
  });
  std::string text = "| planted bug | what it breaks | rule | seeds |\n|---|---|---|---|\n";
  std::string missed, replays;
  std::size_t found = 0, decided = 0;
  for (const Quarry& quarry : quarries) {
    if (!quarry.decided) continue;
    ++decided;
    const std::uint64_t seeds = quarry.seed - options.first_seed + 1;
    text += fmt::format("| `{}` | {} | {} | {} |\n", quarry.mutant.name, quarry.mutant.breaks,
                        quarry.found ? quarry.rule : "none", quarry.found ? fmt::format("{}", seeds) : fmt::format("> {}", seeds));
    if (quarry.found) ++found;
    else missed += fmt::format("not found in {} seeds: {}\n", seeds, quarry.mutant.name);
    if (quarry.found) {
      replays += fmt::format("{}\n    {}\n", replay_line(*find_scenario(quarry.mutant.scenario), quarry.seed, quarry.mutant.name), quarry.what);
    }
  }
  const bool interrupted = decided < quarries.size();
  if (interrupted) {
    missed += fmt::format("interrupted: {} of {} decided; go on with these names:", decided, quarries.size());
    for (const Quarry& quarry : quarries) {
      if (!quarry.decided) missed += fmt::format(" {}", quarry.mutant.name);
    }
    missed += "\n";
  }
  text += fmt::format("\n{}\n{}{} of {} planted bugs found in {:.0f} s at revision {}\n", replays, missed, found,
                      quarries.size(), kernel::posix::real_seconds() - began, revision());
  static_cast<void>(f.node().console().write(f, text));
  if (interrupted) return 130;
  return found == quarries.size() ? 0 : 1;
}

}  // namespace

kernel::Command sim_mutants_command() {
  return {"sim mutants", "Hunts for every planted bug; exit status 1 when one is not found (builds with KALDA_MUTANTS only)",
          [](kernel::CommandLine line) -> kernel::CommandBody {
            auto options = std::make_shared<MutantsOptions>();
            line.option("NAME", options->only, "Only these; otherwise all");
            line.flag("--quick", options->quick, "Only bugs that few seeds find, for every change");
            line.option("--first-seed", options->first_seed, "The first seed of each hunt")
                .whole_number(0, kSeedMax)
                .show_default();
            line.option("--seeds-max", options->seeds_max, "Seeds after which a hunt is given up; 0: each bug's own number")
                .whole_number(0, kSeedMax)
                .show_default();
            add_jobs_option(line, options->jobs, "Processes to spread the bugs over");
            return [options](Fiber& f) { return run(f, *options); };
          }};
}

}  // namespace scenarios
