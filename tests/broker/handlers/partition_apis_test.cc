// What is asked about partitions, and records deleted from them: answers, and Kafka's error in each branch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/messages/delete_records.h"
#include "net/messages/describe_log_dirs.h"
#include "net/messages/describe_producers.h"
#include "net/messages/describe_topic_partitions.h"
#include "net/messages/init_producer_id.h"
#include "net/messages/list_offsets.h"
#include "net/messages/metadata.h"
#include "net/messages/offset_for_leader_epoch.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using net::ErrorCode;
using net::Offset;
using net::PartitionId;

struct Deleted {
  ErrorCode error{};
  std::int64_t low_watermark = 0;
  friend bool operator==(const Deleted&, const Deleted&) = default;
};
void PrintTo(const Deleted& one, std::ostream* out) {
  *out << static_cast<int>(one.error) << " at " << one.low_watermark;
}

Deleted delete_records(Fiber& f, RawClient& client, std::string_view topic, std::int64_t before,
                       std::int32_t partition = 0) {
  net::Arena arena;
  net::DeleteRecordsRequest request;
  request.timeout_ms = 10'000;
  auto& wanted = arena.push_back(request.topics, {.name = topic});
  arena.push_back(wanted.partitions, {.partition_index = PartitionId{partition}, .offset = Offset{before}});
  const auto answer = client.call(f, 2, request);
  if (!answer) return {ErrorCode::network_exception, 0};
  const auto& got = answer->response.topics[0].partitions[0];
  return {got.error_code, got.low_watermark};
}

struct Listed {
  ErrorCode error{};
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;
  std::int32_t epoch = 0;
};
Listed list_offsets(Fiber& f, RawClient& client, std::string_view topic, std::int64_t timestamp,
                    std::int16_t version = 11, std::int32_t partition = 0, std::int32_t current_epoch = -1,
                    int times = 1) {
  net::Arena arena;
  net::ListOffsetsRequest request;
  auto& wanted = arena.push_back(request.topics, {.name = topic});
  for (int i = 0; i < times; ++i)
    arena.push_back(wanted.partitions, {.partition_index = PartitionId{partition},
                                        .current_leader_epoch = net::LeaderEpoch{current_epoch},
                                        .timestamp = timestamp});
  const auto answer = client.call(f, version, request);
  if (!answer) return {ErrorCode::network_exception, 0, 0, 0};
  const auto& got = answer->response.topics[0].partitions[0];
  return {got.error_code, got.offset.raw(), got.timestamp, got.leader_epoch.raw()};
}

std::vector<std::byte> record_at(std::int64_t timestamp_ms) {
  net::record::BatchBuilder builder{{}};
  builder.append({.timestamp_ms = timestamp_ms, .value = kernel::as_bytes("v")});
  return builder.build();
}

constexpr std::int64_t kLatest = -1, kEarliest = -2, kMaxTimestamp = -3, kEarliestLocal = -4, kLatestTiered = -5,
                       kEarliestPending = -6;

TEST(DeletedRecords, AreGoneForReadersAndAfterAPowerLoss) {
  BrokerWorld world{{.shards = 2}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 3), ErrorCode::none);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(produce(f, client, "t", one_record("v"), 9, 1).error, ErrorCode::none);
    EXPECT_EQ(delete_records(f, client, "t", 3, 1), (Deleted{ErrorCode::none, 3}));
    EXPECT_EQ(list_offsets(f, client, "t", kEarliest, 11, 1).offset, 3);
    EXPECT_EQ(list_offsets(f, client, "t", kEarliestLocal, 11, 1).offset, 3);
    EXPECT_EQ(list_offsets(f, client, "t", 0, 11, 1).offset, 3) << "times of what is gone are not found";
    EXPECT_EQ(fetch(f, client, "t", 2, 1).error, ErrorCode::offset_out_of_range);
    EXPECT_GT(fetch(f, client, "t", 3, 1).bytes, 0u);
    EXPECT_EQ(delete_records(f, client, "t", 1, 1), (Deleted{ErrorCode::none, 3})) << "never backwards";
  });
  world.world.kill(world.client_machine, sim::CrashKind::process_kill);
  world.world.kill(world.broker_machine, sim::CrashKind::power_loss);
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(list_offsets(f, client, "t", kEarliest, 11, 1).offset, 3);
    EXPECT_EQ(delete_records(f, client, "t", -1, 1), (Deleted{ErrorCode::none, 5})) << "-1: all there is";
    EXPECT_EQ(list_offsets(f, client, "t", kEarliest, 11, 1).offset, 5);
    EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, 1).offset, Offset{5});
  });
}

