// Members that say what cannot be, or too much of it: each gets Kafka's error, and everybody else is served on.
#include <gmock/gmock.h>

#include "tests/broker/coordinators/group_client.h"

namespace broker::testing {
namespace {

/// A join by a newcomer.
std::vector<std::byte> join_frame(std::string_view group, std::string_view metadata, std::int16_t version) {
  net::Arena arena;
  net::JoinGroupRequest request;
  request.group_id = group;
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 20'000;
  request.protocol_type = "consumer";
  arena.push_back(request.protocols, {.name = "range", .metadata = kernel::as_bytes(metadata)});
  return net::encode_request(version, 1, "raw", request)->bytes;
}

struct BadInputWorld {
  BrokerWorld world;
  explicit BadInputWorld(std::vector<std::string> settings = {}, std::uint32_t shards = 1)
      : world{group_options(1, shards, std::move(settings))} {}
  void run(const std::function<void(Fiber&, RawClient&)>& body) {
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t", 2), ErrorCode::none);
      ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
      body(f, client);
    });
  }
};

TEST(StaleGenerations, AreRefusedInEveryRequestAndChangeNothing) {
  BadInputWorld{}.run([](Fiber& f, RawClient& client) {
    const Joined first = join(f, client);
    ASSERT_EQ(sync(f, client, "g", first, "work").error, ErrorCode::none);
    const Joined now = join(f, client, "g", first.member);
    ASSERT_EQ(now.generation, 2);
    ASSERT_EQ(sync(f, client, "g", now, "newer work").error, ErrorCode::none);
    for (const std::int32_t generation : {-1, 0, 1, 3, INT32_MAX, INT32_MIN}) {
      Joined stale = now;
      stale.generation = generation;
      EXPECT_EQ(heartbeat(f, client, "g", stale), ErrorCode::illegal_generation) << generation;
      EXPECT_EQ(sync(f, client, "g", stale, "stale work").error, ErrorCode::illegal_generation) << generation;
      EXPECT_EQ(commit(f, client, "g", 7, stale), ErrorCode::illegal_generation) << generation;
    }
    EXPECT_EQ(sync(f, client, "g", now).assignment, "newer work");
    EXPECT_EQ(committed(f, client, "g").offset, -1);
    EXPECT_EQ(heartbeat(f, client, "g", now), ErrorCode::none);
  });
}

