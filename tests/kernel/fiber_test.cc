// The concurrency words, on a bare scheduler with a node that has a hand-moved clock and no other doors.
#include <gtest/gtest.h>

#include "kernel/channel.h"
#include "kernel/future.h"
#include "kernel/mutex.h"
#include "kernel/node.h"
#include "kernel/notify.h"
#include "kernel/scope.h"
#include "kernel/semaphore.h"

namespace kernel {
namespace {

using namespace std::chrono_literals;

class HandClock final : public Clock {
 public:
  Mono now() const override { return now_; }
  Wall wall() const override { return Wall{}; }
  Mono now_{};
};

class NoLog final : public LogSink {
 public:
  bool wants(Level) const override { return false; }
  void write(Level, Wall, std::string_view, std::span<const Field>) override {}
};

class BareNode final : public Node {
 public:
  explicit BareNode(Clock& clock) : Node{"bare"} { open_doors({.clock = &clock, .log_sink = &log_}); }
  Random random(Domain domain, std::uint64_t entity) const override { return Random{1, domain, entity}; }
  bool nudge(std::string_view) override { return false; }
  void mark(std::string_view) override {}
  void offload(Fiber&, WorkRef work) override { work(); }
  bool stop_requested() const override { return false; }
  Result<> wait_for_stop(Fiber&) override { return {}; }
  using Node::add_shard;

 private:
  NoLog log_;
};

class BareShard final : public Shard {
 public:
  using Shard::Shard;
  void post(Message& message) override { mailbox_.push_back(&message); }
  bool deliver_one() {
    if (mailbox_.empty()) return false;
    Message* message = mailbox_.front();
    mailbox_.pop_front();
    message->deliver(*this);
    return true;
  }

 private:
  std::deque<Message*> mailbox_;
};

class FiberTest : public testing::Test {
 protected:
  void run() {
    for (;;) {
      if (scheduler_.run_one() || a_.deliver_one() || b_.deliver_one()) continue;
      const Mono next = scheduler_.timers().next_due();
      if (next == kNever) return;
      clock_.now_ = std::max(clock_.now_, next);
      while (scheduler_.timers().fire_one(clock_.now_)) {
      }
    }
  }
  template <class F>
  void start(F&& body) {
    Fiber::start(a_, nullptr, "test", std::forward<F>(body));
  }

