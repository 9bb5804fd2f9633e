// `kalda serve` with several shards on real threads: everybody at once, and nothing acknowledged is lost. What TSan
// looks at when it looks at the data path.
#include <map>

#include "kernel/posix/runtime.h"
#include "net/messages/delete_topics.h"
#include "net/record/batch_reader.h"
#include "net/record/record_iterator.h"
#include "tests/broker/coordinators/group_client.h"
#include "tests/broker/http_client.h"
#include "tests/broker/serve_process.h"

namespace broker::testing {
namespace {

constexpr int kPartitions = 6, kProducersEach = 2, kBatchesEach = 25, kRecordsEach = 4;
constexpr std::size_t kRecordsInAll = std::size_t{kPartitions} * kProducersEach * kBatchesEach * kRecordsEach;
using Acknowledged = std::map<std::pair<std::int32_t, std::int64_t>, std::string>;  // by partition and offset

/// The records of one fetch that waits up to 20 s for the first, by offset.
Result<std::map<std::int64_t, std::string>> fetch_waiting(Fiber& f, RawClient& client, std::string_view topic,
                                                          std::int32_t partition, std::int64_t offset) {
  net::Arena arena;
  net::FetchRequest request;
  request.max_wait_ms = 20'000;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.session_epoch = -1;
  auto& wanted = arena.push_back(request.topics, {.topic = topic});
  arena.push_back(wanted.partitions, {.partition = PartitionId{partition}, .fetch_offset = Offset{offset}, .partition_max_bytes = 1 << 20});
  const auto answer = TRY(client.call(f, 11, request));
  const auto& got = answer.response.responses[0].partitions[0];
  EXPECT_EQ(got.error_code, ErrorCode::none);
  std::map<std::int64_t, std::string> records;
  net::record::BatchReader reader{got.records.bytes()};
  while (const auto batch = TRY(reader.next())) {
    const kernel::ByteView whole = batch->bytes;
    EXPECT_EQ(net::record::compute_crc({&whole, 1}), batch->header.crc);
    const auto region = TRY(net::record::RecordRegion::open(batch->header, batch->records(), 1 << 20));
    auto iterator = region.iterate();
    while (const auto record = TRY(iterator.next()))
      if (record->offset.raw() >= offset) records[record->offset.raw()] = kernel::as_text(*record->value);
  }
  return records;
}

class Crowd {
 public:
  Crowd(std::uint16_t port, std::uint16_t admin_port) : broker_{"127.0.0.1", port}, admin_{"127.0.0.1", admin_port} {}

  void run(Fiber& f) {
    RawClient first = *RawClient::connect(f, broker_);
    ASSERT_EQ(create_topic(f, first, "t", kPartitions), ErrorCode::none);
    kernel::Scope busy{f}, others{f};
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      for (int i = 0; i < kProducersEach; ++i) busy.spawn("producer", [this, p, i](Fiber& child) { produce_to(child, p, i); });
      busy.spawn("consumer", [this, p](Fiber& child) { consume(child, p); });
    }
    others.spawn("topics", [this](Fiber& child) { make_and_delete(child); });
    for (int i = 0; i < 3; ++i) others.spawn("group", [this, i](Fiber& child) { be_a_member(child, fmt::format("g{}", i)); });
    others.spawn("admin", [this](Fiber& child) { look(child); });
    ASSERT_TRUE(busy.join(f));
    all_written_ = true;
    ASSERT_TRUE(others.join(f));
    read_back(f);
  }

 private:
  void produce_to(Fiber& f, std::int32_t partition, int producer) {
    RawClient client = *RawClient::connect(f, broker_);
    for (int n = 0; n < kBatchesEach; ++n) {
      net::record::BatchBuilder builder{{.codec = (n + producer) % 2 == 0 ? net::record::Codec::lz4 : net::record::Codec::none}};
      std::vector<std::string> values;
      for (int r = 0; r < kRecordsEach; ++r) {
        values.push_back(fmt::format("{}-{}-{}-{}-{}", partition, producer, n, r, std::string(100 * (n % 7), 'v')));
        builder.append({.timestamp_ms = 1'700'000'000'000, .value = kernel::as_bytes(values.back())});
      }
      // Now and then acknowledged by the leader alone.
      const Produced done = produce(f, client, "t", builder.build(), 9, partition, n % 5 == 0 ? 1 : -1);
      ASSERT_EQ(done.error, ErrorCode::none) << done.message;
      for (std::int64_t r = 0; r < kRecordsEach; ++r) {
        const auto [at, is_new] = acknowledged_.try_emplace({partition, done.offset.raw() + r}, values[static_cast<std::size_t>(r)]);
        ASSERT_TRUE(is_new) << "two records were given offset " << at->first.second << " of partition " << partition;
      }
    }
  }

