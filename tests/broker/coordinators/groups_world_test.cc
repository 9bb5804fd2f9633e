// Groups of a broker in a simulated world, over the wire: what is acknowledged outlives the broker, and every branch of
// the APIs answers what Kafka answers.
#include <gmock/gmock.h>

#include "net/messages/delete_topics.h"
#include "net/messages/offset_delete.h"
#include "tests/broker/coordinators/group_client.h"

namespace broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Groups, AreMadeAndTheirOffsetsKept) {
  for (const std::uint32_t shards : {1u, 4u}) {
    BrokerWorld world{group_options(1, shards)};
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t", 2), ErrorCode::none);
      EXPECT_EQ(commit(f, client, "g", 1), ErrorCode::not_coordinator) << "its topic is not there yet";
      ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
      Joined member = join(f, client);
      ASSERT_EQ(member.error, ErrorCode::none);
      EXPECT_EQ(member.generation, 1);
      EXPECT_EQ(member.leader, member.member);
      EXPECT_EQ(member.members, 1u);
      const Synced synced = sync(f, client, "g", member, "everything");
      EXPECT_EQ(synced.error, ErrorCode::none);
      EXPECT_EQ(synced.assignment, "everything");
      EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::none);
      EXPECT_EQ(committed(f, client, "g").offset, -1);
      EXPECT_EQ(commit(f, client, "g", 42, member, "here"), ErrorCode::none);
      EXPECT_EQ(committed(f, client, "g").offset, 42);
      EXPECT_EQ(committed(f, client, "g").metadata, "here");
      EXPECT_EQ(describe(f, client, "g").state, "Stable");
      EXPECT_EQ(describe(f, client, "g").protocol, "range");
      EXPECT_EQ(leave(f, client, "g", member), ErrorCode::none);
      EXPECT_EQ(describe(f, client, "g").state, "Empty");
      EXPECT_EQ(committed(f, client, "g").offset, 42);
    });
  }
}

TEST(Groups, OfLiveMembersDoNotKeepTheBrokerFromItsEnd) {
  // Heartbeats that one shard passes on while another ends: seed 279 of groups-survive.
  BrokerWorld world{group_options(1, 2, {"offsets.topic.num.partitions=4"})};
  bool stopped = false, started = false;
  world.world.boot(world.broker_machine, 2, [&](Fiber& f) {
    EXPECT_TRUE(Broker::run(f, world.config, [&](const Started&) { started = true; }));
    stopped = true;
  });
  world.world.run_until([&] { return started; }, 60s);
  int beating = 0;
  world.world.boot(world.client_machine, 1, [&](Fiber& f) {
    {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t", 1), ErrorCode::none);
      ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    }
    kernel::Scope members{f};
    for (int i = 0; i < 12; ++i) {
      members.spawn("member", [&, i](Fiber& m) {
        const std::string group = fmt::format("group{}", i / 2);
        RawClient client = world.connect(m);
        const Joined member = join(m, client, group);
        ASSERT_EQ(member.error, ErrorCode::none);
        ++beating;
        while (heartbeat(m, client, group, member) != ErrorCode::network_exception)
          if (!m.sleep(1ms)) return;
      });
    }
    static_cast<void>(members.join(f));
  });
  world.world.run_until([&] { return beating == 12; }, 60s);
  ASSERT_EQ(beating, 12);
  world.broker_machine.process()->request_stop();
  world.world.run_until([&] { return stopped; }, 10s);
  EXPECT_TRUE(stopped) << "it waits for ever";
}

TEST(Groups, OutliveTheBroker) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    BrokerWorld world{group_options(seed, seed % 2 == 0 ? 2 : 1)};
    Joined member;
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
      ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
      member = join(f, client);
      ASSERT_EQ(sync(f, client, "g", member, "everything").error, ErrorCode::none);
      for (int i = 1; i <= 20; ++i) ASSERT_EQ(commit(f, client, "g", i, member), ErrorCode::none);
      ASSERT_EQ(commit(f, client, "other", 7), ErrorCode::none);
    });
    world.kill();
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      EXPECT_EQ(committed_offset(f, client, "g"), 20);
      EXPECT_EQ(committed_offset(f, client, "other"), 7);
      EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::none) << "its session goes on";
      const Synced synced = sync(f, client, "g", member);
      EXPECT_EQ(synced.assignment, "everything");
      EXPECT_EQ(commit(f, client, "g", 21, member), ErrorCode::none);
      ASSERT_TRUE(f.sleep(15s));
      EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::unknown_member_id) << "and ends as ever";
    });
  }
}

