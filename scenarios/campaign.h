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
  /// Ends the campaign at the first failing seed (what hunts for planted bugs want).
  bool stop_at_failure = false;
};

struct SeedFailure {
  std::uint64_t seed = 0;
  std::string rule;
  std::string what;
};

struct Campaign {
  std::uint64_t seeds = 0;
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

/// The command line that replays a seed.
std::string replay_line(const Scenario& scenario, std::uint64_t seed, std::string_view planted_bug);
/// Identifies the code whose runs these are: a seed means something only with its revision.
std::string_view revision();

}  // namespace scenarios
