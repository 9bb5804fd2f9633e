// Groups of a broker in a simulated world, over the wire: what is acknowledged outlives the broker, and every branch of
// the APIs answers what Kafka answers.
#include <gmock/gmock.h>

#include "broker/coordinators/placement.h"
#include "net/messages/delete_groups.h"
#include "net/messages/delete_topics.h"
#include "net/messages/describe_groups.h"
#include "net/messages/find_coordinator.h"
#include "net/messages/heartbeat.h"
#include "net/messages/join_group.h"
#include "net/messages/leave_group.h"
#include "net/messages/list_groups.h"
#include "net/messages/offset_commit.h"
#include "net/messages/offset_delete.h"
#include "net/messages/offset_fetch.h"
#include "net/messages/sync_group.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using net::Offset;
using net::PartitionId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

BrokerWorldOptions options(std::uint64_t seed = 1, std::uint32_t shards = 1, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"offsets.topic.num.partitions=3", "group.initial.rebalance.delay.ms=100"});
  return {.seed = seed, .shards = shards, .settings = std::move(more)};
}

ErrorCode find_coordinator(Fiber& f, RawClient& client, std::string_view group = "g") {
  net::FindCoordinatorRequest request;
  request.key = group;
  const auto answer = client.call(f, 3, request);
  return answer ? answer->response.error_code : ErrorCode::network_exception;
}
/// As clients do: asked again while the log is being replayed.
template <class Ask>
ErrorCode until_loaded(Fiber& f, Ask&& ask) {
  for (;;) {
    const ErrorCode code = ask();
    if (code != ErrorCode::coordinator_load_in_progress) return code;
    if (!f.sleep(20ms)) return code;
  }
}

struct Joined {
  ErrorCode error{};
  std::int32_t generation = -1;
  std::string member, leader;
  std::size_t members = 0;
};
Joined join_once(Fiber& f, RawClient& client, std::string_view group, std::string_view member,
                 std::optional<std::string_view> instance, std::int16_t version, std::string_view protocol) {
  net::Arena arena;
  net::JoinGroupRequest request;
  request.group_id = group;
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 20'000;
  request.member_id = member;
  request.group_instance_id = instance;
  request.protocol_type = "consumer";
  arena.push_back(request.protocols, {.name = protocol, .metadata = kernel::as_bytes("m")});
  const auto answer = client.call(f, version, request);
  if (!answer) return {ErrorCode::network_exception};
  const auto& got = answer->response;
  return {got.error_code, got.generation_id, std::string{got.member_id}, std::string{got.leader}, got.members.size()};
}
Joined join(Fiber& f, RawClient& client, std::string_view group = "g", std::string_view member = "",
            std::optional<std::string_view> instance = std::nullopt, std::int16_t version = 9) {
  Joined got = join_once(f, client, group, member, instance, version, "range");
  while (got.error == ErrorCode::coordinator_load_in_progress && f.sleep(20ms))
    got = join_once(f, client, group, member, instance, version, "range");
  if (got.error != ErrorCode::member_id_required) return got;
  const std::string id = got.member;
  return join_once(f, client, group, id, instance, version, "range");
}
struct Synced {
  ErrorCode error{};
  std::string assignment;
};
Synced sync(Fiber& f, RawClient& client, std::string_view group, const Joined& member, std::string_view assignment = "",
            std::int16_t version = 5) {
  net::Arena arena;
  net::SyncGroupRequest request;
  request.group_id = group;
  request.generation_id = member.generation;
  request.member_id = member.member;
  if (version >= 5) {
    request.protocol_type = "consumer";
    request.protocol_name = "range";
  }
  if (!assignment.empty())
    arena.push_back(request.assignments, {.member_id = member.member, .assignment = kernel::as_bytes(assignment)});
  const auto answer = client.call(f, version, request);
  if (!answer) return {ErrorCode::network_exception};
  return {answer->response.error_code, std::string{kernel::as_text(answer->response.assignment)}};
}
ErrorCode heartbeat(Fiber& f, RawClient& client, std::string_view group, const Joined& member) {
  net::HeartbeatRequest request;
  request.group_id = group;
  request.generation_id = member.generation;
  request.member_id = member.member;
  const auto answer = client.call(f, 4, request);
  return answer ? answer->response.error_code : ErrorCode::network_exception;
}
ErrorCode leave(Fiber& f, RawClient& client, std::string_view group, const Joined& member) {
  net::Arena arena;
  net::LeaveGroupRequest request;
  request.group_id = group;
  arena.push_back(request.members, {.member_id = member.member});
  const auto answer = client.call(f, 5, request);
  if (!answer) return ErrorCode::network_exception;
  if (answer->response.error_code != ErrorCode::none) return answer->response.error_code;
  return answer->response.members[0].error_code;
}
ErrorCode commit(Fiber& f, RawClient& client, std::string_view group, std::int64_t offset, const Joined& member = {},
                 std::string_view metadata = "", std::string_view topic = "t", std::int32_t partition = 0,
                 std::int16_t version = 9) {
  net::Arena arena;
  net::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = member.generation;
  request.member_id = member.member;
  auto& out = arena.push_back(request.topics, {.name = topic});
  arena.push_back(out.partitions, {.partition_index = PartitionId{partition}, .committed_offset = Offset{offset},
                                   .committed_metadata = metadata});
  const auto answer = client.call(f, version, request);
  return answer ? answer->response.topics[0].partitions[0].error_code : ErrorCode::network_exception;
}
struct Committed {
  ErrorCode error{};
  std::int64_t offset = -2;
  std::string metadata;
};
Committed committed(Fiber& f, RawClient& client, std::string_view group, std::string_view topic = "t",
                    std::int32_t partition = 0) {
  net::Arena arena;
  net::OffsetFetchRequest request;
  auto& wanted = arena.push_back(request.groups, {.group_id = group});
  auto& topics = wanted.topics.emplace();
  auto& out = arena.push_back(topics, {.name = topic});
  arena.push_back(out.partition_indexes, PartitionId{partition});
  const auto answer = client.call(f, 9, request);
  if (!answer) return {ErrorCode::network_exception};
  const auto& got = answer->response.groups[0];
  if (got.error_code != ErrorCode::none) return {got.error_code};
  const auto& one = got.topics[0].partitions[0];
  return {one.error_code, one.committed_offset.raw(), std::string{one.metadata.value_or("")}};
}
std::int64_t committed_offset(Fiber& f, RawClient& client, std::string_view group) {
  Committed got;
  const ErrorCode code = until_loaded(f, [&] {
    got = committed(f, client, group);
    return got.error;
  });
  EXPECT_EQ(code, ErrorCode::none);
  return got.offset;
}
struct Described {
  ErrorCode error{};
  std::string state, protocol;
  std::size_t members = 0;
};
Described describe(Fiber& f, RawClient& client, std::string_view group, std::int16_t version = 6) {
  net::Arena arena;
  net::DescribeGroupsRequest request;
  arena.push_back(request.groups, group);
  const auto answer = client.call(f, version, request);
  if (!answer) return {ErrorCode::network_exception};
  const auto& got = answer->response.groups[0];
  return {got.error_code, std::string{got.group_state}, std::string{got.protocol_data}, got.members.size()};
}
std::vector<std::string> list(Fiber& f, RawClient& client, std::vector<std::string_view> states = {},
                              std::vector<std::string_view> types = {}) {
  net::Arena arena;
  net::ListGroupsRequest request;
  for (const auto state : states) arena.push_back(request.states_filter, state);
  for (const auto type : types) arena.push_back(request.types_filter, type);
  const auto answer = client.call(f, 5, request);
  std::vector<std::string> out;
  if (!answer) return out;
  for (const auto& group : answer->response.groups) out.push_back(fmt::format("{} {}", group.group_id, group.group_state));
  return out;
}
ErrorCode delete_group(Fiber& f, RawClient& client, std::string_view group) {
  net::Arena arena;
  net::DeleteGroupsRequest request;
  arena.push_back(request.groups_names, group);
  const auto answer = client.call(f, 3, request);
  return answer ? answer->response.results[0].error_code : ErrorCode::network_exception;
}