  HandClock clock_;
  BareNode node_{clock_};
  StackPool stacks_;
  Scheduler scheduler_{stacks_};
  BareShard a_{node_, 0, scheduler_};
  BareShard b_{node_, 1, scheduler_};
};

TEST_F(FiberTest, fibers_take_turns_in_order) {
  std::string order;
  for (const char c : {'a', 'b', 'c'}) {
    start([&order, c](Fiber& f) {
      order += c;
      ASSERT_TRUE(f.yield());
      order += c;
    });
  }
  run();
  EXPECT_EQ(order, "abcabc");
}

TEST_F(FiberTest, sleep_lasts_until_its_time_and_not_less) {
  Mono woken{};
  start([&](Fiber& f) {
    ASSERT_TRUE(f.sleep(5s));
    woken = f.now();
  });
  run();
  EXPECT_EQ(woken, Mono{} + 5s);
}

TEST_F(FiberTest, a_deadline_ends_the_wait_and_is_restored_after_its_block) {
  start([&](Fiber& f) {
    Notify never;
    {
      const auto within = f.deadline_in(1s);
      const auto longer = f.deadline_in(10s);  // may only shrink
      EXPECT_EQ(f.deadline(), Mono{} + 1s);
      const Result<> waited = never.wait(f);
      ASSERT_FALSE(waited);
      EXPECT_TRUE(waited.error().is(Errc::deadline));
    }
    EXPECT_EQ(f.deadline(), kNever);
    EXPECT_EQ(f.now(), Mono{} + 1s);
    EXPECT_TRUE(f.sleep(1s));
  });
  run();
}

TEST_F(FiberTest, cancelling_a_fiber_reaches_every_fiber_below_it) {
  int cancelled = 0;
  Fiber* outer = nullptr;
  start([&](Fiber& f) {
    outer = &f;
    Scope scope{f};
    for (int i = 0; i < 3; ++i) {
      scope.spawn("child", [&](Fiber& child) -> Result<> {
        Scope inner{child};
        inner.spawn("grandchild", [&](Fiber& g) {
          if (const auto slept = g.sleep(1h); !slept && slept.error().is(Errc::cancelled)) ++cancelled;
        });
        return inner.join(child);
      });
    }
    EXPECT_TRUE(scope.join(f));
  });
  start([&](Fiber& f) {
    ASSERT_TRUE(f.sleep(1ms));
    outer->cancel();
  });
  run();
  EXPECT_EQ(cancelled, 3);
  EXPECT_EQ(clock_.now_, Mono{} + 1ms);
}

TEST_F(FiberTest, join_answers_the_first_error_of_a_child) {
  start([&](Fiber& f) {
    Scope scope{f};
    scope.spawn("good", [](Fiber& child) -> Result<> { return child.sleep(2s); });
    scope.spawn("bad", [](Fiber&) -> Result<> { return fail(Errc::disk_full); });
    const Result<> joined = scope.join(f);
    ASSERT_FALSE(joined);
    EXPECT_TRUE(joined.error().is(Errc::disk_full));
    EXPECT_EQ(f.now(), Mono{} + 2s);
  });
  run();
}

TEST_F(FiberTest, a_mutex_is_handed_over_in_order_of_asking) {
  std::string order;
  Mutex mutex;
  for (const char c : {'a', 'b', 'c'}) {
    start([&, c](Fiber& f) {
      const auto lock = mutex.lock(f);
      ASSERT_TRUE(lock);
      order += c;
      ASSERT_TRUE(f.sleep(1ms));
      order += c;
    });
  }
  run();
  EXPECT_EQ(order, "aabbcc");
  EXPECT_FALSE(mutex.locked());
}

TEST_F(FiberTest, a_large_semaphore_request_is_not_starved_by_small_ones) {
  Semaphore budget{10};
  std::string order;
  start([&](Fiber& f) {
    auto first = budget.acquire(f, 6);
    ASSERT_TRUE(f.sleep(1s));
    first->give_back(6);
  });
  start([&](Fiber& f) {
    const auto large = budget.acquire(f, 10);
    ASSERT_TRUE(large);
    order += "large ";
  });
  start([&](Fiber& f) {
    const auto small = budget.acquire(f, 1);
    ASSERT_TRUE(small);
    order += "small";
  });
  run();
  EXPECT_EQ(order, "large small");
  EXPECT_EQ(budget.available(), 10);
}

TEST_F(FiberTest, giving_up_a_place_in_the_queue_serves_the_one_behind) {
  Semaphore budget{10};
  bool served = false;
  start([&](Fiber& f) {
    const auto most = budget.acquire(f, 8);
    ASSERT_TRUE(f.sleep(10s));
  });
  start([&](Fiber& f) {
    const auto within = f.deadline_in(1s);
    EXPECT_FALSE(budget.acquire(f, 5));
  });
  start([&](Fiber& f) {
    const auto small = budget.acquire(f, 2);
    served = small.has_value() && f.now() == Mono{} + 1s;
  });
  run();
  EXPECT_TRUE(served);
}

TEST_F(FiberTest, a_channel_holds_no_more_than_its_capacity_and_delivers_all_before_closed) {
  Channel<int> channel{2};
  std::vector<int> got;
  start([&](Fiber& f) {
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(channel.send(f, i));
      EXPECT_LE(channel.size(), 2u);
    }
    channel.close();
  });
  start([&](Fiber& f) {
    for (;;) {
      auto item = channel.receive(f);
      if (!item) {
        EXPECT_TRUE(item.error().is(Errc::closed));
        return;
      }
      got.push_back(*item);
    }
  });
  run();
  EXPECT_EQ(got, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(FiberTest, wait_any_counts_announced_bytes_over_all_its_sources) {
  Notify one, two;
  Mono woken{};
  start([&](Fiber& f) {
    WaitAny some{f, 100};
    some.add(one);
    some.add(two);
    ASSERT_TRUE(some.wait());
    woken = f.now();
  });
  start([&](Fiber& f) {
    ASSERT_TRUE(f.sleep(1s));
    one.notify_all(60);
    ASSERT_TRUE(f.sleep(1s));
    two.notify_all(39);
    ASSERT_TRUE(f.sleep(1s));
    one.notify_all(1);
  });
  run();
  EXPECT_EQ(woken, Mono{} + 3s);
  EXPECT_FALSE(one.has_waiters());
}

TEST_F(FiberTest, a_call_runs_on_the_other_shard_and_brings_its_answer_back) {
  start([&](Fiber& f) {
    const std::uint32_t there = call_on(f, b_, [](Fiber& g) { return g.shard().id(); });
    EXPECT_EQ(there, 1u);
    EXPECT_EQ(f.shard().id(), 0u);
  });
  run();
}

TEST_F(FiberTest, deadline_and_cancellation_travel_with_a_call) {
  Fiber* caller = nullptr;
  start([&](Fiber& f) {
    {
      const auto within = f.deadline_in(1s);
      const Result<> slept = call_on(f, b_, [](Fiber& g) { return g.sleep(1h); });
      EXPECT_TRUE(slept.error().is(Errc::deadline));
    }
    caller = &f;
    const Result<> slept = call_on(f, b_, [](Fiber& g) { return g.sleep(1h); });
    EXPECT_TRUE(slept.error().is(Errc::cancelled));
  });
  start([&](Fiber& f) {
    ASSERT_TRUE(f.sleep(2s));
    caller->cancel();
  });
  run();
  EXPECT_EQ(clock_.now_, Mono{} + 2s);
}

TEST_F(FiberTest, killing_unwinds_every_stack_newest_first_and_runs_nothing_else) {
  struct Noted {
    std::string& order;
    char name;
    ~Noted() { order += name; }
  };
  std::string order;
  bool ran_on = false;
  Mutex mutex;
  start([&](Fiber& f) {
    const Noted noted{order, 'o'};
    Scope scope{f};
    scope.spawn("child", [&](Fiber& child) {
      const Noted deeper{order, 'c'};
      const auto lock = mutex.lock(child);
      static_cast<void>(child.sleep(1h));
      ran_on = true;
    });
    scope.spawn("waits", [&](Fiber& child) {
      const Noted deeper{order, 'w'};
      const auto lock = mutex.lock(child);
      ran_on = true;
    });
    static_cast<void>(scope.join(f));
    ran_on = true;
  });
  while (scheduler_.run_one()) {
  }
  start([&](Fiber&) { ran_on = true; });  // made, never started
  Shard* both[] = {&a_, &b_};
  scheduler_.kill_fibers(both);
  EXPECT_EQ(order, "wco");
  EXPECT_FALSE(ran_on);
  EXPECT_TRUE(scheduler_.idle());
  EXPECT_EQ(scheduler_.timers().size(), 0u);
}

TEST_F(FiberTest, a_held_shard_runs_nothing_until_it_is_resumed) {
  int turns = 0;
  start([&](Fiber& f) {
    for (;;) {
      ++turns;
      if (turns == 5) return;
      ASSERT_TRUE(f.yield());
    }
  });
  scheduler_.run_one();
  scheduler_.hold(a_);
  EXPECT_FALSE(scheduler_.run_one());
  scheduler_.resume(a_);
  run();
  EXPECT_EQ(turns, 5);
}

TEST_F(FiberTest, timers_of_one_deadline_fire_in_the_order_of_arming) {
  std::string order;
  for (const char c : {'a', 'b', 'c', 'd', 'e', 'f', 'g'}) {
    start([&order, c](Fiber& f) {
      ASSERT_TRUE(f.sleep(1s));
      order += c;
    });
  }
  run();
  EXPECT_EQ(order, "abcdefg");
}

}  // namespace
}  // namespace kernel
