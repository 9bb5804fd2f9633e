#include "scenarios/campaign.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernel/posix/jobs.h"
#include "scenarios/revision.h"

namespace scenarios {
namespace {

using nlohmann::json;

std::string to_line(const Outcome& outcome) {
  json line{{"seed", outcome.seed},
            {"hash", outcome.trace_hash},
            {"events", outcome.events},
            {"virtual_ns", outcome.virtual_ns},
            {"marks", outcome.marks},
            {"judged", outcome.judged}};
  if (!outcome.violations.empty()) {
    line["rule"] = outcome.violations.front().rule;
    line["what"] = outcome.violations.front().what;
  }
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

class Collector final : public kernel::posix::JobObserver {
 public:
  Collector(const CampaignOptions& options, const std::function<void(const Campaign&)>& progress)
      : options_{options}, progress_{progress}, began_{kernel::posix::real_seconds()} {}

  void line(std::uint64_t, std::string_view text) override {
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_discarded()) return;
    campaign.done.insert(line["seed"].get<std::uint64_t>());
    campaign.events += line["events"].get<std::uint64_t>();
    campaign.virtual_ns += line["virtual_ns"].get<std::int64_t>();
    campaign.hashes[line["seed"].get<std::uint64_t>()] = line["hash"].get<std::uint64_t>();
    for (const auto& [name, count] : line["marks"].items()) campaign.marks[name] += count.get<std::uint64_t>();
    for (const auto& [name, count] : line["judged"].items()) campaign.judged[name] += count.get<std::uint64_t>();
    if (line.contains("rule")) {
      campaign.failures.push_back({line["seed"].get<std::uint64_t>(), line["rule"].get<std::string>(),
                                   line["what"].get<std::string>()});
    }
  }
  void crashed(std::uint64_t index, int status, std::string_view last_words) override {
    campaign.done.insert(options_.first_seed + index);
    std::string words{last_words.substr(0, last_words.find('\n'))};
    if (words.empty()) words = fmt::format("the process ended with status {}", status);
    campaign.failures.push_back({options_.first_seed + index, "crash", words});
  }
  bool tick() override {
    campaign.real_seconds = kernel::posix::real_seconds() - began_;
    progress_(campaign);
    campaign.interrupted = options_.stop_requested && options_.stop_requested();
    return !campaign.interrupted;
  }
  Campaign campaign;

 private:
  const CampaignOptions& options_;
  const std::function<void(const Campaign&)>& progress_;
  double began_;
};

}  // namespace

Campaign run_campaign(const CampaignOptions& options, const std::function<void(const Campaign&)>& progress) {
  Collector collector{options, progress};
  kernel::StackPool stacks;  // each child has a copy of its own
  const kernel::posix::JobTask task = [&](std::uint64_t index, const std::function<void(std::string_view)>& report) {
    RunOptions run{.seed = options.first_seed + index, .planted_bug = options.planted_bug};
    report(to_line(execute(*options.scenario, run, stacks)));
  };
  kernel::posix::run_jobs({.count = options.seeds, .processes = options.jobs}, task, collector);
  collector.tick();
  Campaign& campaign = collector.campaign;
  campaign.interrupted &= campaign.done.size() < options.seeds;  // asked for in the last moment, it cut nothing short
  std::ranges::sort(campaign.failures, {}, &SeedFailure::seed);
  return std::move(campaign);
}

std::vector<std::string_view> idle_judges(const Campaign& campaign, const Scenario& scenario) {
  std::vector<std::string_view> idle;
  for (const std::string_view rule : scenario.judges) {
    if (!campaign.judged.contains(std::string{rule})) idle.push_back(rule);
  }
  return idle;
}

std::uint64_t first_left(const Campaign& campaign, std::uint64_t first_seed) {
  while (campaign.done.contains(first_seed)) ++first_seed;
  return first_seed;
}

std::string replay_line(const Scenario& scenario, std::uint64_t seed, std::string_view planted_bug) {
  std::string line = fmt::format("kalda sim replay --scenario {} {}", scenario.name, seed);
  if (!planted_bug.empty()) line += fmt::format(" --plant {}", planted_bug);
  return line;
}

std::string_view revision() { return kRevision; }

}  // namespace scenarios
