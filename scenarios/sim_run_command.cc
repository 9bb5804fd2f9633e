// `kalda sim run`: many seeds, progress, a summary, and for each failure the line that replays it.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernel/node.h"
#include "kernel/posix/jobs.h"
#include "scenarios/campaign.h"
#include "scenarios/marks.h"
#include "scenarios/mutants.h"
#include "scenarios/sim_commands.h"
#include "scenarios/sim_options.h"

namespace scenarios {
namespace {

using kernel::Fiber;

struct SeedsOptions {
  std::string scenario;
  std::uint64_t seeds = 100;
  std::uint64_t first_seed = 1;
  std::optional<std::uint64_t> seed;
  std::uint32_t jobs = 1;
  std::string plant;
  std::string junit;
  std::string format = "text";
  bool hashes = false;
};

/// The command line that does what an interrupted campaign left.
std::string go_on_line(const Campaign& campaign, const CampaignOptions& asked) {
  const std::uint64_t next = first_left(campaign, asked.first_seed);
  std::string line = fmt::format("kalda sim run --scenario {} --first-seed {} --seeds {}", asked.scenario->name, next,
                                 asked.seeds - (next - asked.first_seed));
  if (!asked.planted_bug.empty()) line += fmt::format(" --plant {}", asked.planted_bug);
  return line;
}

std::string summary(const Campaign& campaign, const CampaignOptions& asked) {
  const double virtual_seconds = static_cast<double>(campaign.virtual_ns) / 1e9;
  const double real_seconds = std::max(campaign.real_seconds, 1e-9);
  const std::size_t done = campaign.done.size();
  std::string text = fmt::format("scenario {} at revision {}\n", asked.scenario->name, revision());
  text += campaign.interrupted ? fmt::format("interrupted: {} of {} seeds from {} on", done, asked.seeds, asked.first_seed)
                               : fmt::format("{} seeds ({}..{})", done, asked.first_seed, asked.first_seed + (asked.seeds - 1));
  text += fmt::format(", {} events, {:.0f} virtual seconds in {:.1f} s: {:.0f}:1, {:.0f} seeds a minute\n", campaign.events,
                      virtual_seconds, campaign.real_seconds, virtual_seconds / real_seconds,
                      60.0 * static_cast<double>(done) / real_seconds);
  text += "judged:";
  for (const auto& [rule, times] : campaign.judged) text += fmt::format(" {}={}", rule, times);
  if (const auto idle = idle_judges(campaign, *asked.scenario); !idle.empty() && !campaign.interrupted) {
    text += fmt::format("\n{}: nothing came before the judges of {}", done >= kSeedsForAll ? "NOTHING IS PROVED" : "too few seeds",
                        fmt::join(idle, " "));
  }
  std::size_t reached = 0;
  std::string missed;
  for (const std::string_view mark : known_marks()) {
    if (campaign.marks.contains(std::string{mark})) ++reached;
    else missed += fmt::format("  not reached: {}\n", mark);
  }
  text += fmt::format("\nmarks: {} of {} reached\n{}", reached, known_marks().size(), campaign.interrupted ? "" : missed);
  if (campaign.failures.empty()) text += campaign.interrupted ? "no failure so far\n" : "no failure\n";
  else text += fmt::format("{} failing seeds:\n", campaign.failures.size());
  for (const SeedFailure& failure : campaign.failures) {
    text += fmt::format("  seed {} {}: {}\n    {}\n", failure.seed, failure.rule, failure.what,
                        replay_line(*asked.scenario, failure.seed, asked.planted_bug));
  }
  if (campaign.interrupted) text += fmt::format("go on with\n    {}\n", go_on_line(campaign, asked));
  return text;
}

std::string summary_json(const Campaign& campaign, const CampaignOptions& asked) {
  nlohmann::json out{{"scenario", asked.scenario->name},  {"revision", revision()},
                     {"first_seed", asked.first_seed},    {"seeds", campaign.done.size()},
                     {"interrupted", campaign.interrupted}, {"events", campaign.events},
                     {"virtual_ns", campaign.virtual_ns}, {"real_seconds", campaign.real_seconds},
                     {"marks", campaign.marks},           {"judged", campaign.judged}};
  if (campaign.interrupted) out["go_on"] = go_on_line(campaign, asked);
  out["idle_judges"] = idle_judges(campaign, *asked.scenario);
  out["failures"] = nlohmann::json::array();
  for (const SeedFailure& failure : campaign.failures) {
    out["failures"].push_back({{"seed", failure.seed},
                               {"rule", failure.rule},
                               {"what", failure.what},
                               {"replay", replay_line(*asked.scenario, failure.seed, asked.planted_bug)}});
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

std::string junit(const Campaign& campaign, const CampaignOptions& asked) {
  std::string text = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"kalda sim {}\" tests=\"{}\" failures=\"{}\" time=\"{:.3f}\">\n",
                                 asked.scenario->name, campaign.done.size(), campaign.failures.size(), campaign.real_seconds);
  std::map<std::uint64_t, const SeedFailure*> failed;
  for (const SeedFailure& failure : campaign.failures) failed[failure.seed] = &failure;
  for (const std::uint64_t seed : campaign.done) {
    const auto failure = failed.find(seed);
    text += fmt::format("  <testcase classname=\"{}\" name=\"seed {}\"", asked.scenario->name, seed);
    if (failure == failed.end()) {
      text += "/>\n";
    } else {
      text += fmt::format("><failure type=\"{}\" message=\"{}\">{}</failure></testcase>\n", failure->second->rule,
                          escape_xml(failure->second->what),
                          escape_xml(replay_line(*asked.scenario, seed, asked.planted_bug)));
    }
  }
  return text + "</testsuite>\n";
}

int complain(Fiber& f, std::string_view what) {
  static_cast<void>(f.node().console().write_error(f, fmt::format("kalda sim run: {}\n", what)));
  return 2;
}

/// What is known so far, four times a second or so, for whoever looks on.
std::function<void(const Campaign&)> progress_line(std::uint64_t seeds, bool live) {
  return [seeds, live, last_shown = 0.0](const Campaign& so_far) mutable {
    if (!live || so_far.real_seconds - last_shown < 0.25) return;
    last_shown = so_far.real_seconds;
    std::fprintf(stderr, "\r%zu of %llu seeds, %zu failing, %.0f s ", so_far.done.size(),
                 static_cast<unsigned long long>(seeds), so_far.failures.size(), so_far.real_seconds);
    std::fflush(stderr);
  };
}

int run(Fiber& f, const SeedsOptions& options) {
  kernel::Console& console = f.node().console();
  if (const auto why_not = why_not_planted(options.plant)) return complain(f, *why_not);
  const CampaignOptions asked{.scenario = find_scenario(options.scenario),
                              .first_seed = options.seed.value_or(options.first_seed),
                              .seeds = options.seed ? 1 : options.seeds,
                              .jobs = options.jobs,
                              .planted_bug = options.plant,
                              .stop_requested = [&f] { return f.node().stop_requested(); }};
  if (const auto too_many = why_too_many(asked.first_seed, asked.seeds)) return complain(f, *too_many);
  const bool live = console.error_is_terminal();
  const Campaign campaign = run_campaign(asked, progress_line(asked.seeds, live));
  if (live) std::fprintf(stderr, "\n");
  std::string text = options.format == "json" ? summary_json(campaign, asked) : summary(campaign, asked);
  if (options.hashes) {
    for (const auto& [seed, hash] : campaign.hashes) text += fmt::format("seed {} trace hash {:016x}\n", seed, hash);
  }
  static_cast<void>(console.write(f, text));
  if (!options.junit.empty()) {
    const std::string xml = junit(campaign, asked);
    if (const auto written = kernel::replace_file(f, f.node().disk(), options.junit, kernel::as_bytes(xml)); !written) {
      return complain(f, fmt::format("cannot write {}: {}; name a file in a directory that is there with --junit", options.junit,
                                     kernel::brief(written.error())));
    }
  }
  if (campaign.interrupted) return 130;  // what a shell says of a command that SIGINT ended
  // A judge that never had anything to judge is as bad as one that finds fault; a few seeds may leave it idle.
  if (campaign.done.size() >= kSeedsForAll && !idle_judges(campaign, *asked.scenario).empty()) return 1;
  return campaign.failures.empty() && campaign.done.size() == asked.seeds ? 0 : 1;
}

}  // namespace

kernel::Command sim_run_command() {
  return {"sim run", "Runs seeds of a scenario and judges them; exit status 1 when one fails or a judge of hundreds stays idle, 130 when interrupted",
          [](kernel::CommandLine line) -> kernel::CommandBody {
            auto options = std::make_shared<SeedsOptions>();
            add_scenario_option(line, options->scenario);
            const kernel::Option seeds = line.option("--seeds,-n", options->seeds, "How many seeds")
                                             .whole_number(1, kSeedMax)
                                             .show_default();
            const kernel::Option first = line.option("--first-seed", options->first_seed, "The first of them")
                                             .whole_number(0, kSeedMax)
                                             .show_default();
            line.option("--seed", options->seed, "This one seed only")
                .whole_number(0, kSeedMax)
                .excludes(seeds)
                .excludes(first);
            add_jobs_option(line, options->jobs, "Processes to spread them over");
            line.option("--plant", options->plant, "A planted bug to run with (builds with KALDA_MUTANTS only)");
            line.option("--junit", options->junit, "Also write a JUnit report").show_type("FILE");
            line.option("--format", options->format, "text or json")
                .one_of({"text", "json"})
                .show_default();
            line.flag("--hashes", options->hashes, "List the trace hash of every seed");
            return [options](Fiber& f) { return run(f, *options); };
          }};
}

}  // namespace scenarios
