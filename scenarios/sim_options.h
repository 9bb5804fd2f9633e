// Options that the `sim` subcommands share, checked as they are parsed: what makes no sense is named there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernel/command_line.h"
#include "scenarios/run.h"

namespace scenarios {

inline constexpr std::uint64_t kSeedMax = UINT64_MAX;
inline constexpr std::uint32_t kJobsMax = 1024;

/// `--scenario`, by name; the default is the first there is.
void add_scenario_option(kernel::CommandLine line, std::string& name);
/// `--jobs`; the default is one for each processor.
void add_jobs_option(kernel::CommandLine line, std::uint32_t& jobs, const std::string& what);
/// Why `count` seeds from `first` on are not to be had.
std::optional<std::string> why_too_many(std::uint64_t first, std::uint64_t count);

}  // namespace scenarios
