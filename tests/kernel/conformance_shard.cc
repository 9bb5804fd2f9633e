#include <gtest/gtest.h>

#include "kernel/node.h"
#include "kernel/notify.h"
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

/// Notes its number where it is delivered, and tells somebody at home when it is the last.
struct Numbered final : Message {
  struct Back final : Message {
    explicit Back(Notify& notify) : notify{notify} {}
    void deliver(Shard&) override {
      is_back = true;
      notify.notify_all();
    }
    Notify& notify;
    bool is_back = false;
  };
  Numbered(int number, std::vector<int>& seen) : number{number}, seen{seen} {}
  void deliver(Shard&) override {
    seen.push_back(number);
    if (last != nullptr) home->post(*last);
  }
  int number;
  std::vector<int>& seen;  // touched where it is delivered, read once `last` is back
  Back* last = nullptr;
  Shard* home = nullptr;
};

void messages_of_one_sender_arrive_in_order(Fiber& f, const Ground&) {
  constexpr int kMessages = 300;
  // Every shard sends to the last one at once, now in bursts, now one by one.
  Shard& away = *f.node().shards().back();
  Scope scope{f};
  for (Shard* from : f.node().shards()) {
    scope.spawn("sender", [&away, from](Fiber& child) {
      call_on(child, *from, [&away](Fiber& there) {
        std::vector<int> seen, sent;
        std::vector<std::unique_ptr<Numbered>> messages;
        Notify arrived;
        Numbered::Back back{arrived};
        for (int i = 0; i < kMessages; ++i) {
          messages.push_back(std::make_unique<Numbered>(i, seen));
          sent.push_back(i);
        }
        messages.back()->last = &back;
        messages.back()->home = &there.shard();
        for (int i = 0; i < kMessages; ++i) {
          away.post(*messages[static_cast<std::size_t>(i)]);
          if (i % 7 == 0) static_cast<void>(there.yield());
        }
        while (!back.is_back && arrived.wait(there)) {
        }
        EXPECT_EQ(seen, sent);
        return true;
      });
    });
  }
  ASSERT_TRUE(scope.join(f));
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

void a_stop_request_wakes_all_who_wait_for_it(Fiber& f, const Ground& ground) {
  Node& node = f.node();
  EXPECT_FALSE(node.stop_requested());
  {
    const auto within = f.deadline_in(5ms);
    EXPECT_TRUE(node.wait_for_stop(f).error().is(Errc::deadline));
  }
  Scope impatient{f}, waiting{f};
  bool cancelled = false;
  impatient.spawn("impatient", [&](Fiber& child) {
    const Result<> waited = node.wait_for_stop(child);
    cancelled = !waited && waited.error().is(Errc::cancelled);
  });
  std::size_t heard = 0;
  for (Shard* shard : node.shards()) {
    for (int i = 0; i < 3; ++i) {
      waiting.spawn("waits", [&, shard](Fiber& child) {
        if (call_on(child, *shard, [&](Fiber& there) { return node.wait_for_stop(there).has_value() && node.stop_requested(); })) ++heard;
      });
    }
  }
  ASSERT_TRUE(f.sleep(10ms));
  impatient.cancel();
  ASSERT_TRUE(impatient.join(f));
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(heard, 0u) << "nobody had asked for a stop";
  ground.request_stop();
  ground.request_stop();
  ASSERT_TRUE(waiting.join(f));
  EXPECT_EQ(heard, 3 * node.shards().size());
  EXPECT_TRUE(node.wait_for_stop(f)) << "who comes late hears of it too";
  EXPECT_TRUE(f.sleep(1ms)) << "a request to stop cancels nothing";
}

constexpr Case kShardCases[] = {
    {"a_call_runs_on_its_shard_and_answers", a_call_runs_on_its_shard_and_answers},
    {"calls_both_ways_at_once_do_not_lock_each_other", calls_both_ways_at_once_do_not_lock_each_other},
    {"messages_of_one_sender_arrive_in_order", messages_of_one_sender_arrive_in_order},
    {"a_deadline_travels_with_a_call", a_deadline_travels_with_a_call},
    {"a_cancellation_travels_with_a_call", a_cancellation_travels_with_a_call},
    {"buffers_cross_shards_by_reference", buffers_cross_shards_by_reference},
    {"a_stop_request_wakes_all_who_wait_for_it", a_stop_request_wakes_all_who_wait_for_it},
};

}  // namespace
std::span<const Case> shard_cases() { return kShardCases; }
}  // namespace kernel::conformance