  void consume(Fiber& f, std::int32_t partition) {
    RawClient client = *RawClient::connect(f, broker_);
    std::int64_t next = 0;
    while (next < kProducersEach * kBatchesEach * kRecordsEach) {
      const auto got = fetch_waiting(f, client, "t", partition, next);
      ASSERT_TRUE(got) << kernel::describe(got.error());
      ASSERT_FALSE(got->empty()) << "nothing came after offset " << next << " of partition " << partition;
      for (const auto& [offset, value] : *got) {
        ASSERT_EQ(offset, next) << "of partition " << partition;
        seen_[{partition, next++}] = value;
      }
    }
  }

  void make_and_delete(Fiber& f) {
    RawClient client = *RawClient::connect(f, broker_);
    for (int n = 0; n < 3 || (n < 40 && !all_written_); ++n) {
      const std::string name = fmt::format("passing{}", n % 3);
      ASSERT_EQ(create_topic(f, client, name, 4), ErrorCode::none);
      for (std::int32_t p = 0; p < 4; ++p)
        ASSERT_EQ(produce(f, client, name, one_record("gone soon"), 9, p).error, ErrorCode::none);
      net::Arena arena;
      net::DeleteTopicsRequest request;
      request.timeout_ms = 10'000;
      arena.push_back(request.topic_names, std::string_view{name});
      const auto answer = client.call(f, 5, request);
      ASSERT_TRUE(answer);
      ASSERT_EQ(answer->response.responses[0].error_code, ErrorCode::none);
    }
  }

  void be_a_member(Fiber& f, const std::string& group) {
    RawClient client = *RawClient::connect(f, broker_);
    while (find_coordinator(f, client, group) != ErrorCode::none) ASSERT_TRUE(f.sleep(20ms));
    const Joined member = join(f, client, group);
    ASSERT_EQ(member.error, ErrorCode::none);
    ASSERT_EQ(sync(f, client, group, member, "all of it").assignment, "all of it");
    std::int64_t offset = 0;
    do {
      ASSERT_EQ(commit(f, client, group, ++offset, member), ErrorCode::none);
      ASSERT_EQ(heartbeat(f, client, group, member), ErrorCode::none);
    } while (!all_written_ && offset < 500);
    EXPECT_EQ(committed_offset(f, client, group), offset);
    EXPECT_EQ(leave(f, client, group, member), ErrorCode::none);
  }

  void look(Fiber& f) {
    for (int n = 0; n < 3 || (n < 100 && !all_written_); ++n) {
      for (const std::string_view path : {"/metrics", "/ready", "/health"}) EXPECT_EQ(http_get(f, admin_, path).status, 200) << path;
      ASSERT_TRUE(f.sleep(5ms));
    }
    // Sums over the shards, whichever it was that took them.
    const std::string metrics = http_get(f, admin_, "/metrics").body;
    const auto value_of = [&](const std::string& name) {
      const std::size_t at = metrics.find("\n" + name + " ");
      return at == std::string::npos ? -1 : std::stoll(metrics.substr(at + 1 + name.size()));
    };
    EXPECT_GE(value_of("kalda_produce_batches_total"), kPartitions * kProducersEach * kBatchesEach);
    EXPECT_GE(value_of("kalda_partitions"), kPartitions);
    EXPECT_EQ(value_of("kalda_partitions_offline"), 0);
    EXPECT_EQ(http_get(f, admin_, "/nothing").status, 404);
    EXPECT_EQ(http_send(f, admin_, "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n").status, 405);
    EXPECT_EQ(http_get(f, admin_, "/" + std::string(20'000, 'x')).status, 0) << "a head without an end is given up";
    EXPECT_EQ(http_get(f, admin_, "/health").status, 200);
  }

  void read_back(Fiber& f) {
    EXPECT_EQ(acknowledged_.size(), kRecordsInAll);
    EXPECT_EQ(seen_, acknowledged_);
    seen_.clear();
    for (std::int32_t p = 0; p < kPartitions; ++p) consume(f, p);
    EXPECT_EQ(seen_, acknowledged_);
  }

  kernel::Endpoint broker_, admin_;
  Acknowledged acknowledged_, seen_;
  bool all_written_ = false;
};

TEST(ThreeShards, ServeEverybodyAtOnceAndLoseNothing) {
  const Scratch scratch;
  Serve serve{{"log.dirs=" + scratch / "data", "kalda.admin.port=0", "offsets.topic.num.partitions=3",
               "group.initial.rebalance.delay.ms=50"},
              /*as_nobody=*/false, /*shards=*/3};
  const std::uint16_t port = serve.port();
  ASSERT_NE(port, 0) << serve.said;
  ASSERT_NE(serve.admin_port(), 0) << serve.said;
  kernel::posix::Runtime clients{{.name = "clients", .handle_signals = false}};
  clients.run([&](Fiber& f) {
    Crowd{port, serve.admin_port()}.run(f);
    return 0;
  });
  serve.stop();
  EXPECT_EQ(serve.end(), 0) << serve.said;
  EXPECT_EQ(serve.said.find(R"("level":"error")"), std::string::npos) << serve.said;
}

}  // namespace
}  // namespace broker::testing