TEST(MembersOfTwoProtocols, AreNotInOneGroup) {
  BadInputWorld{}.run([](Fiber& f, RawClient& client) {
    const Joined member = join(f, client);
    ASSERT_EQ(sync(f, client, "g", member, "work").error, ErrorCode::none);
    const auto refused = [&](std::string_view type, std::string_view protocol) {
      return join_as(f, client, "g", {.member_id = "", .protocol_type = type, .protocol = protocol}).error;
    };
    EXPECT_EQ(refused("connect", "range"), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(refused("", "range"), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(refused("consumer", "sticky"), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(refused("consumer", ""), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(join_as(f, client, "g", {.member_id = member.member, .protocol = "sticky"}).error,
              ErrorCode::inconsistent_group_protocol) << "nor may it change its mind, alone as it is";
    EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::none);
  });
  BadInputWorld{}.run([](Fiber& f, RawClient& client) {
    const Joined member = join(f, client);
    net::SyncGroupRequest request;
    request.group_id = "g";
    request.generation_id = member.generation;
    request.member_id = member.member;
    const auto told = [&](std::optional<std::string_view> type, std::optional<std::string_view> name) {
      request.protocol_type = type;
      request.protocol_name = name;
      const auto answer = client.call(f, 5, request);
      return answer ? answer->response.error_code : ErrorCode::network_exception;
    };
    EXPECT_EQ(told("connect", "range"), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(told("consumer", "sticky"), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(told(std::nullopt, "range"), ErrorCode::inconsistent_group_protocol);
    EXPECT_EQ(told("consumer", "range"), ErrorCode::none);
  });
}

TEST(MetadataOfAMember, ThatNoRecordCanHoldIsRefusedAndTheGroupGoesOn) {
  BadInputWorld{}.run([](Fiber& f, RawClient& client) {
    const Joined member = join(f, client);
    ASSERT_EQ(sync(f, client, "g", member, "work").error, ErrorCode::none);
    const std::string large(2'000'000, 'x');
    EXPECT_EQ(join_as(f, client, "g", {.metadata = large}).error, ErrorCode::unknown_server_error);
    EXPECT_EQ(join_as(f, client, "g", {.member_id = member.member, .metadata = large}).error,
              ErrorCode::unknown_server_error);
    EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::none) << "nobody had to rebalance";
    EXPECT_EQ(describe(f, client, "g").members, 1u);
  });
}

TEST(JoinsThatWait, KeepNoMemoryFromOthers) {
  // Together they are more than all requests may take.
  BadInputWorld world{{"socket.request.max.bytes=1048576", "queued.max.request.bytes=1048576", "message.max.bytes=500000"}};
  world.run([&](Fiber& f, RawClient& client) {
    const auto frame = join_frame("large", std::string(200'000, 'x'), 3);
    // Whoever joins next waits for this one to come again, which it does not.
    ASSERT_EQ(join(f, client, "large").error, ErrorCode::none);
    std::vector<RawClient> waiting;
    for (int i = 0; i < 80; ++i) {
      waiting.push_back(world.world.connect(f));
      ASSERT_TRUE(waiting.back().send(f, frame));
    }
    ASSERT_TRUE(f.sleep(1s));
    const kernel::Mono asked = f.now();
    RawClient other = world.world.connect(f);
    EXPECT_EQ(produce(f, other, "t", one_record(std::string(400'000, 'v'))).error, ErrorCode::none);
    EXPECT_LT(f.now() - asked, 2s);
    for (RawClient& one : waiting) EXPECT_TRUE(one.receive(f)) << "and each is answered";
  });
}

TEST(ThousandsOfJoins, ASecondDisturbNobodyAndLeaveNothingBehind) {
  BadInputWorld world{{}, 2};
  world.run([&](Fiber& f, RawClient& client) {
    const Joined member = join(f, client);
    ASSERT_EQ(sync(f, client, "g", member, "work").error, ErrorCode::none);
    constexpr int kClients = 20, kJoins = 250;
    kernel::Scope flood{f};
    for (int c = 0; c < kClients; ++c) {
      flood.spawn("flood", [&, c](Fiber& child) {
        RawClient one = world.world.connect(child);
        for (int i = 0; i < kJoins; ++i) {
          // Newcomers who never come back with the id they are given: in one group, and each in a group of its own.
          const std::string group = i % 2 == 0 ? "flooded" : fmt::format("flooded-{}-{}", c, i);
          ASSERT_TRUE(one.send(child, join_frame(group, "m", 9)));
          ASSERT_TRUE(one.receive(child));
        }
      });
    }
    const kernel::Mono begun = f.now();
    kernel::Duration slowest{0};
    while (!list(f, client).empty() && list(f, client).size() < 2000) {
      const kernel::Mono asked = f.now();
      EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::none);
      EXPECT_EQ(commit(f, client, "g", 1, member), ErrorCode::none);
      slowest = std::max<kernel::Duration>(slowest, f.now() - asked);
    }
    ASSERT_TRUE(flood.join(f));
    EXPECT_LT(f.now() - begun, 10s);
    EXPECT_LT(slowest, 1s);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::none);
      ASSERT_TRUE(f.sleep(3s));
    }
    EXPECT_THAT(list(f, client), ::testing::ElementsAre("g Stable"));
  });
}

TEST(ALeaderThatNeverSyncs, IsLeftBehindAndTheGroupGoesOn) {
  BadInputWorld world;
  world.run([&](Fiber& f, RawClient& leader_client) {
    const Joined alone = join(f, leader_client);
    ASSERT_EQ(sync(f, leader_client, "g", alone, "all").error, ErrorCode::none);
    Joined leader, other;
    kernel::Scope scope{f};
    scope.spawn("other", [&](Fiber& child) {
      RawClient client = world.world.connect(child);
      other = join(child, client);
      const kernel::Mono asked = child.now();
      EXPECT_EQ(sync(child, client, "g", other).error, ErrorCode::rebalance_in_progress);
      EXPECT_LT(child.now() - asked, 21s) << "the rebalance timeout";
      other = join(child, client, "g", other.member);
      EXPECT_EQ(other.leader, other.member);
      EXPECT_EQ(sync(child, client, "g", other, "what is left").assignment, "what is left");
    });
    ASSERT_TRUE(f.sleep(1s));
    leader = join(f, leader_client, "g", alone.member);
    EXPECT_EQ(leader.leader, leader.member);
    EXPECT_EQ(leader.members, 2u);
    ErrorCode told = ErrorCode::none;
    for (int i = 0; i < 30 && told == ErrorCode::none; ++i) {  // alive, but silent about the work
      ASSERT_TRUE(f.sleep(1s));
      told = heartbeat(f, leader_client, "g", leader);
    }
    EXPECT_EQ(told, ErrorCode::unknown_member_id);
    ASSERT_TRUE(scope.join(f));
    EXPECT_EQ(describe(f, leader_client, "g").state, "Stable");
    EXPECT_EQ(describe(f, leader_client, "g").members, 1u);
  });
}

}  // namespace
}  // namespace broker::testing
