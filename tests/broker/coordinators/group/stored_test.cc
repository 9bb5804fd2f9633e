// The state of groups is the fold of their log (oracle G9), at any cut and in any form that compaction leaves.
#include "broker/coordinators/group/stored.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "broker/coordinators/group/offsets.h"
#include "kernel/random.h"
#include "net/messages/group_records.h"

namespace broker::coordinators::group {
namespace {

using net::Offset;
using net::PartitionId;
using net::ProducerId;

struct Line {
  Offset offset;
  NewRecord record;
  ProducerId transaction = net::kProducerIdNone;
};

void apply(State& state, const Line& line) {
  EXPECT_TRUE(state.apply({.offset = line.offset,
                           .transaction = line.transaction,
                           .key = kernel::ByteView{line.record.key},
                           .value = line.record.value ? net::record::NullableBytes{*line.record.value} : std::nullopt}));
}
State fold(const std::vector<Line>& log) {
  State state;
  for (const Line& line : log) apply(state, line);
  return state;
}

/// A log of a few groups: generations, commits, tombstones.
std::vector<Line> random_log(std::uint64_t seed, std::size_t lines) {
  kernel::Random random{seed, kernel::Domain::application, 0};
  std::vector<Line> log;
  for (std::size_t i = 0; i < lines; ++i) {
    const std::string group = fmt::format("group{}", random.below(4));
    const std::string topic = fmt::format("topic{}", random.below(2));
    const PartitionId partition{static_cast<std::int32_t>(random.below(3))};
    const Offset offset{static_cast<std::int64_t>(i)};
    switch (random.below(6)) {
      case 0: log.push_back({offset, group_tombstone(group)}); break;
      case 1: log.push_back({offset, offset_tombstone(group, topic, partition)}); break;
      case 2: {
        StoredGroup stored{.protocol_type = "consumer", .generation = static_cast<std::int32_t>(i),
                           .state_timestamp_ms = static_cast<std::int64_t>(i)};
        if (random.below(2) == 0) {
          stored.protocol = "range";
          stored.leader = "m";
          stored.members.push_back({.id = "m", .client_id = "c", .client_host = "/h", .rebalance_timeout_ms = 5,
                                    .session_timeout_ms = 6, .subscription = kernel::Buffer::copy_of("s"),
                                    .assignment = kernel::Buffer::copy_of("a")});
        }
        log.push_back({offset, group_record(group, stored)});
        break;
      }
      default:
        log.push_back({offset, offset_record(group, topic, partition,
                                             {.offset = Offset{static_cast<std::int64_t>(random.below(1000))},
                                              .metadata = fmt::format("m{}", i),
                                              .commit_timestamp_ms = static_cast<std::int64_t>(i)})});
    }
  }
  return log;
}

/// What a cleaner may leave of `log`: of the first `dirty` lines only the last of each key, tombstones perhaps not.
std::vector<Line> compacted(const std::vector<Line>& log, std::size_t dirty, kernel::Random& random) {
  std::map<std::vector<std::byte>, std::size_t> last;
  for (std::size_t i = 0; i < dirty; ++i) last[log[i].record.key] = i;
  std::vector<Line> out;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (i < dirty && last[log[i].record.key] != i) continue;
    if (i < dirty && !log[i].record.value && random.below(2) == 0) continue;
    out.push_back(log[i]);
  }
  return out;
}

TEST(Fold, IsTheSameAfterCompactionAtAnyCut) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto log = random_log(seed, 120);
    const State whole = fold(log);
    kernel::Random random{seed, kernel::Domain::workload, 1};
    for (std::size_t dirty = 0; dirty <= log.size(); dirty += 7)
      ASSERT_TRUE(fold(compacted(log, dirty, random)) == whole) << "seed " << seed << " cleaned up to " << dirty;
  }
}

TEST(Fold, GoesOnFromAnyCutAsIfItHadNotStopped) {
  const auto log = random_log(7, 200);
  State live;
  for (std::size_t i = 0; i < log.size(); ++i) {
    apply(live, log[i]);
    ASSERT_TRUE(fold({log.begin(), log.begin() + static_cast<std::ptrdiff_t>(i) + 1}) == live);
  }
}

