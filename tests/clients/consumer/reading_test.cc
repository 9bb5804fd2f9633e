// The consumer against a scripted broker.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "clients/consumer/consumer.h"
#include "net/record/control.h"
#include "tests/clients/client_world.h"

namespace clients::consumer {
namespace {

using namespace std::chrono_literals;
using net::PartitionId;
using testing::ClientWorld;

/// Polls until `count` records of each assigned partition came, or nothing comes for long.
std::map<TopicPartition, std::vector<std::string>> read(kernel::Fiber& f, Consumer& consumer, std::size_t count) {
  std::map<TopicPartition, std::vector<std::string>> values;
  std::map<TopicPartition, net::Offset> last;
  const auto enough = [&] {
    for (const auto& at : consumer.assignment()) {
      if (values[at].size() < count) return false;
    }
    return true;
  };
  while (!enough()) {
    const auto polled = consumer.poll(f, 30s);
    EXPECT_TRUE(polled);
    if (!polled || !*polled) break;
    EXPECT_FALSE((*polled)->error) << kernel::describe(*(*polled)->error);
    if ((*polled)->error) break;
    for (const auto& record : (*polled)->records) {
      const auto before = last.find((*polled)->at);
      EXPECT_TRUE(before == last.end() || record.offset > before->second);
      last[(*polled)->at] = record.offset;
      values[(*polled)->at].push_back(testing::text_of(record.value));
    }
  }
  return values;
}

TEST(Reading, everything_comes_in_order_through_short_reads_drops_and_lost_sessions) {
  std::uint64_t incremental = 0;
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ClientWorld world{seed};
    world.broker.add_topic("a", 2);
    world.broker.add_topic("b", 1);
    world.broker.short_fetches = seed % 2 == 0;
    world.broker.faults = {.drop_before_ppm = 30'000, .drop_after_ppm = 30'000, .error_ppm = 50'000,
                           .forget_session_ppm = 50'000, .delay_max = 3ms};
    const std::vector<TopicPartition> all{{"a", PartitionId{0}}, {"a", PartitionId{1}}, {"b", PartitionId{0}}};
    for (int i = 0; i < 100; ++i) {
      for (const auto& at : all)
        world.broker.append(at.topic, at.partition.raw(), fmt::format("{}-{}", at.topic, i),
                            {.codec = i % 3 == 0 ? net::record::Codec::zstd : net::record::Codec::none});
    }
    const bool ended = world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
      auto consumer = *Consumer::open(scope, cluster, {.partition_bytes_max = 700, .prefetch_bytes = 2000});
      for (const auto& at : all) consumer->assign(at, Beginning{});
      const auto values = read(f, *consumer, 100);
      for (const auto& at : all) {
        ASSERT_EQ(values.at(at).size(), 100u) << "seed " << seed;
        for (int i = 0; i < 100; ++i) ASSERT_EQ(values.at(at)[static_cast<std::size_t>(i)], fmt::format("{}-{}", at.topic, i));
        EXPECT_EQ(consumer->position(at), net::Offset{100});
      }
      lost += consumer->stats().sessions_lost;
      ASSERT_TRUE(consumer->close(f));
    });
    EXPECT_TRUE(ended) << "seed " << seed;
    incremental += world.broker.incremental_fetches;
  }
  EXPECT_GT(incremental, 0u);
  EXPECT_GT(lost, 0u);
}

TEST(Reading, a_waiting_reader_gets_what_is_appended_meanwhile) {
  ClientWorld world{2};
  world.broker.add_topic("a", 1);
  const TopicPartition at{"a", PartitionId{0}};
  for (int i = 0; i < 5; ++i) world.broker.append("a", 0, "old");
  world.world.after(10s, [&] { world.broker.append("a", 0, "new"); });
  EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    auto consumer = *Consumer::open(scope, cluster);
    consumer->assign(at, End{});
    const auto nothing = consumer->poll(f, 1s);
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(nothing->has_value());
    EXPECT_EQ(read(f, *consumer, 1).at(at), std::vector<std::string>{"new"});
    EXPECT_EQ(consumer->end_offsets(f, {at})->at(at), net::Offset{6});
    EXPECT_EQ(consumer->beginning_offsets(f, {at})->at(at), net::Offset{0});
  }));
}

TEST(Reading, starts_at_offsets_times_and_in_the_middle_of_a_batch) {
  ClientWorld world{3};
  world.broker.add_topic("a", 1);
  const TopicPartition at{"a", PartitionId{0}};
  net::record::BatchBuilder builder{{}};
  for (const char* value : {"0", "1", "2"}) builder.append({.timestamp_ms = 1000, .value = kernel::as_bytes(value)});
  world.broker.append_bytes(world.broker.log("a", 0), builder.build());
  world.broker.append("a", 0, "3", {}, 2000);
  world.broker.append("a", 0, "4", {}, 3000);
  EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    auto consumer = *Consumer::open(scope, cluster);
    consumer->assign(at, net::Offset{2});
    EXPECT_EQ(read(f, *consumer, 3).at(at), (std::vector<std::string>{"2", "3", "4"}));
    consumer->seek(at, AtTime{2500});
    EXPECT_EQ(read(f, *consumer, 1).at(at), (std::vector<std::string>{"4"}));
    consumer->seek(at, net::Offset{1});
    consumer->pause(at);
    EXPECT_FALSE(consumer->poll(f, 2s)->has_value());
    consumer->resume(at);
    EXPECT_EQ(read(f, *consumer, 4).at(at), (std::vector<std::string>{"1", "2", "3", "4"}));
  }));
}

