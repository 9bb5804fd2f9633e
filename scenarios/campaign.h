// Many seeds of one scenario over several processes, and what came of them.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scenarios/run.h"

namespace scenarios {

struct CampaignOptions {
  const Scenario* scenario = nullptr;
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 100;
  std::uint32_t jobs = 1;
  std::string planted_bug;
  /// Asked a few times a second; true ends the campaign with what is known by then. Empty: never.
  std::function<bool()> stop_requested;
};

struct SeedFailure {
  std::uint64_t seed = 0;
  std::string rule;
  std::string what;
};

struct Campaign {
  std::set<std::uint64_t> done;  ///< seeds that came to their end, well or not
  bool interrupted = false;      ///< it was asked to stop before all were done
  std::uint64_t events = 0;
  std::int64_t virtual_ns = 0;
  double real_seconds = 0;
  std::vector<SeedFailure> failures;  ///< the first violation of each failing seed, by seed
  std::map<std::string, std::uint64_t> marks;
  std::map<std::string, std::uint64_t> judged;
  std::map<std::uint64_t, std::uint64_t> hashes;  ///< by seed
};

/// `progress` is called a few times a second with what is known so far.
Campaign run_campaign(const CampaignOptions& options, const std::function<void(const Campaign&)>& progress);

/// Campaigns of so many seeds must have given every judge of their scenario something to judge.
inline constexpr std::uint64_t kSeedsForAll = 300;
/// The judges of the scenario that proved nothing, as nothing ever came before them.
std::vector<std::string_view> idle_judges(const Campaign& campaign, const Scenario& scenario);

/// The lowest seed from `first_seed` on that is not done: where an interrupted campaign goes on.
std::uint64_t first_left(const Campaign& campaign, std::uint64_t first_seed);

/// The command line that replays a seed.
std::string replay_line(const Scenario& scenario, std::uint64_t seed, std::string_view planted_bug);
/// Identifies the code whose runs these are: a seed means something only with its revision.
std::string_view revision();

}  // namespace scenarios
