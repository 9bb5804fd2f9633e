// The hunt for planted bugs: each is run with seed after seed until a rule breaks. Says whether the judges still see
// what they exist for. The outcome depends on revision and first seed alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/mutants.h"
#include "scenarios/run.h"

namespace scenarios {

struct HuntOptions {
  std::vector<Mutant> mutants;
  std::uint64_t first_seed = 1;
  std::uint32_t jobs = 1;
  /// Asked a few times a second; true ends the hunt with what is decided by then. Empty: never.
  std::function<bool()> stop_requested;
};

struct Quarry {
  Mutant mutant;
  bool decided = false;  ///< found, or looked for in all its seeds; false after an interruption only
  bool found = false;
  std::uint64_t seed = 0;  ///< that found it, or the last one tried
  std::string rule;        ///< "crash" when the simulated node took the process down
  std::string what;
};

/// `on_decided` is called as each is decided; the result is in the order of `mutants`.
std::vector<Quarry> hunt(const HuntOptions& options, const std::function<void(const Quarry&)>& on_decided);

}  // namespace scenarios
