#include "scenarios/hunt.h"

#include <nlohmann/json.hpp>

#include "kernel/posix/jobs.h"

namespace scenarios {
namespace {

using nlohmann::json;

class Hunters final : public kernel::posix::JobObserver {
 public:
  Hunters(const HuntOptions& options, const std::function<void(const Quarry&)>& on_decided)
      : options_{options}, on_decided_{on_decided} {
    for (const Mutant& mutant : options.mutants) quarries.push_back({.mutant = mutant, .rule = {}, .what = {}});
  }
  void line(std::uint64_t index, std::string_view text) override {
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_discarded()) return;
    Quarry& quarry = quarries.at(index);
    quarry.seed = line["seed"].get<std::uint64_t>();
    if (!line.contains("end")) return;
    quarry.decided = true;
    if (line.contains("rule")) {
      quarry.found = true;
      quarry.rule = line["rule"].get<std::string>();
      quarry.what = line["what"].get<std::string>();
    }
    on_decided_(quarry);
  }
  void crashed(std::uint64_t index, int, std::string_view last_words) override {
    Quarry& quarry = quarries.at(index);
    quarry.decided = quarry.found = true;
    quarry.rule = "crash";
    quarry.what = last_words.substr(0, last_words.find('\n'));
    on_decided_(quarry);
  }
  bool tick() override { return !(options_.stop_requested && options_.stop_requested()); }
  std::vector<Quarry> quarries;

 private:
  const HuntOptions& options_;
  const std::function<void(const Quarry&)>& on_decided_;
};

}  // namespace

std::vector<Quarry> hunt(const HuntOptions& options, const std::function<void(const Quarry&)>& on_decided) {
  Hunters hunters{options, on_decided};
  kernel::StackPool stacks;  // each child has a copy of its own
  const kernel::posix::JobTask task = [&](std::uint64_t index, const std::function<void(std::string_view)>& report) {
    const Mutant& mutant = options.mutants[index];
    std::uint64_t seed = options.first_seed;
    for (std::uint64_t tried = 0; tried < mutant.seeds_max; ++tried, ++seed) {
      report(json{{"seed", seed}}.dump());  // before the run: it may take the process down
      const Outcome outcome =
          execute(*find_scenario(mutant.scenario), {.seed = seed, .planted_bug = std::string{mutant.name}}, stacks);
      if (outcome.violations.empty()) continue;
      const Violation& first = outcome.violations.front();
      return report(json{{"seed", seed}, {"end", true}, {"rule", first.rule}, {"what", first.what}}.dump(
          -1, ' ', false, json::error_handler_t::replace));
    }
    report(json{{"seed", seed - 1}, {"end", true}}.dump());
  };
  kernel::posix::run_jobs({.count = options.mutants.size(), .processes = options.jobs}, task, hunters);
  return std::move(hunters.quarries);
}

}  // namespace scenarios
