#include <gtest/gtest.h>

#include "kernel/node.h"
#include "kernel/notify.h"
#include "kernel/scope.h"
#include "tests/kernel/conformance_cases.h"

namespace kernel::conformance {
namespace {

using namespace std::chrono_literals;

void monotonic_time_passes_while_a_fiber_sleeps(Fiber& f, const Ground&) {
  const Mono before = f.now();
  ASSERT_TRUE(f.sleep(20ms));
  EXPECT_GE(f.now() - before, 20ms);
}

void sleepers_wake_in_the_order_of_their_times(Fiber& f, const Ground&) {
  std::string order;
  Scope scope{f};
  for (const auto& [name, delay] : {std::pair{'c', 60ms}, std::pair{'a', 20ms}, std::pair{'b', 40ms}}) {
    scope.spawn("sleeper", [&order, name = name, delay = delay](Fiber& child) {
      ASSERT_TRUE(child.sleep(delay));
      order += name;
    });
  }
  ASSERT_TRUE(scope.join(f));
  EXPECT_EQ(order, "abc");
}

void a_deadline_in_the_past_ends_a_wait_at_once(Fiber& f, const Ground&) {
  const auto within = f.deadline_in(-1ms);
  Notify never;
  const Result<> waited = never.wait(f);
  ASSERT_FALSE(waited);
  EXPECT_TRUE(waited.error().is(Errc::deadline));
}

void cancel_wakes_a_sleeper(Fiber& f, const Ground&) {
  Scope scope{f};
  bool cancelled = false;
  scope.spawn("sleeper", [&](Fiber& child) {
    const Result<> slept = child.sleep(1h);
    cancelled = !slept && slept.error().is(Errc::cancelled);
  });
  ASSERT_TRUE(f.sleep(5ms));
  scope.cancel();
  ASSERT_TRUE(scope.join(f));
  EXPECT_TRUE(cancelled);
}

void a_shield_keeps_a_deadline_off_until_its_end(Fiber& f, const Ground&) {
  const auto within = f.deadline_in(5ms);
  {
    const auto whole = f.shield();
    EXPECT_TRUE(f.sleep(15ms));
    const auto inner = f.deadline_in(1ms);
    Notify never;
    EXPECT_TRUE(never.wait(f).error().is(Errc::deadline)) << "a deadline that was set within counts";
  }
  EXPECT_TRUE(f.yield().error().is(Errc::deadline));
}

void a_shield_keeps_a_cancellation_off_until_its_end(Fiber& f, const Ground&) {
  Scope scope{f};
  bool slept_on = false, heard_of_it = false, child_slept = false, child_heard = false;
  scope.spawn("shielded", [&](Fiber& child) {
    Scope outer{child};
    outer.spawn("from_before", [&](Fiber& c) { child_heard = !c.sleep(1h); });
    {
      const auto whole = child.shield();
      Scope inner{child};
      inner.spawn("from_within", [&](Fiber& c) { child_slept = c.sleep(15ms).has_value(); });
      slept_on = child.sleep(20ms) && !child.cancelled() && inner.join(child);
    }
    heard_of_it = child.cancelled() && !child.sleep(1h);
    static_cast<void>(outer.join(child));
  });
  ASSERT_TRUE(f.sleep(5ms));
  scope.cancel();
  ASSERT_TRUE(scope.join(f));
  EXPECT_TRUE(slept_on);
  EXPECT_TRUE(child_slept);
  EXPECT_TRUE(heard_of_it);
  EXPECT_TRUE(child_heard);
}

void offloaded_work_answers_its_value_while_others_run(Fiber& f, const Ground&) {
  Scope scope{f};
  bool other_ran = false;
  scope.spawn("other", [&](Fiber&) { other_ran = true; });
  const int answer = offload(f, [] {
    int sum = 0;
    for (int i = 0; i < 1000; ++i) sum += i;
    return sum;
  });
  EXPECT_EQ(answer, 499'500);
  EXPECT_TRUE(other_ran);
  ASSERT_TRUE(scope.join(f));
}

void random_domains_are_apart_and_repeat_for_one_entity(Fiber& f, const Ground&) {
  Random a = f.node().random(Domain::application, 5);
  Random same = f.node().random(Domain::application, 5);
  Random other = f.node().random(Domain::workload, 5);
  const std::uint64_t first = a.u64();
  EXPECT_EQ(first, same.u64());
  EXPECT_NE(first, other.u64());
}

constexpr Case kTimeCases[] = {
    {"monotonic_time_passes_while_a_fiber_sleeps", monotonic_time_passes_while_a_fiber_sleeps},
    {"sleepers_wake_in_the_order_of_their_times", sleepers_wake_in_the_order_of_their_times},
    {"a_deadline_in_the_past_ends_a_wait_at_once", a_deadline_in_the_past_ends_a_wait_at_once},
    {"cancel_wakes_a_sleeper", cancel_wakes_a_sleeper},
    {"a_shield_keeps_a_deadline_off_until_its_end", a_shield_keeps_a_deadline_off_until_its_end},
    {"a_shield_keeps_a_cancellation_off_until_its_end", a_shield_keeps_a_cancellation_off_until_its_end},
    {"offloaded_work_answers_its_value_while_others_run", offloaded_work_answers_its_value_while_others_run},
    {"random_domains_are_apart_and_repeat_for_one_entity", random_domains_are_apart_and_repeat_for_one_entity},
};

}  // namespace
std::span<const Case> time_cases() { return kTimeCases; }
}  // namespace kernel::conformance
