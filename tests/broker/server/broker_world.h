// A broker and a client machine in a simulated world.
//
//   BrokerWorld world;
//   world.run([&](Fiber& f) { auto client = world.connect(f); ... });
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "broker/broker.h"
#include "broker/config/broker_config.h"
#include "net/messages/create_topics.h"
#include "net/messages/fetch.h"
#include "net/messages/produce.h"
#include "net/record/batch_builder.h"
#include "sim/machine.h"
#include "sim/world.h"
#include "tests/broker/server/raw_client.h"

namespace broker::testing {

struct BrokerWorldOptions {
  std::uint64_t seed = 1;
  std::uint32_t shards = 1;
  std::vector<std::string> settings;
  std::string planted_bug;  ///< kernel/bug.h
};

class BrokerWorld {
 public:
  explicit BrokerWorld(BrokerWorldOptions options = {})
      : world{{.seed = options.seed, .planted_bug = options.planted_bug}, stacks_},
        broker_machine{world.add_machine("broker")},
        client_machine{world.add_machine("client")},
        shards_{options.shards} {
    options.settings.insert(options.settings.begin(),
                            {fmt::format("listeners=PLAINTEXT://{}:9092", broker_machine.address()),
                             "log.dirs=/data", "kalda.admin.port=-1", fmt::format("kalda.shards={}", shards_)});
    auto loaded = config::load_broker_config("", options.settings);
    EXPECT_TRUE(loaded.config) << (loaded.problems.empty() ? "" : loaded.problems.front());
    config = std::move(*loaded.config);
  }

  /// Runs `client` once the broker serves; fails when it has not ended in ten minutes of virtual time, or the broker
  /// complained of an error of its own.
  void run(const std::function<void(Fiber&)>& client) {
    bool started = false, ended = false;
    world.boot(broker_machine, shards_, [&](Fiber& f) {
      const auto outcome = Broker::run(f, config, [&](const Started&) { started = true; });
      EXPECT_TRUE(outcome) << kernel::describe(outcome.error());
    });
    world.run_until([&] { return started; }, 60s);
    ASSERT_TRUE(started);
    world.boot(client_machine, 1, [&](Fiber& f) {
      client(f);
      ended = true;
    });
    world.run_until([&] { return ended; }, 600s);
    EXPECT_TRUE(ended) << "the client waits for ever";
    EXPECT_EQ(world.error_lines(), errors_expected) << (world.errors().empty() ? "" : world.errors().front().text);
  }
  /// Ends both processes as kill -9 does; run() starts them again on what is left.
  void kill() {
    world.kill(client_machine, sim::CrashKind::process_kill);
    world.kill(broker_machine, sim::CrashKind::process_kill);
  }
  RawClient connect(Fiber& f) { return *RawClient::connect(f, {broker_machine.address(), 9092}); }

 private:
  kernel::StackPool stacks_;

 public:
  sim::World world;
  sim::Machine& broker_machine;
  sim::Machine& client_machine;
  config::BrokerConfig config;
  std::uint64_t errors_expected = 0;  ///< lines the broker logs as errors

 private:
  std::uint32_t shards_;
};

inline net::ErrorCode create_topic(Fiber& f, RawClient& client, std::string_view name, std::int32_t partitions = 1,
                                   std::vector<std::pair<std::string_view, std::string_view>> settings = {},
                                   std::int16_t replication_factor = 1) {
  net::Arena arena;
  net::CreateTopicsRequest request;
  request.timeout_ms = 10'000;
  auto& topic = arena.push_back(request.topics, {});
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = replication_factor;
  for (const auto& [key, value] : settings) arena.push_back(topic.configs, {.name = key, .value = value});
  const auto answer = client.call(f, 5, request);
  if (!answer || answer->response.topics.size() != 1) return net::ErrorCode::network_exception;
  return answer->response.topics[0].error_code;
}

struct Produced {
  net::ErrorCode error;
  net::Offset offset{-1};
  std::string message{};
};
inline Produced produce(Fiber& f, RawClient& client, std::string_view topic, kernel::ByteView records,
                        std::int16_t version = 9, std::int32_t partition = 0, std::int16_t acks = -1) {
  net::Arena arena;
  net::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 10'000;
  auto& data = arena.push_back(request.topic_data, {.name = topic});
  arena.push_back(data.partition_data,
                  {.index = net::PartitionId{partition}, .records = net::Records::view(records)});
  const auto answer = client.call(f, version, request);
  if (!answer || answer->response.responses.size() != 1) return {net::ErrorCode::network_exception};
  const auto& got = answer->response.responses[0].partition_responses[0];
  return {got.error_code, got.base_offset, std::string{got.error_message.value_or("")}};
}

struct Fetched {
  net::ErrorCode error;
  net::Offset high_watermark{-1};
  std::size_t bytes = 0;
  bool records_null = false;
};
inline Fetched fetch(Fiber& f, RawClient& client, std::string_view topic, std::int64_t offset,
                     std::int32_t partition = 0, std::int16_t version = 11) {
  net::Arena arena;
  net::FetchRequest request;
  request.max_wait_ms = 100;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.session_epoch = -1;
  auto& wanted = arena.push_back(request.topics, {.topic = topic});
  arena.push_back(wanted.partitions, {.partition = net::PartitionId{partition},
                                      .fetch_offset = net::Offset{offset},
                                      .partition_max_bytes = 1 << 20});
  const auto answer = client.call(f, version, request);
  if (!answer || answer->response.responses.size() != 1) return {net::ErrorCode::network_exception};
  const auto& got = answer->response.responses[0].partitions[0];
  return {got.error_code, got.high_watermark, got.records.size_bytes(), got.records.is_null()};
}

inline std::vector<std::byte> one_record(std::string_view value, std::string_view key = "k") {
  net::record::BatchBuilder builder{{}};
  builder.append({.timestamp_ms = 1'700'000'000'000, .key = kernel::as_bytes(key), .value = kernel::as_bytes(value)});
  return builder.build();
}

}  // namespace broker::testing
