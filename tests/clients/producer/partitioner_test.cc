#include "clients/producer/partitioner.h"

#include <gtest/gtest.h>

#include "net/record/partitioning.h"

namespace clients::producer {
namespace {

core::TopicInfo topic_of(int partitions, int without_leader = -1) {
  core::TopicInfo topic;
  for (int p = 0; p < partitions; ++p)
    topic.partitions[net::PartitionId{p}].leader = p == without_leader ? net::kBrokerIdNone : net::BrokerId{1};
  return topic;
}

class PartitionerTest : public ::testing::Test {
 protected:
  Partitioner partitioner_{kernel::Random{1, kernel::Domain::application, 1}, 1000};
};

TEST_F(PartitionerTest, a_key_decides_alone) {
  const core::TopicInfo topic = topic_of(7);
  for (const std::string_view key : {"", "a", "orders", "\xff"}) {
    const auto expected = net::record::partition_of_key(kernel::as_bytes(key), 7);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(partitioner_.choose("t", topic, kernel::as_bytes(key), 600), expected);
  }
}

TEST_F(PartitionerTest, without_a_key_one_partition_gets_a_batch_and_all_get_their_share) {
  const core::TopicInfo topic = topic_of(4);
  std::map<net::PartitionId, int> records;
  for (int run = 0; run < 400; ++run) {
    const net::PartitionId first = partitioner_.choose("t", topic, std::nullopt, 100);
    for (int i = 1; i < 10; ++i) ASSERT_EQ(partitioner_.choose("t", topic, std::nullopt, 100), first);
    records[first] += 10;
  }
  ASSERT_EQ(records.size(), 4u);
  for (const auto& [partition, count] : records) EXPECT_GT(count, 700);
}

TEST_F(PartitionerTest, a_partition_without_a_leader_gets_no_keyless_records) {
  const core::TopicInfo topic = topic_of(3, 1);
  for (int i = 0; i < 200; ++i) EXPECT_NE(partitioner_.choose("t", topic, std::nullopt, 500), net::PartitionId{1});
}

}  // namespace
}  // namespace clients::producer
