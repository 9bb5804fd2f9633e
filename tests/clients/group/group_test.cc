// Groups of native consumers at a real broker: who reads what, through joins, leaves, kills and restarts.
#include <gmock/gmock.h>

#include "net/messages/create_partitions.h"
#include "tests/clients/group/group_world.h"

namespace clients::group {
namespace {

using testing::GroupWorld;
using namespace std::chrono_literals;
using kernel::Fiber;
using net::ErrorCode;
using net::PartitionId;

/// What all members of a test did.
struct Ledger {
  std::map<TopicPartition, std::string> owners;
  std::map<std::string, int> seen;
  std::map<std::string, std::size_t> owned;  ///< partitions by member
  std::vector<std::string> faults;
  int rebalances = 0;
  std::size_t lost = 0;
  void took(const std::string& who, const Partitions& coming) {
    ++rebalances;
    for (const auto& at : coming) {
      const auto [owner, fresh] = owners.emplace(at, who);
      if (!fresh) faults.push_back(fmt::format("{}-{} given to {} while {} has it", at.topic, at.partition.raw(), who, owner->second));
    }
    owned[who] += coming.size();
  }
  void gave(const std::string& who, const Partitions& going) {
    for (const auto& at : going) {
      if (owners[at] == who) owners.erase(at);
    }
    owned[who] -= going.size();
  }
  void killed(const std::string& who) {
    std::erase_if(owners, [&](const auto& one) { return one.second == who; });
    owned[who] = 0;
  }
  RebalanceListener listener(const std::string& who) {
    return {.revoked = [this, who](Fiber&, const Partitions& going) { gave(who, going); },
            .assigned = [this, who](Fiber&, const Partitions& coming) { took(who, coming); },
            .lost = [this, who](Fiber&, const Partitions& going) {
              lost += going.size();
              gave(who, going);
            }};
  }
  [[nodiscard]] std::size_t distinct() const { return seen.size(); }
  [[nodiscard]] int most_often() const {
    int most = 0;
    for (const auto& [value, times] : seen) most = std::max(most, times);
    return most;
  }
};

GroupConfig config_of(AssignorKind kind) {
  GroupConfig config{.group_id = "g", .session_timeout = 6s, .heartbeat_interval = 500ms, .max_poll_interval = 20s,
                     .assignors = {kind}, .auto_commit_interval = 700ms};
  config.reading.offset_reset = consumer::OffsetReset::earliest;
  config.reading.fetch_wait_max = 200ms;
  return config;
}

struct MemberPlan {
  std::string name;
  GroupConfig config;
  std::vector<std::string> topics{"t"};
  std::shared_ptr<bool> stop = std::make_shared<bool>(false);
  std::shared_ptr<bool> ended = std::make_shared<bool>(false);
};

void run_member(GroupWorld& world, Ledger& ledger, const MemberPlan& plan) {
  *plan.ended = false;
  world.client(plan.name, [&ledger, plan](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, plan.config);
    consumer->subscribe(plan.topics, ledger.listener(plan.name));
    while (!*plan.stop) {
      const auto polled = consumer->poll(f, 100ms);
      if (!polled) {
        ledger.faults.push_back(plan.name + ": " + core::explain(polled.error()));
        break;
      }
      if (!*polled) continue;
      if ((*polled)->error) ledger.faults.push_back(core::explain(*(*polled)->error));
      const auto owner = ledger.owners.find((*polled)->at);
      if (owner == ledger.owners.end() || owner->second != plan.name)
        ledger.faults.push_back(plan.name + " reads what it does not own");
      for (const auto& record : (*polled)->records) ++ledger.seen[std::string{kernel::as_text(*record.value)}];
      if (!f.sleep(20ms)) break;
    }
    EXPECT_TRUE(consumer->close(f));
    *plan.ended = true;
  });
}

constexpr AssignorKind kEveryKind[] = {AssignorKind::range, AssignorKind::round_robin, AssignorKind::sticky, AssignorKind::cooperative_sticky};

TEST(Members, come_and_go_and_every_record_is_read_exactly_once) {
  for (const AssignorKind kind : kEveryKind) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      GroupWorld world{seed};
      world.start_broker();
      world.fill("t", 6, 40);
      Ledger ledger;
      std::vector<MemberPlan> plans;
      for (const char* name : {"a", "b", "c"}) plans.push_back({.name = name, .config = config_of(kind)});
      run_member(world, ledger, plans[0]);
      world.until([&] { return ledger.distinct() > 10; });
      run_member(world, ledger, plans[1]);
      run_member(world, ledger, plans[2]);
      const auto spread = [&](std::size_t a, std::size_t b, std::size_t c) {
        return ledger.owned["a"] == a && ledger.owned["b"] == b && ledger.owned["c"] == c;
      };
      world.until([&] { return spread(2, 2, 2); });
      *plans[1].stop = true;
      world.until([&] { return *plans[1].ended && spread(3, 0, 3); });
      world.until([&] { return ledger.distinct() == 240; });
      for (const auto& plan : plans) *plan.stop = true;
      world.until([&] { return *plans[0].ended && *plans[2].ended; });
      EXPECT_EQ(ledger.most_often(), 1) << name_of(kind) << " seed " << seed;
      EXPECT_THAT(ledger.faults, ::testing::IsEmpty()) << name_of(kind) << " seed " << seed;
      world.run([&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
        core::Coordinator coordinator{cluster, "g"};
        const auto committed = fetch_offsets(f, coordinator, std::nullopt);
        ASSERT_TRUE(committed);
        EXPECT_EQ(committed->size(), 6u);
        for (const auto& [at, one] : *committed) EXPECT_EQ(one.offset, net::Offset{40});
        (void)scope;
      });
    }
  }
}