TEST(Groups, AreMadeAndTheirOffsetsKept) {
  for (const std::uint32_t shards : {1u, 4u}) {
    BrokerWorld world{options(1, shards)};
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

TEST(Groups, OutliveTheBroker) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    BrokerWorld world{options(seed, seed % 2 == 0 ? 2 : 1)};
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

TEST(Groups, LoseNothingThatWasAcknowledgedWhenThePowerGoes) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    BrokerWorld world{options(seed)};
    std::int64_t acknowledged = 0;
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
      ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
      for (std::int64_t i = 1; i <= static_cast<std::int64_t>(3 + seed); ++i) {
        ASSERT_EQ(commit(f, client, "g", i), ErrorCode::none);
        acknowledged = i;
      }
    });
    world.world.kill(world.client_machine, sim::CrashKind::process_kill);
    world.world.kill(world.broker_machine, sim::CrashKind::power_loss);
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      EXPECT_EQ(committed_offset(f, client, "g"), acknowledged) << "seed " << seed;
    });
  }
}

TEST(Groups, EmptyAgainAreEmptyAfterARestart) {
  BrokerWorld world{options()};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    const Joined member = join(f, client);
    ASSERT_EQ(sync(f, client, "g", member, "x").error, ErrorCode::none);
    ASSERT_EQ(leave(f, client, "g", member), ErrorCode::none);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(until_loaded(f, [&] { return describe(f, client, "g").error; }), ErrorCode::none);
    EXPECT_EQ(describe(f, client, "g").state, "Empty") << "that it was left is on the log";
  });
}

TEST(Groups, BeginGenerationsThatNoRestartTakesBack) {
  BrokerWorld world{options()};
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
  BrokerWorld world{options()};
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
  BrokerWorld world{options(3, 2, {"group.max.size=40"})};
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
  BrokerWorld world{options()};
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

TEST(Sessions, OfWrongLengthAreRefused) {
  BrokerWorld world{options(1, 1, {"group.min.session.timeout.ms=10001"})};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    EXPECT_EQ(join(f, client).error, ErrorCode::invalid_session_timeout);
  });
}

TEST(Lists, AreFilteredByStateAndType) {
  BrokerWorld world{options(1, 3)};
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
  BrokerWorld world{options()};
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
  BrokerWorld world{options()};
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
  BrokerWorld world{options()};
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
  BrokerWorld world{options(1, 1, {"offsets.retention.minutes=1", "offsets.retention.check.interval.ms=5000"})};
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
