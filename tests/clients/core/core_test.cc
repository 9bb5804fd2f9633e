// Settings, waiting times, metadata, and connections that end.
#include <gtest/gtest.h>

#include "clients/core/backoff.h"
#include "net/messages/list_offsets.h"
#include "tests/clients/client_world.h"

namespace clients::core {
namespace {

using namespace std::chrono_literals;
using testing::ClientWorld;

TEST(Servers, are_read_with_and_without_ports_and_brackets) {
  EXPECT_EQ(*parse_servers("a:1, b ,[::1]:3"), (std::vector<HostPort>{{"a", 1}, {"b", 9092}, {"::1", 3}}));
  for (const std::string_view bad : {"", "a:", "a:0", "a:65536", "a:1x", ":1", "a:1,,b:2", "[::1", "[::1]x"})
    EXPECT_FALSE(parse_servers(bad)) << bad;
  EXPECT_EQ(parse_servers("a:1,b:x").error().detail, 4);
}

TEST(Waiting, doubles_up_to_its_largest_and_is_spread_by_a_fifth) {
  kernel::Random random{1, kernel::Domain::application, 2};
  Backoff backoff{100ms, 1s};
  for (const auto base : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const auto wait = backoff.next(random);
    EXPECT_GE(wait, base * 4 / 5);
    EXPECT_LE(wait, base * 6 / 5);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(random), 120ms);
}

TEST(Leaders, are_not_replaced_by_older_news) {
  const auto answer = [](net::Arena& arena, int leader, int epoch, std::uint64_t id) {
    net::MetadataResponse response;
    net::MetadataResponse::MetadataResponseTopic topic;
    topic.name = "t";
    topic.topic_id = net::TopicId{net::Uuid{1, id}};
    net::MetadataResponse::MetadataResponsePartition partition;
    partition.leader_id = net::BrokerId{leader};
    partition.leader_epoch = net::LeaderEpoch{epoch};
    arena.push_back(topic.partitions, partition);
    arena.push_back(response.topics, topic);
    return response;
  };
  net::Arena arena;
  Metadata metadata;
  for (const int broker : {1, 2, 3}) metadata.apply_broker(net::BrokerId{broker}, {"b", 1});
  const TopicPartition at{"t", net::PartitionId{0}};
  metadata.apply(answer(arena, 1, 5, 1));
  metadata.apply(answer(arena, 2, 4, 1));
  EXPECT_EQ(metadata.leader(at), net::BrokerId{1});
  EXPECT_TRUE(metadata.apply_leader(at, net::BrokerId{2}, net::LeaderEpoch{6}));
  EXPECT_FALSE(metadata.apply_leader(at, net::BrokerId{3}, net::LeaderEpoch{6}));
  EXPECT_EQ(metadata.leader(at), net::BrokerId{2});
  metadata.apply(answer(arena, 3, 0, 2));
  EXPECT_EQ(metadata.leader(at), net::BrokerId{3}) << "another topic under the same name";
}

TEST(Requests, without_an_answer_end_unknown_and_free_the_connection) {
  ClientWorld world{1};
  world.broker.add_topic("t", 1);
  EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope&, auto cluster) {
    world.broker.silent.insert(net::ApiKey::list_offsets);
    ASSERT_TRUE(cluster->refresh(f));
    const auto began = f.now();
    const auto answer = cluster->request(f, net::BrokerId{1}, net::ListOffsetsRequest{});
    ASSERT_FALSE(answer);
    EXPECT_TRUE(answer.error().is(Reason::timed_out)) << kernel::describe(answer.error());
    EXPECT_TRUE(outcome_unknown(answer.error()));
    EXPECT_GE(f.now() - began, 2s);
    world.broker.silent.clear();
    EXPECT_TRUE(cluster->request(f, net::BrokerId{1}, net::ListOffsetsRequest{}));
  }));
}

TEST(Requests, in_flight_all_end_when_the_connection_does) {
  ClientWorld world{2};
  world.broker.silent.insert(net::ApiKey::list_offsets);
  world.world.after(1s, [&] { world.world.network().reset_streams(world.broker_machine, true); });
  EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope&, auto cluster) {
    ASSERT_TRUE(cluster->refresh(f));
    auto connection = *cluster->any_connection(f);
    std::vector<Exchange> exchanges;
    for (int i = 0; i < 3; ++i) exchanges.push_back(*connection->start(f, net::ListOffsetsRequest{}));
    EXPECT_EQ(connection->in_flight(), 3u);
    for (Exchange& exchange : exchanges) {
      const auto answer = exchange.await<net::ListOffsetsResponse>(f, 10s);
      ASSERT_FALSE(answer);
      EXPECT_TRUE(answer.error().is(Reason::disconnected));
    }
    EXPECT_FALSE(connection->alive());
    EXPECT_TRUE(connection->start(f, net::ListOffsetsRequest{}).error().is(Reason::not_sent));
  }));
}

TEST(Clusters, nobody_listens_is_told_at_once) {
  ClientWorld world{3};
  bool ended = false;
  world.world.boot(world.broker_machine, 1, [](kernel::Fiber& f) { (void)f.sleep(1h); });
  world.world.boot(world.client_machine, 1, [&](kernel::Fiber& f) {
    kernel::Scope scope{f};
    {
      Cluster cluster{scope, world.config()};
      const auto reached = cluster.refresh(f);
      EXPECT_FALSE(reached);
      EXPECT_TRUE(reached.error().is(kernel::Errc::connection_refused)) << kernel::describe(reached.error());
    }
    ended = scope.join(f).has_value();
  });
  EXPECT_TRUE(world.world.run_until([&] { return ended; }, 5s));
}

TEST(Clusters, a_topic_is_waited_for_and_a_missing_one_named) {
  ClientWorld world{4};
  world.world.after(1s, [&] { world.broker.add_topic("late", 3); });
  EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope&, auto cluster) {
    const auto late = cluster->topic(f, "late");
    ASSERT_TRUE(late);
    EXPECT_EQ(late->partitions.size(), 3u);
    const auto missing = cluster->topic(f, "missing");
    ASSERT_FALSE(missing);
    EXPECT_TRUE(missing.error().is(Reason::unknown_topic));
    world.broker.scripted[net::ApiKey::metadata] = {net::ErrorCode::topic_authorization_failed};
    EXPECT_EQ(broker_code(cluster->topic(f, "forbidden").error()), net::ErrorCode::topic_authorization_failed);
  }));
}

}  // namespace
}  // namespace clients::core