TEST(Members, that_are_killed_are_replaced_and_nothing_committed_is_skipped) {
  for (const AssignorKind kind : kEveryKind) {
    for (std::uint64_t seed = 11; seed <= 14; ++seed) {
      GroupWorld world{seed};
      world.start_broker();
      world.fill("t", 5, 60);
      Ledger ledger;
      std::vector<MemberPlan> plans;
      for (const char* name : {"a", "b", "c"}) plans.push_back({.name = name, .config = config_of(kind)});
      for (const auto& plan : plans) run_member(world, ledger, plan);
      for (int kills = 0; kills < 4; ++kills) {
        const std::size_t before = ledger.distinct();
        const auto& victim = plans[static_cast<std::size_t>(kills) % 3];
        world.until([&] { return ledger.distinct() > std::min<std::size_t>(before + 20, 299); });
        world.kill(victim.name);
        ledger.killed(victim.name);
        world.run_for(std::chrono::milliseconds{100 * kills * kills});
        run_member(world, ledger, victim);
      }
      world.until([&] { return ledger.distinct() == 300; });
      for (const auto& plan : plans) *plan.stop = true;
      world.until([&] { return std::ranges::all_of(plans, [](const auto& plan) { return *plan.ended; }); });
      EXPECT_THAT(ledger.faults, ::testing::IsEmpty()) << name_of(kind) << " seed " << seed;
    }
  }
}

TEST(Members, go_on_when_the_broker_was_killed_and_started_again) {
  for (const AssignorKind kind : {AssignorKind::range, AssignorKind::cooperative_sticky}) {
    for (std::uint64_t seed = 21; seed <= 24; ++seed) {
      GroupWorld world{seed};
      world.start_broker();
      world.fill("t", 4, 80);
      Ledger ledger;
      std::vector<MemberPlan> plans{{.name = "a", .config = config_of(kind)}, {.name = "b", .config = config_of(kind)}};
      for (const auto& plan : plans) run_member(world, ledger, plan);
      for (int i = 0; i < 3; ++i) {
        const std::size_t before = ledger.distinct();
        world.until([&] { return ledger.distinct() > std::min<std::size_t>(before + 30, 319); });
        world.kill_broker();
        world.run_for(std::chrono::milliseconds{300 + 1500 * i});
        world.start_broker();
      }
      world.until([&] { return ledger.distinct() == 320; });
      for (const auto& plan : plans) *plan.stop = true;
      world.until([&] { return *plans[0].ended && *plans[1].ended; });
      EXPECT_THAT(ledger.faults, ::testing::IsEmpty()) << name_of(kind) << " seed " << seed;
    }
  }
}