TEST(Fold, TakesTombstonesOfWhatIsNotThere) {
  State state;
  apply(state, {Offset{0}, group_tombstone("nobody")});
  apply(state, {Offset{1}, offset_tombstone("nobody", "t", PartitionId{0})});
  EXPECT_TRUE(state == State{});
}

TEST(Fold, KeepsEveryFieldOfAGroupAndOfAnOffset) {
  StoredGroup stored{.protocol_type = "consumer", .generation = 7, .protocol = "sticky", .leader = "a",
                     .state_timestamp_ms = 99, .members = {}};
  stored.members.push_back({.id = "a", .instance_id = "i", .client_id = "c", .client_host = "/h",
                            .rebalance_timeout_ms = 1, .session_timeout_ms = 2,
                            .subscription = kernel::Buffer::copy_of("sub"), .assignment = kernel::Buffer::copy_of("ass")});
  const CommittedOffset plain{.offset = Offset{5}, .leader_epoch = net::LeaderEpoch{3}, .metadata = "m",
                              .commit_timestamp_ms = 10, .topic_id = net::TopicId{{1, 2}}, .record_offset = Offset{1}};
  CommittedOffset expiring{.offset = Offset{6}, .metadata = "n", .commit_timestamp_ms = 11, .expire_timestamp_ms = 12,
                           .record_offset = Offset{2}};
  const State state = fold({{Offset{0}, group_record("g", stored)},
                            {Offset{1}, offset_record("g", "t", PartitionId{0}, plain)},
                            {Offset{2}, offset_record("g", "t", PartitionId{1}, expiring)}});
  ASSERT_NE(state.find("g"), nullptr);
  EXPECT_TRUE(state.find("g")->group == stored);
  EXPECT_TRUE(state.find("g")->offsets.at("t").at(PartitionId{0}) == plain);
  EXPECT_TRUE(state.find("g")->offsets.at("t").at(PartitionId{1}) == expiring);
}

TEST(Fold, PassesOverKeysOfOtherProtocolsAndRefusesValuesOfLaterReleases) {
  State state;
  net::ConsumerGroupMetadataValue value;
  apply(state, {Offset{0}, record_of(net::ConsumerGroupMetadataKey{.group_id = "g"}, value, 0)});
  EXPECT_TRUE(state == State{});
  NewRecord later = group_record("g", {});
  kernel::store_be(later.value->data(), std::int16_t{99});
  EXPECT_FALSE(state.apply({.key = kernel::ByteView{later.key}, .value = kernel::ByteView{*later.value}}));
  EXPECT_TRUE(state.apply({.key = std::nullopt, .value = std::nullopt})) << "a record without a key is none of ours";
}

TEST(Fold, CountsOffsetsOfATransactionWhenItCommits) {
  State state;
  const ProducerId p{5};
  apply(state, {Offset{0}, offset_record("g", "t", PartitionId{0}, {.offset = Offset{1}})});
  apply(state, {Offset{1}, offset_record("g", "t", PartitionId{0}, {.offset = Offset{2}}), p});
  EXPECT_EQ(state.find("g")->offsets.at("t").at(PartitionId{0}).offset, Offset{1});
  EXPECT_TRUE(state.find("g")->has_pending("t", PartitionId{0}));
  State aborted = state;
  aborted.end_transaction(p, false);
  EXPECT_EQ(aborted.find("g")->offsets.at("t").at(PartitionId{0}).offset, Offset{1});
  EXPECT_FALSE(aborted.find("g")->has_pending("t", PartitionId{0}));
  state.end_transaction(p, true);
  EXPECT_EQ(state.find("g")->offsets.at("t").at(PartitionId{0}).offset, Offset{2});
}

// Kafka: KAFKA-14505, live state and replay disagreed on who wins.
TEST(Fold, LetsThePlainCommitWinThatCameAfterTheTransactions) {
  State state;
  const ProducerId p{5};
  apply(state, {Offset{0}, offset_record("g", "t", PartitionId{0}, {.offset = Offset{2}}), p});
  apply(state, {Offset{1}, offset_record("g", "t", PartitionId{0}, {.offset = Offset{9}})});
  state.end_transaction(p, true);
  EXPECT_EQ(state.find("g")->offsets.at("t").at(PartitionId{0}).offset, Offset{9});
}

}  // namespace
}  // namespace broker::coordinators::group