TEST(Groups, BeginGenerationsThatNoRestartTakesBack) {
  BrokerWorld world{group_options()};
  Joined first;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    first = join(f, client);
    ASSERT_EQ(sync(f, client, "g", first, "x").error, ErrorCode::none);
    const Joined again = join(f, client, "g", first.member);
    EXPECT_EQ(again.generation, 2);
    ASSERT_EQ(sync(f, client, "g", again, "y").error, ErrorCode::none);
    EXPECT_EQ(commit(f, client, "g", 5, first), ErrorCode::illegal_generation);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(committed_offset(f, client, "g"), -1);
    EXPECT_EQ(commit(f, client, "g", 5, first), ErrorCode::illegal_generation);
    const Joined newcomer = join(f, client, "g", first.member);
    EXPECT_EQ(newcomer.generation, 3);
  });
}

TEST(StaticMembers, ComeBackToTheirWorkAcrossARestart) {
  BrokerWorld world{group_options()};
  Joined before;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    before = join(f, client, "g", "", "one");
    ASSERT_EQ(sync(f, client, "g", before, "its work").error, ErrorCode::none);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    const Joined back = join(f, client, "g", "", "one");
    EXPECT_EQ(back.error, ErrorCode::none);
    EXPECT_EQ(back.generation, 1) << "no rebalance";
    EXPECT_NE(back.member, before.member);
    EXPECT_EQ(sync(f, client, "g", back).assignment, "its work");
    EXPECT_EQ(heartbeat(f, client, "g", before), ErrorCode::unknown_member_id);
  });
}

TEST(Joins, OfManyMembersWaitForEachOther) {
  BrokerWorld world{group_options(3, 2, {"group.max.size=40"})};
  world.run([&](Fiber& f) {
    RawClient first = world.connect(f);
    ASSERT_EQ(find_coordinator(f, first), ErrorCode::none);
    kernel::Scope scope{f};
    std::vector<Joined> joined(60);
    for (std::size_t i = 0; i < joined.size(); ++i) {
      scope.spawn("member", [&, i](Fiber& child) {
        RawClient client = world.connect(child);
        joined[i] = join(child, client, "g", "", std::nullopt, static_cast<std::int16_t>(i % 10));
      });
    }
    ASSERT_TRUE(scope.join(f));
    std::size_t in = 0, leaders = 0;
    for (const Joined& one : joined) {
      if (one.error == ErrorCode::group_max_size_reached) continue;
      ASSERT_EQ(one.error, ErrorCode::none);
      ++in;
      if (one.leader == one.member) {
        ++leaders;
        EXPECT_EQ(one.members, 40u);
      }
      EXPECT_EQ(one.generation, 1);
    }
    EXPECT_EQ(in, 40u);
    EXPECT_EQ(leaders, 1u);
  });
}

TEST(Requests, AreRefusedAsKafkaRefusesThem) {
  BrokerWorld world{group_options()};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client, ""), ErrorCode::none);
    EXPECT_EQ(join(f, client, "").error, ErrorCode::invalid_group_id);
    EXPECT_EQ(join(f, client, "g", "stranger").error, ErrorCode::unknown_member_id);
    EXPECT_EQ(heartbeat(f, client, "nothing", {}), ErrorCode::unknown_member_id);
    EXPECT_EQ(leave(f, client, "nothing", {.member = "m"}), ErrorCode::unknown_member_id);
    const Joined member = join(f, client);
    EXPECT_EQ(join_once(f, client, "g", "", std::nullopt, 3, "sticky").error, ErrorCode::inconsistent_group_protocol);
    ASSERT_EQ(sync(f, client, "g", member, "x").error, ErrorCode::none);
    EXPECT_EQ(commit(f, client, "g", 1), ErrorCode::unknown_member_id) << "a group with members is not anybody's";
    Joined stale = member;
    stale.generation = 0;
    EXPECT_EQ(commit(f, client, "g", 1, stale), ErrorCode::illegal_generation);
    EXPECT_EQ(heartbeat(f, client, "g", stale), ErrorCode::illegal_generation);
    EXPECT_EQ(commit(f, client, "g", 1, member, std::string(4097, 'x')), ErrorCode::offset_metadata_too_large);
    EXPECT_EQ(commit(f, client, "g", 1, member, std::string(4096, 'x')), ErrorCode::none);
    EXPECT_EQ(commit(f, client, "g", 1, member, "", "no-topic"), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(commit(f, client, "g", 1, member, "", "t", 7), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(commit(f, client, "missing", 1, member), ErrorCode::group_id_not_found);
    EXPECT_EQ(commit(f, client, "missing", 1, member, "", "t", 0, 8), ErrorCode::illegal_generation);
    EXPECT_EQ(describe(f, client, "missing").error, ErrorCode::group_id_not_found);
    EXPECT_EQ(describe(f, client, "missing", 5).error, ErrorCode::none);
    EXPECT_EQ(describe(f, client, "missing", 5).state, "Dead");
    EXPECT_EQ(delete_group(f, client, "g"), ErrorCode::non_empty_group);
    EXPECT_EQ(delete_group(f, client, "missing"), ErrorCode::group_id_not_found);
    EXPECT_EQ(committed(f, client, "missing").offset, -1);
  });
}

