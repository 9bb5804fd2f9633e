// Members that send nonsense: whoever shares a group with them gets an error or goes on, and nobody falls over.
#include <set>

#include "net/messages/join_group.h"
#include "net/messages/sync_group.h"
#include "tests/clients/group/group_world.h"

namespace clients::group {
namespace {

using testing::GroupWorld;
using namespace std::chrono_literals;
using kernel::Fiber;
using net::PartitionId;

GroupConfig config() {
  GroupConfig config{.group_id = "g", .session_timeout = 6s, .heartbeat_interval = 500ms, .assignors = {AssignorKind::range}};
  config.reading.offset_reset = consumer::OffsetReset::earliest;
  return config;
}

/// A member by hand that says `metadata` and, where it leads, gives `assignment` to everybody.
struct HandMade {
  Bytes metadata;
  Bytes assignment;
  std::string id{};
  bool led_another = false;

  void join(Fiber& f, core::Coordinator& coordinator, core::Lane lane) {
    for (int attempt = 0; attempt < 30; ++attempt) {
      net::Arena arena;
      const auto joined = coordinator.ask_once<net::JoinGroupRequest>(
          f,
          [&](std::int16_t) {
            net::JoinGroupRequest request;
            request.group_id = "g";
            request.session_timeout_ms = 20'000;
            request.rebalance_timeout_ms = 20'000;
            request.member_id = arena.copy(id);
            request.protocol_type = kProtocolType;
            arena.push_back(request.protocols, {.name = "range", .metadata = kernel::ByteView{metadata}});
            return request;
          },
          {.lane = lane, .timeout = 60s});
      if (joined && !(*joined)->member_id.empty()) id = (*joined)->member_id;
      if (!joined || (*joined)->error_code != net::ErrorCode::none) {
        coordinator.forget();
        if (!f.sleep(50ms)) return;
        continue;
      }
      const bool leads = (*joined)->leader == id;
      led_another |= leads && (*joined)->members.size() > 1;
      (void)coordinator.ask_once<net::SyncGroupRequest>(
          f,
          [&](std::int16_t) {
            net::SyncGroupRequest request;
            request.group_id = "g";
            request.generation_id = (*joined)->generation_id;
            request.member_id = arena.copy(id);
            request.protocol_type = kProtocolType;
            request.protocol_name = "range";
            for (const auto& member : (*joined)->members)
              arena.push_back(request.assignments, {.member_id = member.member_id, .assignment = kernel::ByteView{assignment}});
            return request;
          },
          {.lane = lane});
      if (led_another || !leads) return;
      if (!f.sleep(1s)) return;
    }
  }
};

Bytes garbage() { return {std::byte{0}, std::byte{1}, std::byte{0x7f}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{9}}; }

TEST(HostileMember, whose_subscription_cannot_be_read_gets_nothing_and_the_others_go_on) {
  GroupWorld world{1};
  world.start_broker();
  world.fill("t", 4, 2);
  std::size_t seen = 0;
  std::uint64_t unreadable = 0;
  bool stop = false, ended = false;
  world.client("good", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, config());
    consumer->subscribe({"t"});
    while (!stop) {
      const auto polled = consumer->poll(f, 100ms);
      ASSERT_TRUE(polled) << core::explain(polled.error());
      if (*polled) seen += (*polled)->records.size();
      unreadable = consumer->stats().members_unreadable;
    }
    EXPECT_EQ(consumer->assignment().size(), 4u);
    EXPECT_TRUE(consumer->close(f));
    ended = true;
  });
  world.until([&] { return seen == 8; });
  world.client("bad", [&](Fiber& f, kernel::Scope&, testing::ClusterRef cluster) {
    core::Coordinator coordinator{cluster, "g"};
    HandMade{.metadata = garbage(), .assignment = {}}.join(f, coordinator, cluster->new_lane());
  });
  world.until([&] { return unreadable > 0; });
  world.run_for(3s);
  stop = true;
  world.until([&] { return ended; });
}

