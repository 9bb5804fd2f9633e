#include <gtest/gtest.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "tests/kernel/conformance_cases.h"

namespace kernel::conformance {
namespace {

using namespace std::chrono_literals;

void a_call_runs_on_its_shard_and_answers(Fiber& f, const Ground&) {
  for (Shard* shard : f.node().shards()) {
    const std::uint32_t there = call_on(f, *shard, [](Fiber& g) { return g.shard().id(); });
    EXPECT_EQ(there, shard->id());
    EXPECT_EQ(f.shard().id(), 0u);
  }
}

void calls_both_ways_at_once_do_not_lock_each_other(Fiber& f, const Ground&) {
  Scope scope{f};
  Shard& home = f.shard();
  Shard& away = *f.node().shards().back();
  int done = 0;
  for (int i = 0; i < 500; ++i) {
    scope.spawn("caller", [&](Fiber& child) {
      const int back = call_on(child, away, [&](Fiber& there) {
        return call_on(there, home, [](Fiber& here) { return here.yield() ? 1 : 0; });
      });
      done += back;
    });
  }
  ASSERT_TRUE(scope.join(f));
  EXPECT_EQ(done, 500);
}

void calls_of_one_fiber_arrive_in_order(Fiber& f, const Ground&) {
  Shard& away = *f.node().shards().back();
  std::vector<int> seen;
  Scope scope{f};
  for (int i = 0; i < 100; ++i) {
    scope.spawn("caller", [&, i](Fiber& child) {
      static_cast<void>(call_on(child, away, [&, i](Fiber&) {
        seen.push_back(i);  // touched on `away` only while the callers wait
        return 0;
      }));
    });
  }
  ASSERT_TRUE(scope.join(f));
  EXPECT_EQ(seen.size(), 100u);
}

void a_deadline_travels_with_a_call(Fiber& f, const Ground&) {
  const auto within = f.deadline_in(20ms);
  const Result<> slept = call_on(f, *f.node().shards().back(), [](Fiber& g) { return g.sleep(1h); });
  ASSERT_FALSE(slept);
  EXPECT_TRUE(slept.error().is(Errc::deadline));
}

void a_cancellation_travels_with_a_call(Fiber& f, const Ground&) {
  Scope scope{f};
  bool cancelled = false;
  scope.spawn("caller", [&](Fiber& child) {
    const Result<> slept = call_on(child, *child.node().shards().back(), [](Fiber& g) { return g.sleep(1h); });
    cancelled = !slept && slept.error().is(Errc::cancelled);
  });
  ASSERT_TRUE(f.sleep(10ms));
  scope.cancel();
  ASSERT_TRUE(scope.join(f));
  EXPECT_TRUE(cancelled);
}

void buffers_cross_shards_by_reference(Fiber& f, const Ground&) {
  const Buffer bytes = Buffer::copy_of("shared by count");
  const Buffer back = call_on(f, *f.node().shards().back(), [&](Fiber&) { return bytes.slice(7); });
  EXPECT_EQ(as_text(back.view()), "by count");
  EXPECT_EQ(back.data(), bytes.data() + 7);
}

constexpr Case kCases[] = {
    {"a_call_runs_on_its_shard_and_answers", a_call_runs_on_its_shard_and_answers},
    {"calls_both_ways_at_once_do_not_lock_each_other", calls_both_ways_at_once_do_not_lock_each_other},
    {"calls_of_one_fiber_arrive_in_order", calls_of_one_fiber_arrive_in_order},
    {"a_deadline_travels_with_a_call", a_deadline_travels_with_a_call},
    {"a_cancellation_travels_with_a_call", a_cancellation_travels_with_a_call},
    {"buffers_cross_shards_by_reference", buffers_cross_shards_by_reference},
};

}  // namespace
std::span<const Case> shard_cases() { return kCases; }
}  // namespace kernel::conformance