TEST(Cooperative, members_keep_what_stays_while_others_join) {
  GroupWorld world{31};
  world.start_broker();
  world.fill("t", 6, 1);
  Ledger ledger;
  std::vector<Partitions> given_up;
  MemberPlan first{.name = "a", .config = config_of(AssignorKind::cooperative_sticky)};
  bool stop = false, ended = false;
  world.client("a", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, first.config);
    auto listener = ledger.listener("a");
    listener.revoked = [&](Fiber&, const Partitions& going) {
      given_up.push_back(going);
      ledger.gave("a", going);
    };
    consumer->subscribe({"t"}, listener);
    while (!stop) {
      ASSERT_TRUE(consumer->poll(f, 100ms));
      if (ledger.rebalances > 0) {
        EXPECT_GE(consumer->assignment().size(), 3u) << "never without what stays";
      }
    }
    EXPECT_TRUE(consumer->close(f));
    ended = true;
  });
  world.until([&] { return ledger.owned["a"] == 6; });
  MemberPlan second{.name = "b", .config = config_of(AssignorKind::cooperative_sticky)};
  run_member(world, ledger, second);
  world.until([&] { return ledger.owned["a"] == 3 && ledger.owned["b"] == 3; });
  ASSERT_EQ(given_up.size(), 1u);
  EXPECT_EQ(given_up[0].size(), 3u);
  stop = true;
  world.until([&] { return ended && ledger.owned["b"] == 6; });
  *second.stop = true;
  world.until([&] { return *second.ended; });
  EXPECT_THAT(ledger.faults, ::testing::IsEmpty());
}

TEST(StaticMembers, keep_their_partitions_through_a_restart_without_a_rebalance) {
  for (const bool leader : {false, true}) {
    GroupWorld world{leader ? 41u : 42u};
    world.start_broker();
    world.fill("t", 4, 10);
    Ledger ledger;
    std::vector<MemberPlan> plans;
    for (const char* name : {"a", "b"}) {
      MemberPlan plan{.name = name, .config = config_of(AssignorKind::range)};
      plan.config.instance_id = name;
      plans.push_back(plan);
    }
    run_member(world, ledger, plans[leader ? 0 : 1]);
    world.until([&] { return ledger.rebalances == 1; });
    run_member(world, ledger, plans[leader ? 1 : 0]);
    world.until([&] { return ledger.owned["a"] == 2 && ledger.owned["b"] == 2; });
    const int before = ledger.rebalances;
    *plans[0].stop = true;
    world.until([&] { return *plans[0].ended; });
    *plans[0].stop = false;
    world.run_for(2s);
    run_member(world, ledger, plans[0]);
    world.until([&] { return ledger.owned["a"] == 2; });
    world.run_for(5s);
    EXPECT_EQ(ledger.owned["b"], 2u);
    EXPECT_EQ(ledger.rebalances, before + 1) << "only the one that came back was assigned anything";
    EXPECT_THAT(ledger.faults, ::testing::IsEmpty());
    for (const auto& plan : plans) *plan.stop = true;
    world.until([&] { return *plans[0].ended && *plans[1].ended; });
  }
}

TEST(StaticMembers, are_fenced_for_good_by_another_with_their_instance_id) {
  GroupWorld world{43};
  world.start_broker();
  world.fill("t", 2, 1);
  Ledger first_ledger, second_ledger;
  MemberPlan second{.name = "b", .config = config_of(AssignorKind::range)};
  second.config.instance_id = "same";
  bool fenced = false;
  world.client("a", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, second.config);
    consumer->subscribe({"t"}, first_ledger.listener("a"));
    for (;;) {
      const auto polled = consumer->poll(f, 100ms);
      if (polled) continue;
      EXPECT_EQ(core::broker_code(polled.error()), ErrorCode::fenced_instance_id);
      EXPECT_FALSE(consumer->poll(f, 100ms)) << "and stays so";
      break;
    }
    EXPECT_EQ(first_ledger.lost, 2u);
    EXPECT_TRUE(consumer->close(f));
    fenced = true;
  });
  world.until([&] { return first_ledger.owned["a"] == 2; });
  run_member(world, second_ledger, second);
  world.until([&] { return fenced && second_ledger.owned["b"] == 2; });
  *second.stop = true;
  world.until([&] { return *second.ended; });
}