TEST(TheTopicOfGroups, IsWrittenByTheBrokerOnly) {
  BrokerWorld world{group_options()};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    const auto batch = one_record("lies");
    EXPECT_EQ(produce(f, client, "__consumer_offsets", batch).error, ErrorCode::invalid_topic_exception);
    EXPECT_EQ(fetch(f, client, "__consumer_offsets", 0).error, ErrorCode::none) << "reading is free";
  });
}

TEST(Sessions, OfWrongLengthAreRefused) {
  BrokerWorld world{group_options(1, 1, {"group.min.session.timeout.ms=10001"})};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    EXPECT_EQ(join(f, client).error, ErrorCode::invalid_session_timeout);
  });
}

TEST(Lists, AreFilteredByStateAndType) {
  BrokerWorld world{group_options(1, 3)};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    const Joined member = join(f, client, "b");
    ASSERT_EQ(sync(f, client, "b", member, "x").error, ErrorCode::none);
    ASSERT_EQ(commit(f, client, "a", 1), ErrorCode::none);
    ASSERT_EQ(commit(f, client, "c", 1), ErrorCode::none);
    EXPECT_THAT(list(f, client), ElementsAre("a Empty", "b Stable", "c Empty"));
    EXPECT_THAT(list(f, client, {"stable"}), ElementsAre("b Stable"));
    EXPECT_THAT(list(f, client, {}, {"CLASSIC"}), ElementsAre("a Empty", "b Stable", "c Empty"));
    EXPECT_THAT(list(f, client, {}, {"consumer"}), IsEmpty());
  });
}

TEST(Deletion, OfAGroupTakesItsOffsetsForGood) {
  BrokerWorld world{group_options()};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    ASSERT_EQ(commit(f, client, "g", 5), ErrorCode::none);
    EXPECT_EQ(delete_group(f, client, "g"), ErrorCode::none);
    EXPECT_EQ(committed(f, client, "g").offset, -1);
    EXPECT_THAT(list(f, client), IsEmpty());
    EXPECT_EQ(delete_group(f, client, "g"), ErrorCode::group_id_not_found);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(committed_offset(f, client, "g"), -1);
    EXPECT_EQ(commit(f, client, "g", 6), ErrorCode::none) << "the name may be used again";
  });
}

TEST(Deletion, OfATopicTakesItsOffsets) {
  BrokerWorld world{group_options()};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    ASSERT_EQ(commit(f, client, "g", 5), ErrorCode::none);
    net::Arena arena;
    net::DeleteTopicsRequest request;
    request.timeout_ms = 10'000;
    arena.push_back(request.topic_names, std::string_view{"t"});
    ASSERT_TRUE(client.call(f, 5, request));
    ASSERT_TRUE(f.sleep(1s));
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    EXPECT_EQ(committed(f, client, "g").offset, -1);
  });
}

TEST(Deletion, OfOffsetsSparesTopicsThatAreRead) {
  BrokerWorld world{group_options()};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 2), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    ASSERT_EQ(commit(f, client, "g", 5), ErrorCode::none);
    const auto remove = [&](std::int32_t partition) {
      net::Arena arena;
      net::OffsetDeleteRequest request;
      request.group_id = "g";
      auto& topic = arena.push_back(request.topics, {.name = "t"});
      arena.push_back(topic.partitions, {.partition_index = PartitionId{partition}});
      const auto answer = client.call(f, 0, request);
      if (!answer) return ErrorCode::network_exception;
      if (answer->response.error_code != ErrorCode::none) return answer->response.error_code;
      return answer->response.topics[0].partitions[0].error_code;
    };
    EXPECT_EQ(remove(9), ErrorCode::unknown_topic_or_partition);
    const Joined member = join(f, client);
    ASSERT_EQ(sync(f, client, "g", member, "x").error, ErrorCode::none);
    EXPECT_EQ(remove(0), ErrorCode::group_subscribed_to_topic) << "its subscription cannot be read: it may be";
    ASSERT_EQ(leave(f, client, "g", member), ErrorCode::none);
    EXPECT_EQ(remove(0), ErrorCode::none);
    EXPECT_EQ(committed(f, client, "g").offset, -1);
  });
}

TEST(Expiry, RemovesGroupsThatNobodyUses) {
  BrokerWorld world{group_options(1, 1, {"offsets.retention.minutes=1", "offsets.retention.check.interval.ms=5000"})};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    ASSERT_EQ(commit(f, client, "g", 5), ErrorCode::none);
    ASSERT_TRUE(f.sleep(50s));
    EXPECT_EQ(committed(f, client, "g").offset, 5);
    ASSERT_TRUE(f.sleep(20s));
    EXPECT_EQ(committed(f, client, "g").offset, -1);
    EXPECT_THAT(list(f, client), IsEmpty());
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(committed_offset(f, client, "g"), -1) << "that it expired is on the log";
  });
}

}  // namespace
}  // namespace broker::testing
