// A partition's log in the simulator: what goes in comes out, in order, whatever rolls, restarts or fills the disk.
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;

TEST(LogTest, what_is_appended_is_read_with_offsets_and_epoch_stamped) {
  run([](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    auto log = Log::open(f, *ground.shard, kOrders, {});
    ASSERT_OK(log);
    for (int i = 0; i < 5; ++i) {
      const auto done = (*log)->append(f, make_batch("a", {.records = 3}), {.leader_epoch = net::LeaderEpoch{4}});
      ASSERT_OK(done);
      EXPECT_EQ(done->base_offset, Offset{3 * i});
      ASSERT_OK((*log)->wait_committed(f, *done));
    }
    EXPECT_EQ((*log)->committed(), Offset{15});
    const auto slice = (*log)->read(f, Offset{4}, {});
    ASSERT_OK(slice);
    net::record::BatchReader reader{slice->bytes.view()};
    const auto first = reader.next();
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->header.base_offset, Offset{3});
    EXPECT_EQ((*first)->header.leader_epoch, net::LeaderEpoch{4});
    EXPECT_EQ((*log)->epochs().latest(), (EpochStart{net::LeaderEpoch{4}, Offset{0}}));
    EXPECT_TRUE((*log)->read(f, Offset{16}, {}).error().is(LogReason::offset_out_of_range));
    EXPECT_EQ((*log)->read(f, Offset{15}, {})->size, 0u);
    ASSERT_OK((*log)->close(f));
    ASSERT_OK(ground.close(f));
  });
}

LogConfig small_segments() { return {.segment_bytes = 4000, .index_interval_bytes = 300}; }

/// A hundred batches over several segments, all synced; answers them as bytes.
std::string fill(Fiber& f, Log& log) {
  for (int i = 0; i < 100; ++i) {
    const auto done = log.append(f, make_batch(fmt::format("b{}", i), {.records = 1 + i % 3, .value_bytes = 80}), {});
    EXPECT_OK(done);
    if (i % 7 == 0) EXPECT_OK(log.wait_committed(f, *done));
  }
  EXPECT_OK(log.sync(f));
  EXPECT_GT(log.segments().size(), 4u);
  return read_everything(f, log, Offset{0}, log.committed()).value();
}

TEST(LogTest, a_restarted_log_has_the_same_batches_whether_stopped_cleanly_or_crashed) {
  for (const char* how : {"clean", "killed", "power"}) {
    SCOPED_TRACE(how);
    const bool clean = std::string_view{how} == "clean";
    kernel::StackPool stacks;
    sim::World world{{.seed = 3}, stacks};
    sim::Machine& machine = world.add_machine("m");
    std::string before;
    run_and_crash(world, machine, std::string_view{how} == "power" ? sim::CrashKind::power_loss : sim::CrashKind::process_kill,
                  [&](Fiber& f, Ground& ground) {
                    ASSERT_OK(ground.open(f));
                    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, small_segments()));
                    before = fill(f, *ground.log);
                    if (!clean) return;
                    ASSERT_OK(ground.log->close(f));
                    ground.log.reset();
                    ASSERT_OK(ground.close(f));
                  });
    run_on(world, machine, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      EXPECT_EQ(ground.directory->was_clean(), clean);
      const auto found = ground.directory->partitions(f);
      ASSERT_OK(found);
      ASSERT_EQ(found->size(), 1u);
      auto again = Log::open(f, *ground.shard, found->front(), small_segments());
      ASSERT_OK(again);
      EXPECT_EQ(*read_everything(f, **again, Offset{0}, (*again)->committed(), 500), before);
      ASSERT_OK((*again)->append(f, make_batch("more"), {}));
      ASSERT_OK((*again)->close(f));
      ASSERT_OK(ground.close(f));
    });
  }
}

}  // namespace
}  // namespace broker::log
