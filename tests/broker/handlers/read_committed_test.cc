// What readers of committed records are answered of a partition on which somebody else has left transactions.
#include "net/messages/describe_producers.h"
#include "net/messages/list_offsets.h"
#include "net/record/control.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using net::Offset;
using net::ProducerId;

/// Offset 0: a plain record; 1: of producer 7; 2: of producer 8; 3: 7 aborts; 4: of 7; 5: 7 commits. 8 stays open.
class ReadCommitted : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    std::size_t size = 0;
    world_.run([&](Fiber& f) {
      RawClient client = world_.connect(f);
      ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
      ASSERT_EQ(produce(f, client, "t", one_record("plain")).error, ErrorCode::none);
      size = fetch(f, client, "t", 0).bytes;
      static_cast<void>(f.sleep(1s));
    });
    world_.kill();
    const auto inode = world_.broker_machine.disk().image().find("/data/t-0/00000000000000000000.log");
    ASSERT_TRUE(inode);
    const auto add = [&](const std::vector<std::byte>& batch) {
      world_.broker_machine.disk().image().write(**inode, size, batch);
      size += batch.size();
    };
    using net::record::ControlType;
    add(data(7, 1, 0));
    add(data(8, 2, 0));
    add(marker(ControlType::abort, 3));
    add(data(7, 4, 1));
    add(marker(ControlType::commit, 5));
  }
  static std::vector<std::byte> data(std::int64_t producer, std::int64_t offset, std::int32_t sequence) {
    net::record::BatchBuilder builder{{.base_offset = Offset{offset}, .leader_epoch = net::LeaderEpoch{0},
                                       .producer_id = ProducerId{producer}, .producer_epoch = net::ProducerEpoch{0},
                                       .base_sequence = sequence, .transactional = true}};
    builder.append({.timestamp_ms = 1'700'000'000'000 + offset, .value = kernel::as_bytes("v")});
    return builder.build();
  }
  static std::vector<std::byte> marker(net::record::ControlType type, std::int64_t offset) {
    return net::record::build_transaction_marker(
        {.type = type, .producer_id = ProducerId{7}, .producer_epoch = net::ProducerEpoch{0}, .timestamp_ms = 1'700'000'000'000},
        Offset{offset}, net::LeaderEpoch{0});
  }
  struct Read {
    ErrorCode error{};
    Offset high_watermark{-1}, stable{-1}, next{0};
    std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> aborted;  ///< producer, first offset
  };
  static Read read(Fiber& f, RawClient& client, std::int64_t offset, bool committed, std::int16_t version = 11) {
    net::Arena arena;
    net::FetchRequest request;
    request.max_wait_ms = 700;
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    request.session_epoch = -1;
    request.isolation_level = committed ? 1 : 0;
    auto& wanted = arena.push_back(request.topics, {.topic = "t"});
    arena.push_back(wanted.partitions, {.partition = net::PartitionId{0}, .fetch_offset = Offset{offset}, .partition_max_bytes = 1 << 20});
    const auto answer = client.call(f, version, request);
    if (!answer) return {ErrorCode::network_exception};
    const auto& got = answer->response.responses[0].partitions[0];
    Read out{got.error_code, got.high_watermark, got.last_stable_offset, Offset{offset}, {}};
    if (got.aborted_transactions) {
      out.aborted.emplace();
      for (const auto& one : *got.aborted_transactions) out.aborted->emplace_back(one.producer_id.raw(), one.first_offset.raw());
    }
    kernel::ByteView rest = got.records.is_null() ? kernel::ByteView{} : got.records.bytes();
    while (!rest.empty()) {
      const auto header = net::record::BatchHeader::parse(rest);
      EXPECT_TRUE(header);
      if (!header) break;
      out.next = header->next_offset();
      rest = rest.subspan(header->size_bytes());
    }
    return out;
  }
  BrokerWorld world_{{.shards = GetParam()}};
};

using Aborted = std::vector<std::pair<std::int64_t, std::int64_t>>;

TEST_P(ReadCommitted, IsBoundedByTheLastStableOffsetAndToldWhatWasAborted) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    for (const std::int16_t version : {4, 11, 12}) {
      const Read committed = read(f, client, 0, true, version);
      EXPECT_EQ(committed.error, ErrorCode::none);
      EXPECT_EQ(committed.high_watermark, Offset{6});
      EXPECT_EQ(committed.stable, Offset{2});
      EXPECT_EQ(committed.next, Offset{2}) << "nothing of what is open";
      EXPECT_EQ(committed.aborted, (Aborted{{7, 1}}));
      const Read all = read(f, client, 0, false, version);
      EXPECT_EQ(all.next, Offset{6});
      EXPECT_EQ(all.stable, Offset{2});
      EXPECT_EQ(all.aborted, std::nullopt);
    }
    EXPECT_EQ(read(f, client, 6, false).error, ErrorCode::none);
  });
}

TEST_P(ReadCommitted, WaitsBehindTheLastStableOffsetThoughThereIsMore) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    const kernel::Mono begun = f.now();
    const Read nothing = read(f, client, 2, true);
    EXPECT_EQ(nothing.error, ErrorCode::none);
    EXPECT_EQ(nothing.next, Offset{2});
    EXPECT_EQ(nothing.aborted, Aborted{});
    EXPECT_GE(f.now() - begun, 700ms);
    EXPECT_LT(f.now() - begun, 1500ms);
  });
}

TEST_P(ReadCommitted, EndsForListOffsetsWhereTheStablePartDoes) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    const auto ask = [&](std::int64_t timestamp, bool committed) {
      net::Arena arena;
      net::ListOffsetsRequest request;
      request.isolation_level = committed ? 1 : 0;
      auto& topic = arena.push_back(request.topics, {.name = "t"});
      arena.push_back(topic.partitions, {.partition_index = net::PartitionId{0}, .timestamp = timestamp});
      return client.call(f, 7, request)->response.topics[0].partitions[0].offset.raw();
    };
    EXPECT_EQ(ask(-1, true), 2);
    EXPECT_EQ(ask(-1, false), 6);
    EXPECT_EQ(ask(-3, true), 1);
    EXPECT_EQ(ask(-3, false), 4);
    EXPECT_EQ(ask(1'700'000'000'002, true), -1);
    EXPECT_EQ(ask(1'700'000'000'002, false), 2);
  });
}

TEST_P(ReadCommitted, IsHeldUpByProducersThatDescribeProducersNames) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    net::Arena arena;
    net::DescribeProducersRequest request;
    auto& topic = arena.push_back(request.topics, {.name = "t"});
    arena.push_back(topic.partition_indexes, net::PartitionId{0});
    const auto answer = client.call(f, 0, request);
    ASSERT_TRUE(answer);
    std::map<std::int64_t, std::int64_t> open;
    for (const auto& one : answer->response.topics[0].partitions[0].active_producers)
      open[one.producer_id.raw()] = one.current_txn_start_offset.raw();
    EXPECT_EQ(open, (std::map<std::int64_t, std::int64_t>{{7, -1}, {8, 2}}));
  });
}

INSTANTIATE_TEST_SUITE_P(Shards, ReadCommitted, ::testing::Values(1u, 3u));

}  // namespace
}  // namespace broker::testing
