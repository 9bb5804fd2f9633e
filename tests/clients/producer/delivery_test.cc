// The producer against a scripted broker that drops, dawdles and lies about what it did.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "clients/consumer/consumer.h"
#include "clients/producer/producer.h"
#include "tests/clients/client_world.h"

namespace clients::producer {
namespace {

using namespace std::chrono_literals;
using testing::ClientWorld;
using Outcome = Delivery::Outcome;

/// Values on a log in order, with the offsets they are at.
std::vector<std::pair<std::int64_t, std::string>> read_log(const testing::FakeBroker::Log& log) {
  std::vector<std::pair<std::int64_t, std::string>> values;
  for (const auto& batch : log.batches) {
    const auto region = net::record::RecordRegion::open(
        batch.header, kernel::ByteView{batch.bytes}.subspan(net::record::kHeaderBytes), 1 << 20);
    auto records = region->iterate();
    while (const auto record = *records.next()) values.emplace_back(record->offset.raw(), testing::text_of(record->value));
  }
  return values;
}

struct Sent {
  std::string value;
  DeliveryFuture future;
};

/// Sends `count` numbered records to two partitions through a storm that ends, and answers what was sent where.
std::map<int, std::vector<Sent>> send_through(ClientWorld& world, ProducerConfig config, int count,
                                              testing::FakeFaults storm) {
  std::map<int, std::vector<Sent>> sent;
  world.broker.faults = storm;
  const bool ended = world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    auto producer = Producer::open(scope, cluster, config);
    ASSERT_TRUE(producer.has_value());
    for (int i = 0; i < count; ++i) {
      const int partition = i % 2;
      const std::string value = fmt::format("{}:{}", partition, i);
      auto future = (*producer)->send(f, {.topic = "t", .partition = net::PartitionId{partition},
                                          .value = kernel::as_bytes(value)});
      ASSERT_TRUE(future) << kernel::describe(future.error());
      sent[partition].push_back({value, *future});
      if (i % 7 == 0) (void)f.sleep(1ms);
    }
    ASSERT_TRUE((*producer)->flush(f));
    EXPECT_EQ((*producer)->pending_records(), 0u);
    ASSERT_TRUE((*producer)->close(f));
  });
  EXPECT_TRUE(ended);
  return sent;
}

TEST(Delivery, records_arrive_once_and_in_order_although_connections_drop) {
  std::uint64_t duplicates = 0;
  std::uint64_t out_of_order = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    ClientWorld world{seed};
    world.broker.add_topic("t", 2);
    world.world.after(20s, [&] { world.broker.faults = {}; });
    const auto sent = send_through(world, {.linger = 2ms, .batch_bytes = 200}, 300,
                                   {.drop_before_ppm = 40'000, .drop_after_ppm = 40'000, .error_ppm = 60'000, .delay_max = 5ms});
    for (const auto& [partition, records] : sent) {
      const auto on_log = read_log(world.broker.log("t", partition));
      ASSERT_EQ(on_log.size(), records.size()) << "seed " << seed << " partition " << partition;
      for (std::size_t i = 0; i < records.size(); ++i) {
        ASSERT_EQ(on_log[i].second, records[i].value) << "seed " << seed;
        ASSERT_TRUE(records[i].future.is_done());
        const Delivery delivery = records[i].future.delivery();
        ASSERT_EQ(delivery.outcome, Outcome::ok) << "seed " << seed << kernel::describe(delivery.error);
        ASSERT_EQ(delivery.offset.raw(), on_log[i].first) << "seed " << seed;
      }
    }
    duplicates += world.broker.duplicates_dropped;
    out_of_order += world.broker.out_of_order;
  }
  EXPECT_GT(duplicates, 0u) << "no attempt was ever repeated after it had landed: the test shows nothing";
  EXPECT_GT(out_of_order, 0u) << "no batch ever overtook another: the test shows nothing";
}

TEST(Delivery, a_refused_batch_fails_alone_and_the_rest_go_on) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ClientWorld world{seed};
    world.broker.add_topic("t", 2);
    world.world.after(25ms, [&] { world.broker.scripted[net::ApiKey::produce] = {net::ErrorCode::message_too_large}; });
    const auto sent = send_through(world, {.linger = 1ms, .batch_bytes = 150}, 200, {.delay_max = 3ms});
    std::size_t failed = 0;
    for (const auto& [partition, records] : sent) {
      std::vector<std::string> acknowledged;
      for (const Sent& record : records) {
        const Delivery delivery = record.future.delivery();
        if (delivery.outcome == Outcome::ok) acknowledged.push_back(record.value);
        else if (delivery.outcome == Outcome::failed) ++failed;
        else ADD_FAILURE() << "seed " << seed << ": nothing was lost on the way, so nothing is unknown";
      }
      std::vector<std::string> on_log;
      for (const auto& [offset, value] : read_log(world.broker.log("t", partition))) on_log.push_back(value);
      EXPECT_EQ(on_log, acknowledged) << "seed " << seed;
    }
    EXPECT_GT(failed, 0u);
    EXPECT_LT(failed, 20u);
  }
}

