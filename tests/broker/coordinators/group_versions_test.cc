// The group APIs in every version that is served, from the oldest clients in use to the newest.
#include <gmock/gmock.h>

#include "broker/handlers/router.h"
#include "net/messages/metadata.h"
#include "tests/broker/coordinators/group_client.h"

namespace broker::testing {
namespace {

net::TopicId id_of(Fiber& f, RawClient& client, std::string_view name) {
  net::Arena arena;
  net::MetadataRequest request;
  arena.push_back(request.topics.emplace(), {.name = name});
  const auto answer = client.call(f, 12, request);
  return answer ? answer->response.topics[0].topic_id : net::TopicId{};
}

struct VersionsWorld {
  BrokerWorld world{group_options(1, 2)};
  void run(const std::function<void(Fiber&, RawClient&)>& body) {
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t", 2), ErrorCode::none);
      ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
      body(f, client);
    });
  }
};

/// Every version that the router serves of an API.
std::vector<std::int16_t> versions_of(net::ApiKey key) {
  const auto range = handlers::find_served(static_cast<std::int16_t>(key))->versions;
  std::vector<std::int16_t> out;
  for (std::int16_t v = range.first; v <= range.last; ++v) out.push_back(v);
  return out;
}

TEST(EveryVersion, OfCommittingAndFetchingSaysTheSame) {
  VersionsWorld{}.run([](Fiber& f, RawClient& client) {
    const net::TopicId topic_id = id_of(f, client, "t");
    std::int64_t offset = 0;
    for (const std::int16_t version : versions_of(net::ApiKey::offset_commit)) {
      net::Arena arena;
      net::OffsetCommitRequest request;
      request.group_id = "g";
      auto& topic = arena.push_back(request.topics, {});
      if (version >= 10) topic.topic_id = topic_id;
      else topic.name = "t";
      arena.push_back(topic.partitions, {.partition_index = PartitionId{0}, .committed_offset = Offset{++offset},
                                         .committed_metadata = "note"});
      const auto answer = client.call(f, version, request);
      ASSERT_TRUE(answer) << version;
      EXPECT_EQ(answer->response.topics[0].partitions[0].error_code, ErrorCode::none) << version;
      EXPECT_EQ(committed(f, client, "g").offset, offset) << version;
    }
    for (const std::int16_t version : versions_of(net::ApiKey::offset_fetch)) {
      net::Arena arena;
      net::OffsetFetchRequest request;
      if (version >= 8) {
        auto& group = arena.push_back(request.groups, {.group_id = "g"});
        auto& topic = arena.push_back(group.topics.emplace(), {});
        if (version >= 10) topic.topic_id = topic_id;
        else topic.name = "t";
        arena.push_back(topic.partition_indexes, PartitionId{0});
        auto& all = arena.push_back(request.groups, {.group_id = "g"});
        all.topics.reset();
      } else {
        request.group_id = "g";
        auto& topic = arena.push_back(request.topics.emplace(), {.name = "t"});
        arena.push_back(topic.partition_indexes, PartitionId{0});
      }
      const auto answer = client.call(f, version, request);
      ASSERT_TRUE(answer) << version;
      if (version < 8) {
        EXPECT_EQ(answer->response.topics[0].partitions[0].committed_offset, Offset{offset}) << version;
        EXPECT_EQ(answer->response.topics[0].partitions[0].metadata, "note") << version;
        continue;
      }
      for (const auto& group : answer->response.groups)
        EXPECT_EQ(group.topics[0].partitions[0].committed_offset, Offset{offset}) << version;
      if (version >= 10) {
        EXPECT_EQ(answer->response.groups[1].topics[0].topic_id, topic_id);
      }
    }
  });
}

TEST(EveryVersion, OfAnUnknownTopicIsToldSo) {
  VersionsWorld{}.run([](Fiber& f, RawClient& client) {
    const net::TopicId nobody{{77, 88}};
    net::Arena arena;
    net::OffsetCommitRequest commit_request;
    commit_request.group_id = "g";
    auto& topic = arena.push_back(commit_request.topics, {.topic_id = nobody});
    arena.push_back(topic.partitions, {.partition_index = PartitionId{0}, .committed_metadata = ""});
    const auto refused = client.call(f, 10, commit_request);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->response.topics[0].partitions[0].error_code, ErrorCode::unknown_topic_id);
    net::OffsetFetchRequest fetch_request;
    auto& group = arena.push_back(fetch_request.groups, {.group_id = "g"});
    auto& wanted = arena.push_back(group.topics.emplace(), {.topic_id = nobody});
    arena.push_back(wanted.partition_indexes, PartitionId{0});
    const auto fetched = client.call(f, 10, fetch_request);
    ASSERT_TRUE(fetched);
    EXPECT_EQ(fetched->response.groups[0].topics[0].partitions[0].error_code, ErrorCode::unknown_topic_id);
    EXPECT_EQ(fetched->response.groups[0].topics[0].partitions[0].committed_offset, Offset{-1});
  });
}