TEST(WaitingFetches, HearThatTheirRecordsWereDeleted) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(produce(f, client, "t", one_record("v")).error, ErrorCode::none);
    RawClient reader = world.connect(f);
    kernel::Scope scope{f};
    const kernel::Mono begun = f.now();
    scope.spawn("reader", [&](Fiber& child) {
      net::Arena arena;
      net::FetchRequest request;
      request.max_wait_ms = 20'000;
      request.min_bytes = 1 << 20;
      request.max_bytes = 1 << 20;
      request.session_epoch = -1;
      auto& wanted = arena.push_back(request.topics, {.topic = "t"});
      arena.push_back(wanted.partitions, {.fetch_offset = Offset{1}, .partition_max_bytes = 1 << 20});
      const auto answer = reader.call(child, 11, request);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->response.responses[0].partitions[0].error_code, ErrorCode::offset_out_of_range);
      EXPECT_LT(child.now() - begun, 10s) << "at once, not when its wait is over";
    });
    ASSERT_TRUE(f.sleep(1s));
    EXPECT_EQ(delete_records(f, client, "t", 2), (Deleted{ErrorCode::none, 2}));
    EXPECT_TRUE(scope.join(f));
  });
}

TEST(DeleteRecords, RefusesWithKafkasError) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "c", 1, {{"cleanup.policy", "compact"}}), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "both", 1, {{"cleanup.policy", "compact,delete"}}), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "__consumer_offsets"), ErrorCode::none);
    ASSERT_EQ(produce(f, client, "t", one_record("v")).error, ErrorCode::none);
    EXPECT_EQ(delete_records(f, client, "t", 2), (Deleted{ErrorCode::offset_out_of_range, -1}));
    EXPECT_EQ(delete_records(f, client, "t", -2), (Deleted{ErrorCode::offset_out_of_range, -1}));
    EXPECT_EQ(delete_records(f, client, "t", INT64_MAX), (Deleted{ErrorCode::offset_out_of_range, -1}));
    EXPECT_EQ(delete_records(f, client, "t", 0, 1), (Deleted{ErrorCode::unknown_topic_or_partition, -1}));
    EXPECT_EQ(delete_records(f, client, "t", 0, -1), (Deleted{ErrorCode::unknown_topic_or_partition, -1}));
    EXPECT_EQ(delete_records(f, client, "none", 0), (Deleted{ErrorCode::unknown_topic_or_partition, -1}));
    EXPECT_EQ(delete_records(f, client, "c", 0), (Deleted{ErrorCode::policy_violation, -1}));
    EXPECT_EQ(delete_records(f, client, "both", 0), (Deleted{ErrorCode::none, 0}));
    EXPECT_EQ(delete_records(f, client, "__consumer_offsets", 0), (Deleted{ErrorCode::invalid_topic_exception, -1}));
    EXPECT_GT(fetch(f, client, "t", 0).bytes, 0u);
  });
}

