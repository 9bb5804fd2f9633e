// A broker that starts on a disk without any space left says so, names the directory and ends; nothing is lost by it.
#include <gtest/gtest.h>

#include <optional>

#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using kernel::Errc;
using net::ErrorCode;
using net::Offset;

class FullStart : public ::testing::Test {
 protected:
  sim::DiskFaults& disk() { return world_.broker_machine.disk().faults(); }

  /// How a start ends that is not to come to anything, and whom it blames.
  void expect_no_start() {
    std::optional<kernel::Result<>> outcome;
    std::string about;
    world_.world.boot(world_.broker_machine, 3, [&](Fiber& f) {
      outcome = Broker::run(f, world_.config, [](const Started&) { ADD_FAILURE() << "it serves"; }, &about);
    });
    world_.world.run_until([&] { return outcome.has_value(); }, 60s);
    ASSERT_TRUE(outcome.has_value());
    ASSERT_FALSE(outcome->has_value());
    EXPECT_TRUE(outcome->error().is(Errc::disk_full)) << kernel::describe(outcome->error());
    EXPECT_EQ(about, "/data");
    world_.world.kill(world_.broker_machine, sim::CrashKind::process_kill);
  }

  BrokerWorld world_{{.shards = 3}};
};

TEST_F(FullStart, on_a_fresh_disk_names_the_directory) {
  disk().full = true;
  expect_no_start();
}

TEST_F(FullStart, with_data_names_the_directory_and_the_next_one_has_it_all) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(create_topic(f, client, "orders", 3), ErrorCode::none);
    for (int n = 0; n < 6; ++n) EXPECT_EQ(produce(f, client, "orders", one_record("kept"), 9, n % 3).error, ErrorCode::none);
  });
  world_.kill();
  disk().full = true;
  for (int n = 0; n < 3; ++n) expect_no_start();
  disk().full = false;
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    for (std::int32_t p = 0; p < 3; ++p) {
      Produced next = produce(f, client, "orders", one_record("new"), 9, p);
      EXPECT_EQ(next.offset, Offset{2}) << next.message;
    }
  });
}

/// Wherever in the start the space ends.
TEST(FreshDisk, with_room_for_a_part_of_the_start_names_the_directory_or_serves) {
  constexpr std::uint64_t kPageBytes = 4096;
  int refused = 0, served = 0;
  for (std::uint64_t pages = 0; served < 3 && pages < 200; ++pages) {
    BrokerWorld small{{.seed = pages, .shards = 2}};
    small.broker_machine.disk().faults().capacity_bytes = pages * kPageBytes;
    std::optional<kernel::Result<>> outcome;
    bool serves = false;
    std::string about;
    small.world.boot(small.broker_machine, 2, [&](Fiber& f) {
      outcome = Broker::run(f, small.config, [&](const Started&) { serves = true; }, &about);
    });
    small.world.run_until([&] { return outcome.has_value() || serves; }, 60s);
    if (serves) {
      ++served;
      continue;
    }
    ++refused;
    ASSERT_TRUE(outcome.has_value() && !outcome->has_value()) << pages << " pages";
    EXPECT_TRUE(outcome->error().is(Errc::disk_full)) << pages << " pages: " << kernel::describe(outcome->error());
    EXPECT_EQ(about, "/data") << pages << " pages";
    small.world.kill(small.broker_machine, sim::CrashKind::process_kill);
    // The next start, with space, makes good whatever that one left.
    small.broker_machine.disk().faults().capacity_bytes = 1 << 30;
    small.errors_expected = small.world.error_lines();
    small.run([&](Fiber& f) {
      RawClient client = small.connect(f);
      EXPECT_EQ(create_topic(f, client, "orders"), ErrorCode::none) << pages << " pages";
      EXPECT_EQ(produce(f, client, "orders", one_record("x")).offset, Offset{0}) << pages << " pages";
    });
  }
  EXPECT_GE(refused, 5);
  EXPECT_GE(served, 3);
}

}  // namespace
}  // namespace broker::testing