TEST(Reading, an_offset_out_of_range_follows_the_policy) {
  const TopicPartition at{"a", PartitionId{0}};
  for (const OffsetReset policy : {OffsetReset::none, OffsetReset::earliest, OffsetReset::latest}) {
    ClientWorld world{4};
    world.broker.add_topic("a", 1);
    for (int i = 0; i < 10; ++i) world.broker.append("a", 0, std::to_string(i));
    world.broker.log("a", 0).start = 4;
    EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
      auto consumer = *Consumer::open(scope, cluster, {.offset_reset = policy});
      consumer->assign(at, net::Offset{1});
      auto polled = *consumer->poll(f, 3s);
      if (policy == OffsetReset::none) {
        ASSERT_TRUE(polled && polled->error);
        EXPECT_EQ(core::broker_code(*polled->error), net::ErrorCode::offset_out_of_range);
        EXPECT_FALSE(consumer->poll(f, 1s)->has_value()) << "told once";
        consumer->seek(at, Beginning{});
        polled = *consumer->poll(f, 3s);
      }
      if (policy == OffsetReset::latest) {
        EXPECT_FALSE(polled);
        EXPECT_EQ(consumer->position(at), net::Offset{10});
      } else {
        ASSERT_TRUE(polled);
        EXPECT_EQ(testing::text_of(polled->records.at(0).value), "4");
      }
    }));
  }
}

TEST(Reading, aborted_records_are_hidden_from_read_committed_and_markers_from_all) {
  const TopicPartition at{"a", PartitionId{0}};
  for (const auto isolation : {IsolationLevel::read_uncommitted, IsolationLevel::read_committed}) {
    ClientWorld world{5};
    world.broker.add_topic("a", 1);
    auto& log = world.broker.log("a", 0);
    const auto transactional = [](std::int64_t producer) {
      return net::record::BatchOptions{.producer_id = net::ProducerId{producer}, .producer_epoch = net::ProducerEpoch{0},
                                       .base_sequence = 0, .transactional = true};
    };
    const auto marker = [&](std::int64_t producer, net::record::ControlType type) {
      world.broker.append_bytes(log, net::record::build_transaction_marker(
          {.type = type, .producer_id = net::ProducerId{producer}, .producer_epoch = net::ProducerEpoch{0}},
          net::Offset{0}, net::LeaderEpoch{3}));
    };
    world.broker.append("a", 0, "kept", transactional(1));
    world.broker.append("a", 0, "dropped", transactional(2));
    world.broker.append("a", 0, "plain");
    marker(2, net::record::ControlType::abort);
    marker(1, net::record::ControlType::commit);
    world.broker.append("a", 0, "again", transactional(2));
    marker(2, net::record::ControlType::commit);
    log.aborted.emplace_back(net::ProducerId{2}, net::Offset{1});
    EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
      auto consumer = *Consumer::open(scope, cluster, {.isolation = isolation});
      consumer->assign(at, Beginning{});
      const std::vector<std::string> expected = isolation == IsolationLevel::read_committed
                                                    ? std::vector<std::string>{"kept", "plain", "again"}
                                                    : std::vector<std::string>{"kept", "dropped", "plain", "again"};
      EXPECT_EQ(read(f, *consumer, expected.size()).at(at), expected);
      EXPECT_EQ(consumer->position(at), net::Offset{7}) << "the marker at the end is behind the reader";
    }));
  }
}

TEST(Reading, a_damaged_batch_halts_its_partition_and_shows_nothing_of_it) {
  ClientWorld world{6};
  world.broker.add_topic("a", 1);
  const TopicPartition at{"a", PartitionId{0}};
  for (const char* value : {"0", "1", "2"}) world.broker.append("a", 0, value);
  world.broker.log("a", 0).batches[1].bytes.back() ^= std::byte{1};
  EXPECT_TRUE(world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    auto consumer = *Consumer::open(scope, cluster);
    consumer->assign(at, Beginning{});
    const auto good = *consumer->poll(f, 3s);
    ASSERT_TRUE(good && !good->error);
    const auto bad = *consumer->poll(f, 3s);
    ASSERT_TRUE(bad && bad->error);
    EXPECT_TRUE(bad->error->is(core::Reason::corrupt_batch));
    EXPECT_EQ(bad->error->detail, 1);
  }));
}

}  // namespace
}  // namespace clients::consumer
