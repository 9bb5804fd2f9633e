// The simulated machine is counted too: disk, network and trace take their part of each number.
#include "net/messages/metadata.h"
#include "tests/bench/built_batch.h"
#include "tests/bench/hot_paths.h"
#include "tests/broker/log/log_harness.h"
#include "tests/broker/server/broker_world.h"

namespace bench {
namespace {

using kernel::Buffer;
using kernel::Fiber;

constexpr std::size_t kSmallBytes = 1024;
constexpr std::size_t kLargeBytes = 16 << 10;

/// Runs `body` with an open log.
void with_log(const std::function<void(Fiber&, broker::log::Log&)>& body) {
  broker::log::testing::run([&](Fiber& f) {
    broker::log::testing::Ground ground{f};
    CHECK(ground.open(f));
    auto log = broker::log::Log::open(f, *ground.shard, broker::log::testing::kOrders, {});
    CHECK(log);
    body(f, **log);
    CHECK((*log)->close(f));
    CHECK(ground.close(f));
  });
}

void append_and_commit(Fiber& f, broker::log::Log& log, Buffer batch) {
  const auto done = log.append(f, std::move(batch), {});
  CHECK(done);
  CHECK(log.wait_committed(f, *done));
}

template <std::size_t kBatchBytes>
void append(Meter& meter) {
  constexpr int kOperations = 100;
  with_log([&](Fiber& f, broker::log::Log& log) {
    const std::vector<std::byte> batch = build_batch(kBatchBytes, 100);
    std::vector<Buffer> batches;  // each is the log's own once it is appended
    for (int i = 0; i < meter.bodies(kOperations); ++i) batches.push_back(Buffer::copy_of(batch));
    meter.count(kOperations, [&, next = std::size_t{0}]() mutable {
      append_and_commit(f, log, std::move(batches[next++]));
    });
  });
}

/// 16 KiB from the end of a log, which takes `kBatches` batches.
template <std::size_t kBatches>
void read(Meter& meter) {
  with_log([&](Fiber& f, broker::log::Log& log) {
    const std::vector<std::byte> batch = build_batch(kLargeBytes / kBatches, 100);
    std::vector<net::Offset> begins;
    for (std::size_t i = 0; i < 3 * kBatches; ++i) {
      begins.push_back(log.next());
      append_and_commit(f, log, Buffer::copy_of(batch));
    }
    meter.count(200, [&] {
      const auto slice = log.read(f, begins[2 * kBatches], {.bytes_max = 1 << 20});
      CHECK(slice && slice->bytes.size() == kBatches * batch.size());
      keep(*slice);
    });
  });
}

net::TopicId id_of(Fiber& f, broker::testing::RawClient& client, std::string_view topic) {
  net::Arena arena;
  net::MetadataRequest request;
  arena.push_back(request.topics.emplace(), {.name = topic});
  const auto answer = client.call(f, 12, request);
  CHECK(answer && answer->response.topics.size() == 1);
  return answer->response.topics[0].topic_id;
}

/// A broker, and a client with a connection and an empty topic.
void with_broker(const std::function<void(Fiber&, broker::testing::RawClient&, net::TopicId)>& body) {
  broker::testing::BrokerWorld world;
  world.run([&](Fiber& f) {
    auto client = world.connect(f);
    CHECK(create_topic(f, client, "orders") == net::ErrorCode::none);
    body(f, client, id_of(f, client, "orders"));
  });
}

void produce_once(Fiber& f, broker::testing::RawClient& client, net::TopicId topic, kernel::ByteView batch) {
  net::Arena arena;
  net::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 10'000;
  auto& data = arena.push_back(request.topic_data, {.topic_id = topic});
  arena.push_back(data.partition_data, {.index = net::PartitionId{0}, .records = net::Records::view(batch)});
  const auto answer = client.call(f, net::ProduceRequest::kVersions.last, request);
  CHECK(answer && answer->response.responses[0].partition_responses[0].error_code == net::ErrorCode::none);
}

void fetch_once(Fiber& f, broker::testing::RawClient& client, net::TopicId topic, std::size_t bytes) {
  net::Arena arena;
  net::FetchRequest request;
  request.max_wait_ms = 100;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.session_epoch = -1;
  auto& wanted = arena.push_back(request.topics, {.topic_id = topic});
  arena.push_back(wanted.partitions, {.partition = net::PartitionId{0},
                                      .fetch_offset = net::Offset{0},
                                      .partition_max_bytes = static_cast<std::int32_t>(bytes)});
  const auto answer = client.call(f, net::FetchRequest::kVersions.last, request);
  CHECK(answer && answer->response.responses[0].partitions[0].records.size_bytes() == bytes);
}

template <std::size_t kBatchBytes>
void produce(Meter& meter) {
  with_broker([&](Fiber& f, broker::testing::RawClient& client, net::TopicId topic) {
    const std::vector<std::byte> batch = build_batch(kBatchBytes, 100);
    meter.count(100, [&] { produce_once(f, client, topic, batch); });
  });
}

void fetch(Meter& meter) {
  with_broker([&](Fiber& f, broker::testing::RawClient& client, net::TopicId topic) {
    const std::vector<std::byte> batch = build_batch(kLargeBytes, 100);
    for (int i = 0; i < 5; ++i) produce_once(f, client, topic, batch);
    meter.count(100, [&] { fetch_once(f, client, topic, batch.size()); });
  });
}

constexpr HotPath kPaths[]{
    {"log.append.1KiB", "append of a batch until it is committed", append<kSmallBytes>},
    {"log.append.16KiB", "append of a batch until it is committed", append<kLargeBytes>},
    {"log.read.16KiB", "read of the last batch", read<1>},
    {"log.read.16x1KiB", "read of the last batches together", read<16>},
    {"broker.produce.1KiB", "request to answer, client and network included", produce<kSmallBytes>},
    {"broker.produce.16KiB", "request to answer, client and network included", produce<kLargeBytes>},
    {"broker.fetch.16KiB", "request to answer, client and network included", fetch},
};

}  // namespace

std::span<const HotPath> broker_paths() { return kPaths; }

}  // namespace bench
