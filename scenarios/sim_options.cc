#include "scenarios/sim_options.h"

#include <fmt/format.h>

#include "kernel/posix/jobs.h"

namespace scenarios {

void add_scenario_option(kernel::CommandLine line, std::string& name) {
  std::vector<std::string> names;
  for (const Scenario& scenario : all_scenarios()) names.emplace_back(scenario.name);
  name = names.front();
  line.option("--scenario,-s", name, "Which scenario; `kalda sim list` describes them")
      .one_of(names)
      .show_default();
}

void add_jobs_option(kernel::CommandLine line, std::uint32_t& jobs, const std::string& what) {
  jobs = std::min(kernel::posix::processors(), kJobsMax);
  line.option("--jobs,-j", jobs, what).whole_number(1, kJobsMax).show_default();
}

std::optional<std::string> why_too_many(std::uint64_t first, std::uint64_t count) {
  if (count == 0 || count - 1 <= kSeedMax - first) return std::nullopt;
  return fmt::format("{} seeds from {} on go past the last seed there is, {}: take an earlier --first-seed or fewer seeds",
                     count, first, kSeedMax);
}

}  // namespace scenarios
