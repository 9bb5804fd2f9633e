#include "net/record/partitioning.h"

#include <gtest/gtest.h>

#include "net/record/sequence.h"

namespace net::record {
namespace {

// Values of Kafka's own unit test of its hash.
TEST(Partitioning, murmur2_is_that_of_kafkas_clients) {
  const auto hash = [](std::string_view text) { return static_cast<std::int32_t>(murmur2(kernel::as_bytes(text))); };
  EXPECT_EQ(hash("21"), -973932308);
  EXPECT_EQ(hash("foobar"), -790332482);
  EXPECT_EQ(hash("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(hash("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(hash("abc"), 479470107);
}

TEST(Partitioning, of_keys_is_in_range_also_for_negative_hashes_and_empty_keys) {
  EXPECT_EQ(partition_of_key(kernel::as_bytes("21"), 7), PartitionId{static_cast<std::int32_t>((-973932308u) & 0x7fffffff) % 7});
  EXPECT_EQ(partition_of_key({}, 1), PartitionId{0});
}

TEST(Partitioning, java_hash_counts_utf16_units) {
  EXPECT_EQ(java_string_hash(""), 0);
  EXPECT_EQ(java_string_hash("abc"), 96354);
  EXPECT_EQ(java_string_hash("polygenelubricants"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(java_string_hash("\xc3\xa9"), 0xe9);
  EXPECT_EQ(java_string_hash("\xe2\x82\xac"), 0x20ac);
  EXPECT_EQ(java_string_hash("\xf0\x9f\x98\x80"), 0xd83d * 31 + 0xde00);
  EXPECT_EQ(java_string_hash("\xff"), 0xfffd);
  EXPECT_EQ(java_string_hash("\xe2\x82"), 0xfffd * 31 + 0xfffd);
}

TEST(Partitioning, of_coordinators_takes_the_smallest_hash_as_zero) {
  EXPECT_EQ(coordinator_partition("polygenelubricants", 50), PartitionId{0});
  EXPECT_EQ(coordinator_partition("abc", 50), PartitionId{96354 % 50});
}

TEST(Sequence, begins_again_at_zero_after_the_largest) {
  constexpr std::int32_t kLargest = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(sequence_after(0, 5), 5);
  EXPECT_EQ(sequence_after(kLargest, 1), 0);
  EXPECT_EQ(sequence_after(kLargest - 2, 5), 2);
  EXPECT_EQ(sequence_after(kLargest, kLargest), kLargest - 1);
  EXPECT_EQ(sequence_distance(kLargest - 2, 2), 5);
}

}  // namespace
}  // namespace net::record
