// When committed offsets end (KIP-211), and what of them is shown.
#include "broker/coordinators/group/offsets.h"

#include <gmock/gmock.h>

#include "net/messages/consumer_protocol.h"
#include "tests/broker/coordinators/group/room.h"

namespace broker::coordinators::group::testing {
namespace {

using net::Offset;
using net::PartitionId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kRetentionMs = 1000 * 3600;

Entry entry_with(std::int64_t committed_ms) {
  Entry entry;
  entry.offsets["read"][PartitionId{0}] = {.offset = Offset{5}, .commit_timestamp_ms = committed_ms};
  entry.offsets["unread"][PartitionId{1}] = {.offset = Offset{6}, .commit_timestamp_ms = committed_ms};
  return entry;
}

JoinRequest reader_of(std::string_view topic) {
  net::Arena arena;
  net::ConsumerProtocolSubscription subscription;
  arena.push_back(subscription.topics, topic);
  std::vector<std::byte> bytes(2);
  const auto body = *net::encode(subscription, 0);
  bytes.insert(bytes.end(), body.begin(), body.end());
  JoinRequest out = Room::request("");
  out.protocols[0].metadata = kernel::Buffer::copy_of(kernel::ByteView{bytes});
  return out;
}

/// A stable group of one consumer that reads "read".
void settle_reader(Room& room) {
  const Ticket a = room.join(reader_of("read"));
  room.pass(4s);
  room.divide({room.joined(a).member_id});
}

TEST(Expiry, OfAnEmptyGroupCountsFromWhenItBecameEmpty) {
  Room room;
  settle_reader(room);
  room.leave({{room.group.members().begin()->first, std::nullopt}});
  ASSERT_EQ(room.group.phase(), Phase::empty);
  const Entry entry = entry_with(0);  // committed long ago
  EXPECT_THAT(decide_expiry(entry, &room.group, kRetentionMs, room.at).offsets, IsEmpty());
  room.at.wall_ms += kRetentionMs - 1;
  EXPECT_THAT(decide_expiry(entry, &room.group, kRetentionMs, room.at).offsets, IsEmpty());
  room.at.wall_ms += 1;
  const Expiry expiry = decide_expiry(entry, &room.group, kRetentionMs, room.at);
  EXPECT_EQ(expiry.offsets.size(), 2u);
  EXPECT_TRUE(expiry.group_ends);
}

TEST(Expiry, OfAStableGroupIsForTopicsThatNobodyReads) {
  Room room;
  settle_reader(room);
  const Entry entry = entry_with(room.at.wall_ms);
  EXPECT_THAT(decide_expiry(entry, &room.group, kRetentionMs, room.at).offsets, IsEmpty());
  room.at.wall_ms += kRetentionMs;
  const Expiry expiry = decide_expiry(entry, &room.group, kRetentionMs, room.at);
  EXPECT_THAT(expiry.offsets, ElementsAre(TopicPartition{"unread", PartitionId{1}}));
  EXPECT_FALSE(expiry.group_ends);
}

// Kafka: KAFKA-13636.
TEST(Expiry, DoesNotHappenWhileTheGroupRebalances) {
  Room room;
  settle_reader(room);
  room.join(Room::request(room.group.members().begin()->first));
  room.at.wall_ms += 10 * kRetentionMs;
  for (const Phase phase : {Phase::completing}) {
    ASSERT_EQ(room.group.phase(), phase);
    EXPECT_THAT(decide_expiry(entry_with(0), &room.group, kRetentionMs, room.at).offsets, IsEmpty());
  }
  room.join();
  ASSERT_EQ(room.group.phase(), Phase::preparing);
  EXPECT_THAT(decide_expiry(entry_with(0), &room.group, kRetentionMs, room.at).offsets, IsEmpty());
}

TEST(Expiry, OfAGroupThatIsOnlyAStoreCountsFromEachCommit) {
  const Moment at{.wall_ms = 50 * kRetentionMs};
  Entry entry = entry_with(at.wall_ms - kRetentionMs);
  entry.offsets["read"][PartitionId{0}].commit_timestamp_ms = at.wall_ms - 1;
  const Expiry expiry = decide_expiry(entry, nullptr, kRetentionMs, at);
  EXPECT_THAT(expiry.offsets, ElementsAre(TopicPartition{"unread", PartitionId{1}}));
  EXPECT_FALSE(expiry.group_ends);
}

TEST(Expiry, HeedsTheTimeAnOldClientNamed) {
  const Moment at{.wall_ms = 50 * kRetentionMs};
  Entry entry = entry_with(at.wall_ms);
  entry.offsets["read"][PartitionId{0}].expire_timestamp_ms = at.wall_ms;
  entry.offsets["unread"][PartitionId{1}].expire_timestamp_ms = at.wall_ms + 1;
  EXPECT_THAT(decide_expiry(entry, nullptr, kRetentionMs, at).offsets,
              ElementsAre(TopicPartition{"read", PartitionId{0}}));
}

TEST(Expiry, SparesWhatAnOpenTransactionWillReplace) {
  const Moment at{.wall_ms = 50 * kRetentionMs};
  Entry entry = entry_with(0);
  entry.pending[net::ProducerId{1}]["read"][PartitionId{0}] = {.offset = Offset{9}};
  const Expiry expiry = decide_expiry(entry, nullptr, kRetentionMs, at);
  EXPECT_THAT(expiry.offsets, ElementsAre(TopicPartition{"unread", PartitionId{1}}));
  EXPECT_FALSE(expiry.group_ends);
}

TEST(Expiry, KeepsEverythingOfReadersThatCannotBeUnderstood) {
  Room room;
  room.stable(1);  // its metadata is no subscription
  room.at.wall_ms += 10 * kRetentionMs;
  EXPECT_THAT(decide_expiry(entry_with(0), &room.group, kRetentionMs, room.at).offsets, IsEmpty());
}

TEST(Fetching, ShowsWhatIsCommittedAndNothingElse) {
  Entry entry = entry_with(1);
  FetchRequest wish{.group_id = "g", .topics = std::vector<FetchTopic>{{"read", {PartitionId{0}, PartitionId{7}}}}};
  const FetchReply reply = fetch_offsets(&entry, wish);
  ASSERT_EQ(reply.topics.size(), 1u);
  EXPECT_EQ(reply.topics[0].second[0].offset, Offset{5});
  EXPECT_EQ(reply.topics[0].second[1].offset, Offset{-1});
  EXPECT_EQ(reply.topics[0].second[1].error, ErrorCode::none);
  wish.topics.reset();
  EXPECT_EQ(fetch_offsets(&entry, wish).topics.size(), 2u);
  EXPECT_EQ(fetch_offsets(nullptr, wish).topics.size(), 0u);
}

TEST(Fetching, SaysWhenATransactionIsStillOpenToWhoAsks) {
  Entry entry = entry_with(1);
  entry.pending[net::ProducerId{1}]["read"][PartitionId{0}] = {.offset = Offset{9}};
  FetchRequest wish{.group_id = "g", .require_stable = true,
                    .topics = std::vector<FetchTopic>{{"read", {PartitionId{0}}}}};
  EXPECT_EQ(fetch_offsets(&entry, wish).topics[0].second[0].error, ErrorCode::unstable_offset_commit);
  wish.require_stable = false;
  EXPECT_EQ(fetch_offsets(&entry, wish).topics[0].second[0].offset, Offset{5});
}

}  // namespace
}  // namespace broker::coordinators::group::testing