TEST(EveryVersion, OfAMembersLifeWorks) {
  VersionsWorld{}.run([](Fiber& f, RawClient& client) {
    for (const std::int16_t version : versions_of(net::ApiKey::join_group)) {
      const std::string group = fmt::format("g{}", version);
      const Joined member = join(f, client, group, "", std::nullopt, version);
      ASSERT_EQ(member.error, ErrorCode::none) << version;
      const auto syncs = versions_of(net::ApiKey::sync_group);
      const auto sync_version = std::min<std::int16_t>(version, syncs.back());
      EXPECT_EQ(sync(f, client, group, member, "work", sync_version).assignment, "work") << version;
      for (const std::int16_t beat : versions_of(net::ApiKey::heartbeat)) {
        net::HeartbeatRequest request;
        request.group_id = group;
        request.generation_id = member.generation;
        request.member_id = member.member;
        const auto answer = client.call(f, beat, request);
        ASSERT_TRUE(answer) << beat;
        EXPECT_EQ(answer->response.error_code, ErrorCode::none) << beat;
      }
      const auto leave_version = std::min<std::int16_t>(version, versions_of(net::ApiKey::leave_group).back());
      net::Arena arena;
      net::LeaveGroupRequest request;
      request.group_id = group;
      if (leave_version < 3) request.member_id = member.member;
      else arena.push_back(request.members, {.member_id = member.member});
      for (const ErrorCode expected : {ErrorCode::none, ErrorCode::unknown_member_id}) {
        const auto answer = client.call(f, leave_version, request);
        ASSERT_TRUE(answer) << leave_version;
        const ErrorCode code = leave_version < 3 ? answer->response.error_code : answer->response.members[0].error_code;
        EXPECT_EQ(code, expected) << leave_version;
      }
    }
  });
}

TEST(EveryVersion, OfLookingAtGroupsAndDeletingThemWorks) {
  VersionsWorld{}.run([](Fiber& f, RawClient& client) {
    const Joined member = join(f, client);
    ASSERT_EQ(sync(f, client, "g", member, "work").error, ErrorCode::none);
    for (const std::int16_t version : versions_of(net::ApiKey::describe_groups)) {
      EXPECT_EQ(describe(f, client, "g", version).state, "Stable") << version;
      EXPECT_EQ(describe(f, client, "g", version).members, 1u) << version;
      EXPECT_EQ(describe(f, client, "missing", version).state, "Dead") << version;
    }
    for (const std::int16_t version : versions_of(net::ApiKey::list_groups)) {
      const auto answer = client.call(f, version, net::ListGroupsRequest{});
      ASSERT_TRUE(answer) << version;
      ASSERT_EQ(answer->response.groups.size(), 1u);
      EXPECT_EQ(answer->response.groups[0].protocol_type, "consumer");
      if (version >= 4) {
        EXPECT_EQ(answer->response.groups[0].group_state, "Stable");
      }
      if (version >= 5) {
        EXPECT_EQ(answer->response.groups[0].group_type, "classic");
      }
    }
    for (const std::int16_t version : versions_of(net::ApiKey::delete_groups)) {
      net::Arena arena;
      net::DeleteGroupsRequest request;
      arena.push_back(request.groups_names, std::string_view{"g"});
      const auto answer = client.call(f, version, request);
      ASSERT_TRUE(answer) << version;
      EXPECT_EQ(answer->response.results[0].error_code, ErrorCode::non_empty_group) << version;
    }
    for (const std::int16_t version : versions_of(net::ApiKey::find_coordinator)) {
      net::Arena arena;
      net::FindCoordinatorRequest request;
      if (version < 4) request.key = "g";
      else arena.push_back(request.coordinator_keys, std::string_view{"g"});
      const auto answer = client.call(f, version, request);
      ASSERT_TRUE(answer) << version;
      const auto node = version < 4 ? answer->response.node_id : answer->response.coordinators[0].node_id;
      EXPECT_EQ(node, net::BrokerId{1}) << version;
    }
  });
}

TEST(Hostile, AssignmentsAreTheMembersAffair) {
  VersionsWorld{}.run([](Fiber& f, RawClient& client) {
    const Joined member = join(f, client);
    net::Arena arena;
    net::SyncGroupRequest request;
    request.group_id = "g";
    request.generation_id = member.generation;
    request.member_id = member.member;
    const std::string large(100'000, '\xff');  // no assignment anybody could read
    arena.push_back(request.assignments, {.member_id = "a stranger", .assignment = kernel::as_bytes("x")});
    arena.push_back(request.assignments, {.member_id = member.member, .assignment = kernel::as_bytes("first")});
    arena.push_back(request.assignments, {.member_id = member.member, .assignment = kernel::as_bytes(large)});
    const auto answer = client.call(f, 3, request);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->response.error_code, ErrorCode::none);
    EXPECT_EQ(answer->response.assignment.size(), large.size());
    EXPECT_EQ(describe(f, client, "g").members, 1u) << "a stranger got no place by it";
    EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::none);
  });
}

TEST(Hostile, AnAssignmentThatNoRecordCanHoldFailsTheGenerationNotTheBroker) {
  VersionsWorld{}.run([](Fiber& f, RawClient& client) {
    const Joined member = join(f, client);
    const Synced synced = sync(f, client, "g", member, std::string(2'000'000, 'x'));
    EXPECT_EQ(synced.error, ErrorCode::unknown_server_error);
    EXPECT_EQ(heartbeat(f, client, "g", member), ErrorCode::rebalance_in_progress);
    const Joined again = join(f, client, "g", member.member);
    EXPECT_EQ(sync(f, client, "g", again, "modest").assignment, "modest");
    EXPECT_EQ(commit(f, client, "other", 1), ErrorCode::none) << "the rest is served on";
  });
}

TEST(Hostile, NamesOfAnyLengthAreRefusedOrTaken) {
  VersionsWorld{}.run([](Fiber& f, RawClient& client) {
    const std::string longest(32'767, 'g'), longer(32'768, 'g');
    EXPECT_EQ(commit(f, client, longest, 1), ErrorCode::none);
    EXPECT_EQ(committed(f, client, longest).offset, 1);
    EXPECT_EQ(commit(f, client, longer, 1), ErrorCode::network_exception) << "Kafka hangs up too";
  });
}

}  // namespace
}  // namespace broker::testing