TEST(Delivery, a_refusal_comes_with_the_brokers_words_and_the_records_it_blames) {
  ClientWorld world{5};
  world.broker.add_topic("t", 1);
  world.broker.scripted[net::ApiKey::produce] = {net::ErrorCode::invalid_record};
  world.broker.refusal = "one record is bad";
  world.broker.blamed = {{1, "it has no key"}, {2, ""}};
  const auto send_three = [](kernel::Fiber& f, Producer& producer) {
    std::vector<DeliveryFuture> sent;
    for (int i = 0; i < 3; ++i) sent.push_back(*producer.send(f, {.topic = "t", .partition = net::PartitionId{0}}));
    EXPECT_TRUE(producer.flush(f));
    return sent;
  };
  const bool ended = world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    auto producer = *Producer::open(scope, cluster, {.linger = 10ms});
    const auto refused = send_three(f, *producer);
    for (const DeliveryFuture& one : refused) {
      ASSERT_EQ(one.delivery().outcome, Outcome::failed);
      EXPECT_EQ(one.refusal().message, "one record is bad");
      ASSERT_EQ(one.refusal().records.size(), 2u);
      EXPECT_EQ(one.refusal().records[0].index, refused[1].index());
      EXPECT_EQ(one.refusal().records[0].message, "it has no key");
      EXPECT_EQ(one.refusal().records[1].message, "");
    }
    // What was said of an attempt is not said of one that went well.
    world.broker.scripted[net::ApiKey::produce] = {net::ErrorCode::not_enough_replicas};
    for (const DeliveryFuture& one : send_three(f, *producer)) {
      EXPECT_EQ(one.delivery().outcome, Outcome::ok);
      EXPECT_TRUE(one.refusal().message.empty() && one.refusal().records.empty());
    }
    ASSERT_TRUE(producer->close(f));
  });
  EXPECT_TRUE(ended);
}

TEST(Delivery, without_an_answer_the_outcome_is_unknown_and_later_records_still_arrive) {
  ClientWorld world{3};
  world.broker.add_topic("t", 1);
  world.broker.faults.drop_after_ppm = 0;
  const bool ended = world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    auto producer = *Producer::open(scope, cluster, {.linger = 0ms, .delivery_timeout = 5s});
    auto first = *producer->send(f, {.topic = "t", .value = kernel::as_bytes("first")});
    ASSERT_EQ(first.get(f)->outcome, Outcome::ok);
    world.broker.silent.insert(net::ApiKey::produce);
    auto lost = *producer->send(f, {.topic = "t", .value = kernel::as_bytes("lost")});
    const Delivery unknown = *lost.get(f);
    EXPECT_EQ(unknown.outcome, Outcome::unknown);
    EXPECT_TRUE(unknown.error.is(core::Reason::delivery_timeout)) << kernel::describe(unknown.error);
    world.broker.silent.clear();
    auto later = *producer->send(f, {.topic = "t", .value = kernel::as_bytes("later")});
    EXPECT_EQ(later.get(f)->outcome, Outcome::ok);
    ASSERT_TRUE(producer->close(f));
  });
  EXPECT_TRUE(ended);
  const auto on_log = read_log(world.broker.log("t", 0));
  ASSERT_EQ(on_log.size(), 2u);
  EXPECT_EQ(on_log[1].second, "later");
  EXPECT_EQ(world.broker.log("t", 0).batches.back().header.producer_epoch, net::ProducerEpoch{1});
}

