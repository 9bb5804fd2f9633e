// The planted bugs: what BUG() (kernel/bug.h) knows by name. The build preset `mutants` compiles them in; a run plants
// at most one. How many seeds each needs stands in MUTANTS.md, as `kalda sim mutants` prints it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace scenarios {

struct Mutant {
  std::string_view name;
  std::string_view breaks;         ///< what goes wrong, for people
  std::uint64_t seeds_max;         ///< it is found within so many, from seed 1 on; 0: no scenario sees it yet
  std::string_view scenario = "broker-survives";
};

[[nodiscard]] std::span<const Mutant> all_mutants();

/// Whether this build has them at all.
#ifdef KALDA_MUTANTS
inline constexpr bool kMutantsBuild = true;
#else
inline constexpr bool kMutantsBuild = false;
#endif

/// Why a run cannot plant `name`, for people; nothing when it can, or when `name` is empty.
[[nodiscard]] std::optional<std::string> why_not_planted(std::string_view name);

}  // namespace scenarios