TEST(ListOffsets, AnswersEverySpecialTimestampFromItsVersionOn) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    constexpr std::int64_t kThen = 1'700'000'000'000;
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "empty"), ErrorCode::none);
    for (const std::int64_t at : {kThen + 5, kThen + 9, kThen + 7})
      ASSERT_EQ(produce(f, client, "t", record_at(at)).error, ErrorCode::none);
    EXPECT_EQ(list_offsets(f, client, "t", kLatest).offset, 3);
    EXPECT_EQ(list_offsets(f, client, "t", kEarliest).offset, 0);
    EXPECT_EQ(list_offsets(f, client, "t", kMaxTimestamp).offset, 1);
    EXPECT_EQ(list_offsets(f, client, "t", kMaxTimestamp).timestamp_ms, kThen + 9);
    EXPECT_EQ(list_offsets(f, client, "t", kEarliestLocal).offset, 0);
    for (const std::int64_t tiered : {kLatestTiered, kEarliestPending}) {
      const Listed got = list_offsets(f, client, "t", tiered);
      EXPECT_EQ(got.error, ErrorCode::none);
      EXPECT_EQ(got.offset, -1);
      EXPECT_EQ(got.timestamp_ms, -1);
      EXPECT_EQ(got.epoch, -1);
    }
    EXPECT_EQ(list_offsets(f, client, "t", kThen + 6).offset, 1);
    EXPECT_EQ(list_offsets(f, client, "t", kThen + 6).timestamp_ms, kThen + 9);
    EXPECT_EQ(list_offsets(f, client, "t", kThen + 10).offset, -1);
    EXPECT_EQ(list_offsets(f, client, "empty", kMaxTimestamp).offset, -1);
    EXPECT_EQ(list_offsets(f, client, "empty", kLatest).offset, 0);
    for (const auto& [timestamp, first] : {std::pair{kMaxTimestamp, 7}, {kEarliestLocal, 8}, {kLatestTiered, 9},
                                           {kEarliestPending, 11}}) {
      for (std::int16_t version = 1; version <= 11; ++version)
        EXPECT_EQ(list_offsets(f, client, "t", timestamp, version).error,
                  version < first ? ErrorCode::unsupported_version : ErrorCode::none)
            << timestamp << " at version " << version;
    }
    EXPECT_EQ(list_offsets(f, client, "t", -7).error, ErrorCode::unsupported_version);
    EXPECT_EQ(list_offsets(f, client, "t", kLatest, 11, 1).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(list_offsets(f, client, "none", kLatest).error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(list_offsets(f, client, "t", kLatest, 11, 0, 99).error, ErrorCode::unknown_leader_epoch);
    EXPECT_EQ(list_offsets(f, client, "t", kLatest, 11, 0, -1, 2).error, ErrorCode::invalid_request) << "named twice";
  });
}

TEST(EpochEnds, TellWhereEachLeadersRecordsEnd) {
  BrokerWorld world;
  const auto ask = [&](Fiber& f, RawClient& client, std::string_view topic, std::int32_t epoch,
                       std::int32_t current = -1, std::int32_t partition = 0) {
    net::Arena arena;
    net::OffsetForLeaderEpochRequest request;
    auto& wanted = arena.push_back(request.topics, {.topic = topic});
    arena.push_back(wanted.partitions, {.partition = PartitionId{partition},
                                        .current_leader_epoch = net::LeaderEpoch{current},
                                        .leader_epoch = net::LeaderEpoch{epoch}});
    const auto answer = client.call(f, 4, request);
    const auto& got = answer->response.topics[0].partitions[0];
    return got.error_code == ErrorCode::none ? fmt::format("{}@{}", got.end_offset.raw(), got.leader_epoch.raw())
                                             : fmt::format("error {}", static_cast<int>(got.error_code));
  };
  const auto epoch_of = [](Fiber& f, RawClient& client) {
    return list_offsets(f, client, "t", kLatest).epoch;
  };
  std::int32_t first = 0;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    first = epoch_of(f, client);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(produce(f, client, "t", one_record("v")).error, ErrorCode::none);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    const std::int32_t second = epoch_of(f, client);
    ASSERT_GT(second, first);
    ASSERT_EQ(produce(f, client, "t", one_record("v")).offset, Offset{3});
    EXPECT_EQ(ask(f, client, "t", first), fmt::format("3@{}", first));
    EXPECT_EQ(ask(f, client, "t", second), fmt::format("4@{}", second));
    EXPECT_EQ(ask(f, client, "t", second + 1), "-1@-1");
    EXPECT_EQ(ask(f, client, "t", -1), "-1@-1");
    EXPECT_EQ(ask(f, client, "t", first, second), fmt::format("3@{}", first));
    EXPECT_EQ(ask(f, client, "t", first, first), fmt::format("error {}", 74)) << "fenced";
    EXPECT_EQ(ask(f, client, "t", first, second + 1), fmt::format("error {}", 75)) << "unknown epoch";
    EXPECT_EQ(ask(f, client, "t", 0, -1, 1), fmt::format("error {}", 3));
    EXPECT_EQ(ask(f, client, "none", 0), fmt::format("error {}", 3));
  });
}