TEST(Members, that_do_not_poll_leave_and_come_back_with_the_next_poll) {
  GroupWorld world{51};
  world.start_broker();
  world.fill("t", 4, 5);
  Ledger ledger;
  bool stop = false, ended = false;
  MemberPlan other{.name = "b", .config = config_of(AssignorKind::range)};
  world.client("a", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, other.config);
    consumer->subscribe({"t"}, ledger.listener("a"));
    while (ledger.owned["a"] != 2) ASSERT_TRUE(consumer->poll(f, 100ms));
    ASSERT_TRUE(f.sleep(40s));
    EXPECT_EQ(consumer->identity().generation, kGenerationNone);
    EXPECT_EQ(ledger.owned["a"], 2u) << "hears of it when it polls";
    ledger.owners.clear();  // the other has them by now
    while (!stop) ASSERT_TRUE(consumer->poll(f, 100ms));
    EXPECT_TRUE(consumer->close(f));
    ended = true;
  });
  run_member(world, ledger, other);
  world.until([&] { return ledger.owned["b"] == 4; });
  world.until([&] { return ledger.lost == 2; });
  world.until([&] { return ledger.owned["a"] == 2 && ledger.owned["b"] == 2; });
  stop = true;
  *other.stop = true;
  world.until([&] { return ended && *other.ended; });
}

TEST(Members, divide_anew_when_a_topic_gets_more_partitions) {
  GroupWorld world{52};
  world.start_broker();
  world.fill("t", 2, 1);
  Ledger ledger;
  std::vector<MemberPlan> plans{{.name = "a", .config = config_of(AssignorKind::range)}, {.name = "b", .config = config_of(AssignorKind::range)}};
  for (const auto& plan : plans) run_member(world, ledger, plan);
  world.until([&] { return ledger.owned["a"] == 1 && ledger.owned["b"] == 1; });
  world.run([](Fiber& f, kernel::Scope&, testing::ClusterRef cluster) {
    net::Arena arena;
    net::CreatePartitionsRequest request;
    request.timeout_ms = 5000;
    auto& topic = arena.push_back(request.topics, {});
    topic.name = "t";
    topic.count = 6;
    topic.assignments.reset();
    const auto answer = cluster->request_any(f, request);
    ASSERT_TRUE(answer);
    ASSERT_EQ((*answer)->results[0].error_code, ErrorCode::none);
  });
  world.until([&] { return ledger.owned["a"] == 3 && ledger.owned["b"] == 3; });
  for (const auto& plan : plans) *plan.stop = true;
  world.until([&] { return *plans[0].ended && *plans[1].ended; });
  EXPECT_THAT(ledger.faults, ::testing::IsEmpty());
}

TEST(Patterns, are_followed_as_topics_come) {
  GroupWorld world{53};
  world.start_broker();
  world.fill("orders-1", 2, 3);
  world.fill("other", 2, 3);
  Ledger ledger;
  bool stop = false, ended = false;
  world.client("a", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, config_of(AssignorKind::range));
    consumer->subscribe(*TopicPattern::compile("orders-.*"), ledger.listener("a"));
    while (!stop) {
      const auto polled = consumer->poll(f, 100ms);
      ASSERT_TRUE(polled);
      if (!*polled) continue;
      for (const auto& record : (*polled)->records) ++ledger.seen[std::string{kernel::as_text(*record.value)}];
    }
    EXPECT_TRUE(consumer->close(f));
    ended = true;
  });
  world.until([&] { return ledger.distinct() == 6; });
  world.fill("orders-2", 1, 3);
  world.until([&] { return ledger.distinct() == 9; });
  stop = true;
  world.until([&] { return ended; });
  EXPECT_FALSE(ledger.seen.contains("other/0/0"));
  EXPECT_FALSE(TopicPattern::compile("orders-("));
  EXPECT_FALSE(TopicPattern::compile("orders")->matches("orders-1")) << "the whole name";
}

}  // namespace
}  // namespace clients::group