TEST(HostileLeader, that_assigns_nonsense_is_an_error_of_poll_and_passes_with_it) {
  const Bytes hostile[] = {garbage(), encode_assignment({{"not-ours", PartitionId{0}}}), encode_assignment({{"t", PartitionId{-7}}})};
  std::uint64_t seed = 10;
  for (const Bytes& assignment : hostile) {
    GroupWorld world{seed++};
    world.start_broker();
    world.fill("t", 2, 3);
    bool led = false, ended = false;
    world.client("bad", [&](Fiber& f, kernel::Scope&, testing::ClusterRef cluster) {
      core::Coordinator coordinator{cluster, "g"};
      HandMade member{.metadata = encode_subscription({.topics = {"t"}, .user_data = {}, .owned = {}, .rack = {}}), .assignment = assignment};
      member.join(f, coordinator, cluster->new_lane());
      led = member.led_another;
    });
    world.run_for(1s);
    world.client("good", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
      auto consumer = *GroupConsumer::open(scope, cluster, config());
      consumer->subscribe({"t"});
      std::size_t errors = 0, records = 0;
      for (int i = 0; i < 1000 && records < 6; ++i) {
        const auto polled = consumer->poll(f, 100ms);
        if (!polled) {
          EXPECT_TRUE(polled.error().is(core::Reason::malformed_assignment)) << core::explain(polled.error());
          ++errors;
          EXPECT_TRUE(consumer->assignment().empty());
        } else if (*polled) {
          records += (*polled)->records.size();
        }
      }
      EXPECT_GT(errors, 0u);
      EXPECT_EQ(records, 6u) << "once the other is gone";
      EXPECT_TRUE(consumer->close(f));
      ended = true;
    });
    world.until([&] { return ended; });
    EXPECT_TRUE(led);
  }
}

TEST(HostileLeader, that_gives_a_partition_twice_and_to_everybody_has_it_read_once_by_each) {
  GroupWorld world{30};
  world.start_broker();
  world.fill("t", 2, 3);
  std::set<std::string> seen[2];
  bool stop = false;
  int ended = 0;
  std::size_t owned[2]{};
  world.client("bad", [&](Fiber& f, kernel::Scope&, testing::ClusterRef cluster) {
    core::Coordinator coordinator{cluster, "g"};
    HandMade{.metadata = encode_subscription({.topics = {"t"}, .user_data = {}, .owned = {}, .rack = {}}),
             .assignment = encode_assignment({{"t", PartitionId{0}}, {"t", PartitionId{0}}, {"t", PartitionId{1}}, {"t", PartitionId{1}}})}
        .join(f, coordinator, cluster->new_lane());
  });
  world.run_for(1s);
  for (int i = 0; i < 2; ++i) {
    world.client(fmt::format("good{}", i), [&, i](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
      auto consumer = *GroupConsumer::open(scope, cluster, config());
      consumer->subscribe({"t"});
      while (!stop) {
        const auto polled = consumer->poll(f, 100ms);
        ASSERT_TRUE(polled) << core::explain(polled.error());
        owned[i] = consumer->assignment().size();
        if (!*polled) continue;
        for (const auto& record : (*polled)->records) {
          EXPECT_TRUE(seen[i].insert(fmt::format("{}/{}", (*polled)->at.partition.raw(), record.offset.raw())).second)
              << "twice at one reader";
        }
      }
      EXPECT_TRUE(consumer->close(f));
      ++ended;
    });
  }
  world.until([&] { return seen[0].size() == 6 && seen[1].size() == 6; });
  world.until([&] { return owned[0] == 1 && owned[1] == 1; });  // the session of the bad one has ended
  stop = true;
  world.until([&] { return ended == 2; });
}

TEST(HostileLeader, that_assigns_partitions_which_do_not_exist_makes_us_wait_for_them) {
  GroupWorld world{20};
  world.start_broker();
  world.fill("t", 2, 3);
  bool ended = false;
  world.client("bad", [&](Fiber& f, kernel::Scope&, testing::ClusterRef cluster) {
    core::Coordinator coordinator{cluster, "g"};
    HandMade{.metadata = encode_subscription({.topics = {"t"}, .user_data = {}, .owned = {}, .rack = {}}),
             .assignment = encode_assignment({{"t", PartitionId{1}}, {"t", PartitionId{77}}})}.join(f, coordinator, cluster->new_lane());
  });
  world.run_for(1s);
  world.client("good", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, config());
    consumer->subscribe({"t"});
    std::size_t records = 0;
    for (int i = 0; i < 100 && records < 3; ++i) {
      const auto polled = consumer->poll(f, 100ms);
      ASSERT_TRUE(polled) << core::explain(polled.error());
      if (*polled) records += (*polled)->records.size();
    }
    EXPECT_EQ(records, 3u);
    EXPECT_TRUE(consumer->close(f));
    ended = true;
  });
  world.until([&] { return ended; });
}

}  // namespace
}  // namespace clients::group
