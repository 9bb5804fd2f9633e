#include "scenarios/run.h"

#include <algorithm>

#include <fmt/format.h>

namespace scenarios {
namespace {

/// A run that does this much is caught in a loop.
constexpr std::uint64_t kEventsMax = 30'000'000;

sim::WorldOptions draw_world(const RunOptions& options) {
  kernel::Random random{options.seed, kernel::Domain::settings, 1};
  sim::WorldOptions world;
  world.seed = options.seed;
  world.policy = static_cast<sim::PolicyKind>(random.below(4));
  world.nudges = random.below(2) == 0;
  world.slice = kernel::Duration{random.between(100, 5'000)};
  world.message_delay_max = kernel::Duration{random.between(1'000, 2'000'000)};
  world.wall_offset_max = std::chrono::seconds{300};
  world.drift_ppm_max = 200;
  world.planted_bug = options.planted_bug;
  return world;
}

}  // namespace

Run::Run(const RunOptions& options, kernel::StackPool& stacks)
    : seed_{options.seed}, until_event_{options.until_event}, world_{draw_world(options), stacks} {
  if (options.on_log) world_.watch_logs(options.on_log);
  if (!options.on_event) return;
  // A step may be several events, and the last step may go past the one to stop at.
  world_.trace().watch([told = options.on_event, last = until_event_](const sim::Event& event) {
    if (last == 0 || event.number <= last) told(event);
  });
}

void Run::violation(std::string_view rule, std::string what) {
  constexpr std::size_t kViolationsMax = 20;
  if (violations_.size() >= kViolationsMax) return;
  violations_.push_back({std::string{rule}, std::move(what), kernel::ns_of(world_.now()), world_.trace().events()});
}

bool Run::until(const std::function<bool()>& done, kernel::Duration limit) {
  if (stopped_) return false;
  bool reached = false;
  world_.run_until(
      [&] {
        if (until_event_ != 0 && world_.trace().events() >= until_event_) return stopped_ = true;
        if (world_.trace().events() > kEventsMax) {
          violation("runaway", fmt::format("more than {} events without an end", kEventsMax));
          return stopped_ = true;
        }
        judge_errors();
        return reached = done();
      },
      limit);
  return reached;
}

void Run::judge_errors() {
  for (; errors_judged_ < world_.errors().size(); ++errors_judged_) {
    const sim::LogLine& line = world_.errors()[errors_judged_];
    judged("log");
    if (expected_error_ && expected_error_(line)) continue;
    violation("log", fmt::format("{}: unexpected error: {}", line.node, line.text));
  }
}

Outcome Run::finish() {
  judge_errors();
  // What taking the world down does is no part of the run.
  world_.trace().watch({});
  world_.watch_logs({});
  Outcome outcome;
  outcome.seed = seed_;
  outcome.trace_hash = world_.trace().hash();
  outcome.events = world_.trace().events();
  outcome.virtual_ns = kernel::ns_of(world_.now());
  outcome.violations = violations_;
  outcome.marks = world_.marks();
  outcome.judged = judged_;
  outcome.checkpoints = world_.trace().checkpoints();
  return outcome;
}

Outcome execute(const Scenario& scenario, const RunOptions& options, kernel::StackPool& stacks) {
  Run run{options, stacks};
  scenario.body(run);
  return run.finish();
}

const Scenario* find_scenario(std::string_view name) {
  const auto all = all_scenarios();
  const auto at = std::ranges::find(all, name, &Scenario::name);
  return at == all.end() ? nullptr : &*at;
}

}  // namespace scenarios
