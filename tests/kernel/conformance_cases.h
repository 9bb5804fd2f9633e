// The runtime's contract as claims that hold in both worlds. Each case runs as the main fiber of a node with several
// shards; conformance_test.cc runs all of them on the simulator and on the production backend.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "kernel/fiber.h"

namespace kernel::conformance {

/// What a case is given: an empty directory of its own, an address to listen on, what asks the node to stop as
/// Ctrl-C does, and what makes the disk hang.
struct Ground {
  std::string directory;
  std::string address;
  std::function<void()> request_stop;
  std::function<void(bool)> hold_disk;  ///< while it is held, no operation of the disk completes
};

struct Case {
  std::string_view name;
  void (*run)(Fiber& f, const Ground& ground);
};

std::span<const Case> time_cases();
std::span<const Case> disk_cases();
std::span<const Case> network_cases();
std::span<const Case> shard_cases();

}  // namespace kernel::conformance
