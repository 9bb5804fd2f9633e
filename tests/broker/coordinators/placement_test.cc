#include "broker/coordinators/placement.h"

#include <gtest/gtest.h>

namespace broker::coordinators {
namespace {

// The numbers are those of Java's "...".hashCode().
TEST(Placement, HashesAsJavaDoes) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("group"), 98629247);
  EXPECT_EQ(java_hash("my-group"), -1906497762);
  EXPECT_EQ(java_hash("\xc3\xa9"), 0xe9);                                 // one unit
  EXPECT_EQ(java_hash("\xf0\x9f\x98\x80"), 0xd83d * 31 + 0xde00);         // a pair of them
}

TEST(Placement, TakesTheSmallestHashForZero) {
  EXPECT_EQ(java_hash("polygenelubricants"), INT32_MIN);
  EXPECT_EQ(partition_for("polygenelubricants", 50), net::PartitionId{0});
}

TEST(Placement, IsAPartitionWhateverTheBytes) {
  for (const std::string_view id : {"\xff", "\xe2\x82", "\xf0\x9f", "\xc3", "a\x80z"}) {
    const auto partition = partition_for(id, 7).raw();
    EXPECT_TRUE(partition >= 0 && partition < 7);
  }
}

}  // namespace
}  // namespace broker::coordinators
