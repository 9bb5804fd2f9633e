// Runs the contract of the runtime against the simulator (several seeds and policies) and the production backend.
#include <gtest/gtest.h>

#include <filesystem>

#include "kernel/node.h"
#include "kernel/posix/runtime.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "tests/kernel/conformance_cases.h"
#include "tests/kernel/posix/held_calls.h"

namespace kernel::conformance {
namespace {

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto cases : {time_cases(), disk_cases(), network_cases(), shard_cases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

class Conformance : public testing::TestWithParam<Case> {};

TEST_P(Conformance, in_simulation) {
  using namespace std::chrono_literals;
  for (const auto policy : {sim::PolicyKind::fifo, sim::PolicyKind::uniform, sim::PolicyKind::priority_change,
                            sim::PolicyKind::starve_one}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      StackPool stacks;
      sim::World world{{.seed = seed, .policy = policy, .nudges = true}, stacks};
      sim::Machine& machine = world.add_machine("m1");
      machine.disk().faults().short_io_ppm = 200'000;
      bool ended = false;
      world.boot(machine, 1 + static_cast<std::uint32_t>(seed % 3), [&](Fiber& f) {
        ASSERT_TRUE(f.node().disk().make_directory(f, "/ground"));
        GetParam().run(f, {"/ground", machine.address(), [&] { machine.process()->request_stop(); }, [&](bool held) {
          if (held) machine.disk().faults().hung = true;
          else machine.disk().unhang(0);
        }});
        ended = true;
      });
      world.run_until([&] { return ended; }, 300s);
      EXPECT_TRUE(ended) << "seed " << seed << " did not end";
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST_P(Conformance, in_production) {
  namespace fs = std::filesystem;
  for (const std::uint32_t shards : {1u, 2u, 3u}) {
    const fs::path ground = fs::temp_directory_path() / fmt::format("kalda-conformance-{}-{}", ::getpid(), shards);
    fs::remove_all(ground);
    fs::create_directory(ground);
    posix::Runtime runtime{{.name = "conformance", .shards = shards, .handle_signals = false}};
    runtime.run([&](Fiber& f) {
      GetParam().run(f, {ground.string(), "127.0.0.1", [&] { runtime.request_stop(); }, posix::hold_calls});
      return 0;
    });
    fs::remove_all(ground);
    EXPECT_FALSE(posix::is_stuck()) << "a call that waits for the disk was made by a shard's own thread";
  }
}

INSTANTIATE_TEST_SUITE_P(Contract, Conformance, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace kernel::conformance
