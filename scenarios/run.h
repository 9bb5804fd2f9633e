// One run of a scenario: a world, what its workload observed, and the rules that were found broken.
//
//   SCENARIO body:  void broker_survives(Run& run) {
//     sim::Machine& broker = run.world().add_machine("broker");
//     …
//     run.violation("D1", "an acknowledged record is gone: …");
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world.h"

namespace scenarios {

/// A rule that did not hold. Rules are named as in scenarios/README.md (D1, L1, …).
struct Violation {
  std::string rule;
  std::string what;
  std::int64_t time_ns = 0;
  std::uint64_t event = 0;
};

class Run;

struct Scenario {
  std::string_view name;
  std::string_view summary;
  void (*body)(Run& run);
  std::span<const std::string_view> judges;  ///< the rules that it is there for, in the order of their names
};

/// Everything about a run that can be said without repeating it.
struct Outcome {
  std::uint64_t seed = 0;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::int64_t virtual_ns = 0;
  std::vector<Violation> violations;
  std::map<std::string, std::uint64_t, std::less<>> marks;
  /// How often each oracle really had something to judge; a zero in a campaign means that it proved nothing.
  std::map<std::string, std::uint64_t, std::less<>> judged;
  std::vector<std::uint64_t> checkpoints;
};

struct RunOptions {
  std::uint64_t seed = 1;
  std::string planted_bug;
  /// Stops after this event; 0 runs to the end.
  std::uint64_t until_event = 0;
  std::function<void(const sim::LogLine&)> on_log;
  std::function<void(const sim::Event&)> on_event;
};

class Run {
 public:
  Run(const RunOptions& options, kernel::StackPool& stacks);
  [[nodiscard]] sim::World& world() { return world_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  /// Draws for the scenario itself, by purpose.
  [[nodiscard]] kernel::Random random(std::string_view purpose) {
    return world_.random(kernel::Domain::settings, 0).split(purpose);
  }
  void violation(std::string_view rule, std::string what);
  void judged(std::string_view rule, std::uint64_t times = 1) { judged_[std::string{rule}] += times; }
  [[nodiscard]] bool failed() const { return !violations_.empty(); }
  /// Log errors that are part of the story (a disk that was told to fail); others break the rule "log".
  void expect_errors(std::function<bool(const sim::LogLine&)> expected) { expected_error_ = std::move(expected); }

  /// Runs the world until `done`, an unexpected stop, or `limit` of virtual time. True if done.
  bool until(const std::function<bool()>& done, kernel::Duration limit);

  Outcome finish();
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  void judge_errors();
  std::uint64_t seed_;
  std::uint64_t until_event_;
  bool stopped_ = false;
  sim::World world_;
  std::vector<Violation> violations_;
  std::map<std::string, std::uint64_t, std::less<>> judged_;
  std::function<bool(const sim::LogLine&)> expected_error_;
  std::size_t errors_judged_ = 0;
};

/// Runs one seed of a scenario from beginning to end.
Outcome execute(const Scenario& scenario, const RunOptions& options, kernel::StackPool& stacks);

/// All there are; the first is the default.
std::span<const Scenario> all_scenarios();
const Scenario* find_scenario(std::string_view name);

}  // namespace scenarios