TEST(DescribeProducers, TellsWhoWroteLast) {
  BrokerWorld world{{.shards = 2}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 2), ErrorCode::none);
    net::record::BatchBuilder builder{{.producer_id = net::ProducerId{42},
                                       .producer_epoch = net::ProducerEpoch{3},
                                       .base_sequence = 0}};
    builder.append({.timestamp_ms = 1'700'000'000'000, .value = kernel::as_bytes("a")});
    builder.append({.timestamp_ms = 1'700'000'000'001, .value = kernel::as_bytes("b")});
    ASSERT_EQ(produce(f, client, "t", builder.build(), 9, 1).error, ErrorCode::none);
    net::Arena arena;
    net::DescribeProducersRequest request;
    for (const std::string_view name : {"t", "none", "a/b"}) {
      auto& topic = arena.push_back(request.topics, {.name = name});
      for (const int p : {0, 1, 2}) arena.push_back(topic.partition_indexes, PartitionId{p});
    }
    const auto answer = client.call(f, 0, request);
    ASSERT_TRUE(answer);
    const auto& t = answer->response.topics[0].partitions;
    EXPECT_EQ(t[0].error_code, ErrorCode::none);
    EXPECT_EQ(t[0].active_producers.size(), 0u);
    ASSERT_EQ(t[1].active_producers.size(), 1u);
    const auto& producer = t[1].active_producers[0];
    EXPECT_EQ(producer.producer_id, net::ProducerId{42});
    EXPECT_EQ(producer.producer_epoch, 3);
    EXPECT_EQ(producer.last_sequence, 1);
    EXPECT_EQ(producer.last_timestamp, 1'700'000'000'001);
    EXPECT_EQ(producer.current_txn_start_offset, Offset{-1});
    EXPECT_EQ(t[2].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(answer->response.topics[1].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(answer->response.topics[2].partitions[0].error_code, ErrorCode::invalid_topic_exception);
  });
}

TEST(DescribeLogDirs, TellsWhatEachPartitionTakes) {
  BrokerWorld world{{.shards = 3}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "a", 2), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "b", 1), ErrorCode::none);
    const auto batch = one_record("value");
    for (int i = 0; i < 3; ++i) ASSERT_EQ(produce(f, client, "a", batch, 9, 1).error, ErrorCode::none);
    const auto ask = [&](std::int16_t version, bool all) {
      net::Arena arena;
      net::DescribeLogDirsRequest request;
      request.topics.reset();
      if (!all) {
        auto& topic = arena.push_back(request.topics.emplace(), {.topic = "a"});
        arena.push_back(topic.partitions, PartitionId{1});
      }
      const auto answer = client.call(f, version, request);
      EXPECT_TRUE(answer);
      const auto& directory = answer->response.results[0];
      EXPECT_EQ(answer->response.results.size(), 1u);
      EXPECT_EQ(directory.error_code, ErrorCode::none);
      std::string text = std::string{directory.log_dir} + " ";
      for (const auto& topic : directory.topics)
        for (const auto& one : topic.partitions)
          text += fmt::format("{}-{}:{} ", topic.name, one.partition_index.raw(), one.partition_size);
      EXPECT_GE(directory.total_bytes, directory.usable_bytes);
      EXPECT_EQ(directory.usable_bytes > 0, version >= 4);
      return text;
    };
    EXPECT_EQ(ask(1, true), fmt::format("/data a-0:0 a-1:{} b-0:0 ", 3 * batch.size()));
    EXPECT_EQ(ask(5, false), fmt::format("/data a-1:{} ", 3 * batch.size()));
  });
}

struct Page {
  std::string text;  ///< "topic:partitions…" or "topic!error"
  std::string cursor;
};
Page page(Fiber& f, RawClient& client, std::vector<std::string> topics, std::int32_t limit,
          std::optional<std::pair<std::string, std::int32_t>> cursor = std::nullopt) {
  net::Arena arena;
  net::DescribeTopicPartitionsRequest request;
  request.response_partition_limit = limit;
  for (const std::string& name : topics) arena.push_back(request.topics, {.name = name});
  if (cursor) request.cursor.emplace().topic_name = cursor->first;
  if (cursor) request.cursor->partition_index = PartitionId{cursor->second};
  const auto answer = client.call(f, 0, request);
  Page out;
  for (const auto& topic : answer->response.topics) {
    out.text += fmt::format("{}:", topic.name.value_or("null"));
    if (topic.error_code != ErrorCode::none) out.text += fmt::format("!{}", static_cast<int>(topic.error_code));
    for (const auto& one : topic.partitions) {
      out.text += fmt::format("{}", one.partition_index.raw());
      EXPECT_EQ(one.leader_id, net::BrokerId{1});
      EXPECT_TRUE(one.eligible_leader_replicas.has_value());
      EXPECT_EQ(one.replica_nodes.size(), 1u);
    }
    out.text += " ";
  }
  if (const auto& next = answer->response.next_cursor)
    out.cursor = fmt::format("{}:{}", next->topic_name, next->partition_index.raw());
  return out;
}