TEST(Delivery, what_never_left_the_client_has_failed) {
  ClientWorld world{5};
  world.broker.add_topic("t", 1);
  world.broker.silent.insert(net::ApiKey::init_producer_id);
  const bool ended = world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    auto producer = *Producer::open(scope, cluster, {.delivery_timeout = 3s});
    auto never = *producer->send(f, {.topic = "t", .value = kernel::as_bytes("never")});
    EXPECT_EQ(never.get(f)->outcome, Outcome::failed);
    // Going without close() is allowed.
  });
  EXPECT_TRUE(ended);
}

TEST(Delivery, a_full_buffer_holds_the_sender_back_and_then_refuses) {
  ClientWorld world{6};
  world.broker.add_topic("t", 1);
  const bool ended = world.run([&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) {
    const std::string kilobyte(1000, 'x');
    auto producer = *Producer::open(scope, cluster, {.batch_bytes = 2000, .buffer_bytes = 10'000, .block_max = 1s});
    const Record record{.topic = "t", .value = kernel::as_bytes(kilobyte)};
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(producer->send(f, record));
    world.broker.silent.insert(net::ApiKey::produce);
    kernel::Result<DeliveryFuture> refused{};
    for (int i = 0; i < 20 && refused; ++i) refused = producer->send(f, record);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(kernel::Errc::exhausted)) << kernel::describe(refused.error());
    const std::string megabyte(1 << 20, 'x');
    const auto large = producer->send(f, {.topic = "t", .value = kernel::as_bytes(megabyte)});
    ASSERT_FALSE(large);
    EXPECT_TRUE(large.error().is(core::Reason::record_too_large));
  });
  EXPECT_TRUE(ended);
}

TEST(Delivery, acks_zero_and_no_idempotence_work_too) {
  for (const Acks acks : {Acks::none, Acks::leader, Acks::all}) {
    ClientWorld world{7};
    world.broker.add_topic("t", 2);
    const auto sent = send_through(world, {.acks = acks, .idempotence = false}, 50, {});
    world.world.run_for(5s);
    for (const auto& [partition, records] : sent) {
      EXPECT_EQ(read_log(world.broker.log("t", partition)).size(), records.size());
      for (const Sent& record : records) EXPECT_EQ(record.future.delivery().outcome, Outcome::ok);
    }
    EXPECT_EQ(world.broker.requests[net::ApiKey::init_producer_id], 0);
  }
}

TEST(Delivery, settings_that_contradict_each_other_are_refused) {
  ClientWorld world{8};
  world.run([&](kernel::Fiber&, kernel::Scope& scope, auto cluster) {
    EXPECT_FALSE(Producer::open(scope, cluster, {.acks = Acks::leader}));
    EXPECT_FALSE(Producer::open(scope, cluster, {.in_flight_max = 6}));
    EXPECT_FALSE(Producer::open(scope, cluster, {.batch_bytes = 100, .buffer_bytes = 99}));
  });
}

TEST(Delivery, old_and_new_brokers_are_spoken_to_in_their_versions) {
  for (const auto& [api_versions_last, produce_last] : {std::pair{0, 3}, {2, 8}, {3, 12}, {4, 13}}) {
    ClientWorld world{9};
    world.broker.add_topic("t", 2);
    world.broker.api_versions_last = static_cast<std::int16_t>(api_versions_last);
    world.broker.version_last[net::ApiKey::produce] = static_cast<std::int16_t>(produce_last);
    (void)send_through(world, {.compression = net::compress::Codec::lz4}, 20, {});
    EXPECT_EQ(read_log(world.broker.log("t", 0)).size(), 10u);
  }
}

}  // namespace
}  // namespace clients::producer
