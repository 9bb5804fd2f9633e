// `kalda sim run`: many seeds, progress, a summary, and for each failure the line that replays it.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernel/node.h"
#include "kernel/posix/jobs.h"
#include "scenarios/campaign.h"
#include "scenarios/marks.h"
#include "scenarios/mutants.h"
#include "scenarios/sim_commands.h"

namespace scenarios {
namespace {

using kernel::Fiber;

struct Options {
  std::string scenario;
  std::uint64_t seeds = 100;
  std::uint64_t first_seed = 1;
  std::optional<std::uint64_t> seed;
  std::uint32_t jobs = kernel::posix::processors();
  std::string plant;
  std::string junit;
  std::string format = "text";
  bool hashes = false;
};

std::string summary(const Campaign& campaign, const Scenario& scenario, const Options& options) {
  const double virtual_seconds = static_cast<double>(campaign.virtual_ns) / 1e9;
  std::string text = fmt::format(
      "scenario {} at revision {}\n"
      "{} seeds ({}..{}), {} events, {:.0f} virtual seconds in {:.1f} s: {:.0f}:1, {:.0f} seeds a minute\n",
      scenario.name, revision(), campaign.seeds, options.first_seed, options.first_seed + campaign.seeds - 1,
      campaign.events, virtual_seconds, campaign.real_seconds, virtual_seconds / std::max(campaign.real_seconds, 1e-9),
      60.0 * static_cast<double>(campaign.seeds) / std::max(campaign.real_seconds, 1e-9));
  text += "judged:";
  for (const auto& [rule, times] : campaign.judged) text += fmt::format(" {}={}", rule, times);
  std::size_t reached = 0;
  std::string missed;
  for (const std::string_view mark : known_marks()) {
    if (campaign.marks.contains(std::string{mark})) ++reached;
    else missed += fmt::format("  not reached: {}\n", mark);
  }
  text += fmt::format("\nmarks: {} of {} reached\n{}", reached, known_marks().size(), missed);
  if (campaign.failures.empty()) return text + "no failure\n";
  text += fmt::format("{} failing seeds:\n", campaign.failures.size());
  for (const SeedFailure& failure : campaign.failures) {
    text += fmt::format("  seed {} {}: {}\n    {}\n", failure.seed, failure.rule, failure.what,
                        replay_line(scenario, failure.seed, options.plant));
  }
  return text;
}

std::string summary_json(const Campaign& campaign, const Scenario& scenario, const Options& options) {
  nlohmann::json out{{"scenario", scenario.name},      {"revision", revision()},
                     {"seeds", campaign.seeds},        {"events", campaign.events},
                     {"virtual_ns", campaign.virtual_ns}, {"real_seconds", campaign.real_seconds},
                     {"marks", campaign.marks},        {"judged", campaign.judged}};
  out["failures"] = nlohmann::json::array();
  for (const SeedFailure& failure : campaign.failures) {
    out["failures"].push_back({{"seed", failure.seed},
                               {"rule", failure.rule},
                               {"what", failure.what},
                               {"replay", replay_line(scenario, failure.seed, options.plant)}});
  }
  return out.dump(2) + "\n";
}

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string junit(const Campaign& campaign, const Scenario& scenario, const Options& options) {
  std::string text = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"kalda sim {}\" tests=\"{}\" failures=\"{}\" time=\"{:.3f}\">\n",
                                 scenario.name, campaign.seeds, campaign.failures.size(), campaign.real_seconds);
  std::map<std::uint64_t, const SeedFailure*> failed;
  for (const SeedFailure& failure : campaign.failures) failed[failure.seed] = &failure;
  for (std::uint64_t seed = options.first_seed; seed < options.first_seed + campaign.seeds; ++seed) {
    const auto failure = failed.find(seed);
    text += fmt::format("  <testcase classname=\"{}\" name=\"seed {}\"", scenario.name, seed);
    if (failure == failed.end()) {
      text += "/>\n";
    } else {
      text += fmt::format("><failure type=\"{}\" message=\"{}\">{}</failure></testcase>\n", failure->second->rule,
                          escape_xml(failure->second->what), escape_xml(replay_line(scenario, seed, options.plant)));
    }
  }
  return text + "</testsuite>\n";
}

int run(Fiber& f, const Options& options) {
  kernel::Console& console = f.node().console();
  if (const auto why_not = why_not_planted(options.plant)) {
    static_cast<void>(console.write_error(f, fmt::format("kalda sim run: {}\n", *why_not)));
    return 2;
  }
  const Scenario* scenario = options.scenario.empty() ? &all_scenarios().front() : find_scenario(options.scenario);
  if (scenario == nullptr) {
    static_cast<void>(console.write_error(
        f, fmt::format("kalda sim run: there is no scenario {}; `kalda sim list` names them\n", options.scenario)));
    return 2;
  }
  CampaignOptions campaign_options{.scenario = scenario,
                                   .first_seed = options.seed.value_or(options.first_seed),
                                   .seeds = options.seed ? 1 : options.seeds,
                                   .jobs = std::max(1u, options.jobs),
                                   .planted_bug = options.plant};
  Options shown = options;
  shown.first_seed = campaign_options.first_seed;
  double last_shown = 0;
  const bool live = console.error_is_terminal();
  const Campaign campaign = run_campaign(campaign_options, [&](const Campaign& so_far) {
    if (!live || so_far.real_seconds - last_shown < 0.5) return;
    last_shown = so_far.real_seconds;
    std::fprintf(stderr, "\r%llu of %llu seeds, %zu failing, %.0f s ", static_cast<unsigned long long>(so_far.seeds),
                 static_cast<unsigned long long>(campaign_options.seeds), so_far.failures.size(), so_far.real_seconds);
    std::fflush(stderr);
  });
  if (live) std::fprintf(stderr, "\n");
  std::string text = options.format == "json" ? summary_json(campaign, *scenario, shown) : summary(campaign, *scenario, shown);
  if (options.hashes) {
    for (const auto& [seed, hash] : campaign.hashes) text += fmt::format("seed {} trace hash {:016x}\n", seed, hash);
  }
  static_cast<void>(console.write(f, text));
  if (!options.junit.empty()) {
    const std::string xml = junit(campaign, *scenario, shown);
    if (const auto written = kernel::replace_file(f, f.node().disk(), options.junit, kernel::as_bytes(xml)); !written) {
      static_cast<void>(console.write_error(
          f, fmt::format("kalda sim run: cannot write {}: {}\n", options.junit, describe(written.error()))));
      return 2;
    }
  }
  return campaign.failures.empty() && campaign.seeds == campaign_options.seeds ? 0 : 1;
}

}  // namespace

kernel::Command sim_run_command() {
  return {"sim run", "Runs seeds of a scenario and judges them; exit status 1 when one fails",
          [](CLI::App& app) -> kernel::CommandBody {
            auto options = std::make_shared<Options>();
            app.add_option("--scenario,-s", options->scenario, "Which scenario; `kalda sim list` names them");
            app.add_option("--seeds,-n", options->seeds, "How many seeds")->capture_default_str();
            app.add_option("--first-seed", options->first_seed, "The first of them")->capture_default_str();
            app.add_option("--seed", options->seed, "This one seed only");
            app.add_option("--jobs,-j", options->jobs, "Processes to spread them over")->capture_default_str();
            app.add_option("--plant", options->plant, "A planted bug to run with (builds with KALDA_MUTANTS only)");
            app.add_option("--junit", options->junit, "Also write a JUnit report")->type_name("FILE");
            app.add_option("--format", options->format, "text or json")
                ->check(CLI::IsMember({"text", "json"}))
                ->capture_default_str();
            app.add_flag("--hashes", options->hashes, "List the trace hash of every seed");
            return [options](Fiber& f) { return run(f, *options); };
          }};
}

}  // namespace scenarios
