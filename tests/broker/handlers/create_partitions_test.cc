// Topics that grow: the new partitions serve at once and after a restart; Kafka's error for what cannot be.
#include <gtest/gtest.h>

#include "net/messages/create_partitions.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using Assignments = std::vector<std::vector<int>>;

ErrorCode grow(Fiber& f, RawClient& client, std::string_view topic, std::int32_t count,
               const std::optional<Assignments>& assignments = std::nullopt, bool validate_only = false) {
  net::Arena arena;
  net::CreatePartitionsRequest request;
  request.timeout_ms = 10'000;
  request.validate_only = validate_only;
  auto& wanted = arena.push_back(request.topics, {.name = topic, .count = count});
  wanted.assignments.reset();
  if (assignments) {
    auto& list = wanted.assignments.emplace();
    for (const auto& replicas : *assignments) {
      auto& one = arena.push_back(list, {});
      for (const int id : replicas) arena.push_back(one.broker_ids, net::BrokerId{id});
    }
  }
  const auto answer = client.call(f, 3, request);
  return answer ? answer->response.results[0].error_code : ErrorCode::network_exception;
}

TEST(MorePartitions, ServeAtOnceAndAfterARestart) {
  BrokerWorld world{{.shards = 3}};
  const auto batch = one_record("v");
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 2), ErrorCode::none);
    ASSERT_EQ(produce(f, client, "t", batch).offset, net::Offset{0});
    EXPECT_EQ(grow(f, client, "t", 5, std::nullopt, true), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "t", batch, 9, 2).error, ErrorCode::unknown_topic_or_partition) << "only validated";
    EXPECT_EQ(grow(f, client, "t", 5), ErrorCode::none);
    for (std::int32_t p = 0; p < 5; ++p) EXPECT_EQ(produce(f, client, "t", batch, 9, p).error, ErrorCode::none) << p;
    EXPECT_EQ(produce(f, client, "t", batch).offset, net::Offset{2}) << "the old ones go on";
    EXPECT_EQ(grow(f, client, "t", 7, Assignments{{1}, {1}}), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "t", batch, 9, 6).error, ErrorCode::none);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    for (std::int32_t p = 2; p < 5; ++p) EXPECT_EQ(produce(f, client, "t", batch, 9, p).offset, net::Offset{1}) << p;
  });
}

TEST(MorePartitions, AreRefusedWithKafkasError) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 2), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "__consumer_offsets", 2), ErrorCode::none);
    EXPECT_EQ(grow(f, client, "none", 3), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(grow(f, client, "t", 2), ErrorCode::invalid_partitions);
    EXPECT_EQ(grow(f, client, "t", 1), ErrorCode::invalid_partitions);
    EXPECT_EQ(grow(f, client, "t", -1), ErrorCode::invalid_partitions);
    EXPECT_EQ(grow(f, client, "t", 3, Assignments{}), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(grow(f, client, "t", 3, Assignments{{1}, {1}}), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(grow(f, client, "t", 3, Assignments{{}}), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(grow(f, client, "t", 3, Assignments{{2}}), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(grow(f, client, "t", 3, Assignments{{1, 1}}), ErrorCode::invalid_replica_assignment);
    EXPECT_EQ(grow(f, client, "t", 1'000'000), ErrorCode::policy_violation);
    EXPECT_EQ(grow(f, client, "__consumer_offsets", 3), ErrorCode::invalid_request)
        << "groups would be looked for elsewhere";
    net::Arena arena;
    net::CreatePartitionsRequest request;
    for (int i = 0; i < 2; ++i) {
      auto& wanted = arena.push_back(request.topics, {.name = "t", .count = 3 + i});
      wanted.assignments.reset();
    }
    request.timeout_ms = 1000;
    const auto twice = client.call(f, 0, request);
    ASSERT_TRUE(twice);
    for (const auto& one : twice->response.results) EXPECT_EQ(one.error_code, ErrorCode::invalid_request);
    EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, 2).error, ErrorCode::unknown_topic_or_partition);
  });
}

}  // namespace
}  // namespace broker::testing