TEST(DescribeTopicPartitions, GoesOnWhereItsCursorSays) {
  BrokerWorld world{{.settings = {"max.request.partition.size.limit=4"}}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    for (const auto& [name, count] : {std::pair{"b", 3}, {"a", 2}, {"c", 1}})
      ASSERT_EQ(create_topic(f, client, name, count), ErrorCode::none);
    Page got = page(f, client, {}, 2000);
    EXPECT_EQ(got.text, "a:01 b:01 ") << "the broker's own limit";
    EXPECT_EQ(got.cursor, "b:2");
    got = page(f, client, {}, 2000, std::pair{"b", 2});
    EXPECT_EQ(got.text, "b:2 c:0 ");
    EXPECT_EQ(got.cursor, "");
    got = page(f, client, {}, 2);
    EXPECT_EQ(got.text, "a:01 ");
    EXPECT_EQ(got.cursor, "b:0");
    EXPECT_EQ(page(f, client, {}, 0).text, "a:0 ") << "at least one";
    EXPECT_EQ(page(f, client, {"c", "a"}, 4).text, "a:01 c:0 ");
    EXPECT_EQ(page(f, client, {"none", "c", "a/b"}, 4).text, "a/b:!17 c:0 none:!3 ");
    EXPECT_EQ(page(f, client, {"a", "c"}, 4, std::pair{"b", 0}).text, "a:!42 c:!42 ") << "cursor not asked for";
    EXPECT_EQ(page(f, client, {"a", "c"}, 4, std::pair{"c", -1}).text, "a:!42 c:!42 ");
    EXPECT_EQ(page(f, client, {}, 4, std::pair{"bb", 1}).text, "c:0 ") << "the cursor's topic was deleted";
    EXPECT_EQ(page(f, client, {}, 4, std::pair{"c", 7}).text, "c: ");
  });
}

TEST(ProducerIds, AreGivenOutOnceInEveryVersion) {
  BrokerWorld world{{.shards = 2}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    std::set<net::ProducerId> given;
    for (std::int16_t version = 0; version <= 5; ++version) {
      net::InitProducerIdRequest request;
      request.transactional_id.reset();
      const auto answer = client.call(f, version, request);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->response.error_code, ErrorCode::none);
      EXPECT_EQ(answer->response.producer_epoch, net::ProducerEpoch{0});
      EXPECT_TRUE(given.insert(answer->response.producer_id).second) << version;
    }
    net::InitProducerIdRequest half;
    half.transactional_id.reset();
    half.producer_id = net::ProducerId{7};
    const auto refused = client.call(f, 5, half);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->response.error_code, ErrorCode::invalid_request) << "an id without its epoch";
  });
}

TEST(ProduceById, NeedsAnIdThatIsKnown) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    net::Arena arena;
    net::MetadataRequest about;
    auto& topics = about.topics.emplace();
    arena.push_back(topics, {.name = "t"});
    const auto known = client.call(f, 12, about);
    ASSERT_TRUE(known);
    const auto batch = one_record("v");
    const auto send = [&](net::TopicId id, std::int32_t partition) {
      net::ProduceRequest request;
      request.acks = -1;
      request.timeout_ms = 10'000;
      net::Arena own;
      auto& data = own.push_back(request.topic_data, {.topic_id = id});
      own.push_back(data.partition_data, {.index = PartitionId{partition}, .records = net::Records::view(batch)});
      const auto answer = client.call(f, 13, request);
      EXPECT_EQ(answer->response.responses[0].topic_id, id);
      return answer->response.responses[0].partition_responses[0].error_code;
    };
    const net::TopicId id = known->response.topics[0].topic_id;
    EXPECT_EQ(send(id, 0), ErrorCode::none);
    EXPECT_EQ(send(id, 1), ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(send(net::TopicId{{1, 2}}, 0), ErrorCode::unknown_topic_id);
    EXPECT_EQ(send(net::TopicId{}, 0), ErrorCode::unknown_topic_id);
    EXPECT_EQ(list_offsets(f, client, "t", kLatest).offset, 1);
  });
}

}  // namespace
}  // namespace broker::testing
