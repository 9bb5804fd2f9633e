// Looking into batches for a timestamp: what a client packed is unpacked by a worker, in pieces, and answers even where it
// holds more than anybody may ask for.
#include "tests/broker/log/log_harness.h"

namespace broker::log::testing {
namespace {

constexpr std::int64_t kFirstMs = 5000;

/// Searches a log of one batch; how often a worker did it.
std::uint64_t searched(const Buffer& batch, const std::function<void(Fiber&, Log&)>& search) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 3}, stacks};
  run_on(world, world.add_machine("m"), [&](Fiber& f) {
    Ground ground{f};
    ASSERT_TRUE(ground.open(f));
    auto log = Log::open(f, *ground.shard, kOrders, {});
    ASSERT_TRUE(log);
    ASSERT_TRUE((*log)->append(f, batch, {}));
    search(f, **log);
    ASSERT_TRUE((*log)->close(f));
    log->reset();
    ASSERT_TRUE(ground.close(f));
  });
  const auto at = world.marks().find("broker.log.batch_searched_by_worker");
  return at == world.marks().end() ? 0 : at->second;
}

void finds_each_of_a_hundred(Fiber& f, Log& log) {
  for (const std::int64_t i : {0, 1, 50, 99}) {
    const auto found = log.find_by_timestamp(f, kFirstMs + i, Offset{100});
    ASSERT_TRUE(found.has_value() && found->has_value()) << i;
    EXPECT_EQ((*found)->offset, Offset{i});
  }
  EXPECT_EQ(log.max_timestamp(f, Offset{100}).value()->offset, Offset{99});
}

TEST(TimeSearch, OfASmallPlainBatchIsDoneAtOnce) {
  EXPECT_EQ(searched(make_batch("a", {.records = 100, .timestamp_ms = kFirstMs}), finds_each_of_a_hundred), 0u);
}

TEST(TimeSearch, OfALargeOrPackedBatchIsDoneByAWorker) {
  EXPECT_EQ(searched(make_batch("a", {.records = 100, .value_bytes = 4000, .timestamp_ms = kFirstMs}), finds_each_of_a_hundred), 5u);
  for (const auto codec : {net::record::Codec::gzip, net::record::Codec::snappy, net::record::Codec::lz4, net::record::Codec::zstd})
    EXPECT_EQ(searched(make_batch("a", {.records = 100, .timestamp_ms = kFirstMs, .codec = codec}), finds_each_of_a_hundred), 5u);
}

/// Nothing is wrong with it: who asks for a time is led to its begin rather than refused.
TEST(TimeSearch, OfABombAnswersByItsHeader) {
  const Buffer bomb = make_batch("a", {.records = 3, .value_bytes = 100u << 20, .timestamp_ms = kFirstMs, .codec = net::record::Codec::zstd});
  ASSERT_LT(bomb.size(), 1'000'000u);
  EXPECT_EQ(searched(bomb, [](Fiber& f, Log& log) {
    const auto found = log.find_by_timestamp(f, kFirstMs + 1, Offset{3});
    ASSERT_TRUE(found.has_value() && found->has_value());
    EXPECT_EQ((*found)->offset, Offset{0});
    EXPECT_EQ((*found)->timestamp_ms, kFirstMs + 2);
    EXPECT_FALSE(log.find_by_timestamp(f, kFirstMs + 3, Offset{3}).value()) << "nothing in it is as young";
  }), 1u);
}

}  // namespace
}  // namespace broker::log::testing
