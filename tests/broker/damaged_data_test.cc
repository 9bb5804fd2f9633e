// A data directory that is damaged where records were acknowledged: that partition is refused, loudly, and nothing else.
#include <gtest/gtest.h>

#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;

constexpr std::string_view kSegment = "00000000000000000000";

class DamagedData : public ::testing::Test {
 protected:
  /// Two topics of three records each; the process is killed.
  void fill() {
    world_.run([&](Fiber& f) {
      RawClient client = world_.connect(f);
      for (const std::string_view topic : {"bad", "good"}) {
        ASSERT_EQ(create_topic(f, client, topic), ErrorCode::none);
        for (int i = 0; i < 3; ++i)
          ASSERT_EQ(produce(f, client, topic, one_record(std::string(200, 'v'))).error, ErrorCode::none);
      }
      static_cast<void>(f.sleep(1s));
    });
    world_.kill();
  }
  sim::DiskImage& disk() { return world_.broker_machine.disk().image(); }
  void write(std::string_view file, std::uint64_t position, std::string_view bytes) {
    const auto inode = disk().find(file);
    ASSERT_TRUE(inode) << file;
    disk().write(**inode, position, kernel::as_bytes(bytes));
  }
  void expect_healthy(Fiber& f, RawClient& client, std::string_view topic) {
    EXPECT_GT(fetch(f, client, topic, 0).bytes, 600u);
    EXPECT_EQ(fetch(f, client, topic, 0).high_watermark, net::Offset{3});
    EXPECT_EQ(produce(f, client, topic, one_record("fourth")).offset, net::Offset{3});
  }
  BrokerWorld world_;
};

TEST_F(DamagedData, TakesOnlyItsPartitionOffline) {
  fill();
  write(fmt::format("/data/bad-0/{}.log", kSegment), 100, "rot");
  world_.errors_expected = 2;  // log_damaged, partition_offline
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(fetch(f, client, "bad", 0).error, ErrorCode::kafka_storage_error);
    EXPECT_EQ(produce(f, client, "bad", one_record("v")).error, ErrorCode::kafka_storage_error);
    expect_healthy(f, client, "good");
  });
}

TEST_F(DamagedData, InIndexesIsMadeGoodFromTheRecords) {
  fill();
  for (const std::string_view suffix : {"index", "timeindex"}) {
    write(fmt::format("/data/bad-0/{}.{}", kSegment, suffix), 0, std::string(64, '\x7f'));
  }
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    expect_healthy(f, client, "bad");
    expect_healthy(f, client, "good");
  });
}

TEST_F(DamagedData, BehindTheLastRecordIsATornTail) {
  fill();
  const std::string segment = fmt::format("/data/bad-0/{}.log", kSegment);
  const auto inode = disk().find(segment);
  ASSERT_TRUE(inode);
  write(segment, (*inode)->size, std::string(5000, 'g'));
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    expect_healthy(f, client, "bad");
    expect_healthy(f, client, "good");
  });
}

TEST_F(DamagedData, OfATopicThatNobodyKnowsIsSetAsideAndInNobodysWay) {
  fill();
  // One whose deletion was decided, but not done when the process was killed; another topic had its name before.
  for (const std::string_view name : {"ghost-0", "good-7"}) {
    ASSERT_TRUE(disk().create(fmt::format("/data/{}", name), true));
    ASSERT_TRUE(disk().create(fmt::format("/data/{}/partition.metadata", name), false));
    write(fmt::format("/data/{}/partition.metadata", name), 0, "version: 0\ntopic_id: AAAAAAAAAAEAAAAAAAAAAQ");
  }
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(create_topic(f, client, "ghost"), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "ghost", one_record("v")).error, ErrorCode::none);
    expect_healthy(f, client, "good");
  });
  EXPECT_TRUE(disk().find("/data/ghost-0.00000000000000010000000000000001-stray/partition.metadata"));
  EXPECT_TRUE(disk().find("/data/good-7.00000000000000010000000000000001-stray/partition.metadata"));
}

}  // namespace
}  // namespace broker::testing
