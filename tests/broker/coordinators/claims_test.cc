// What groups promise whatever happens, each with the mistake it exists for: in the mutants build the mistake is made
// and the claim has to fail.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>

#include "broker/coordinators/group/offsets.h"
#include "tests/broker/coordinators/group/room.h"
#include "tests/broker/coordinators/group_client.h"

namespace broker::testing {
namespace {

using coordinators::group::Entry;
using coordinators::group::testing::Room;

BrokerWorldOptions planted(std::string_view bug, std::uint64_t seed = 1, std::vector<std::string> more = {}) {
  BrokerWorldOptions options = group_options(seed, 1, std::move(more));
  options.planted_bug = bug;
  return options;
}

void acknowledged_commits_survive_power_loss(std::string_view bug) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    BrokerWorld world{planted(bug, seed)};
    std::int64_t acknowledged = 0;
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
      ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
      for (std::int64_t i = 1; i <= static_cast<std::int64_t>(3 + seed); ++i) {
        ASSERT_EQ(commit(f, client, "g", i), ErrorCode::none);
        acknowledged = i;
      }
    });
    world.world.kill(world.client_machine, sim::CrashKind::process_kill);
    world.world.kill(world.broker_machine, sim::CrashKind::power_loss);
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      EXPECT_EQ(committed_offset(f, client, "g"), acknowledged) << "seed " << seed;
    });
  }
}

void a_group_that_was_left_is_empty_after_a_restart(std::string_view bug) {
  BrokerWorld world{planted(bug)};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    const Joined member = join(f, client);
    ASSERT_EQ(sync(f, client, "g", member, "x").error, ErrorCode::none);
    ASSERT_EQ(leave(f, client, "g", member), ErrorCode::none);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(until_loaded(f, [&] { return describe(f, client, "g").error; }), ErrorCode::none);
    EXPECT_EQ(describe(f, client, "g").state, "Empty");
  });
}

void all_of_the_log_is_loaded(std::string_view bug) {
  BrokerWorld world{planted(bug)};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 8), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    for (std::int32_t p = 0; p < 8; ++p) ASSERT_EQ(commit(f, client, "g", 100 + p, {}, "", "t", p), ErrorCode::none);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    static_cast<void>(committed_offset(f, client, "g"));
    for (std::int32_t p = 0; p < 8; ++p) EXPECT_EQ(committed(f, client, "g", "t", p).offset, 100 + p);
  });
}

void what_was_deleted_stays_away(std::string_view bug) {
  BrokerWorld world{planted(bug)};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    ASSERT_EQ(commit(f, client, "g", 5), ErrorCode::none);
    ASSERT_EQ(delete_group(f, client, "g"), ErrorCode::none);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(committed_offset(f, client, "g"), -1);
  });
}

void every_rebalance_is_a_generation_of_its_own(std::string_view bug) {
  Room room;
  room.at.planted = bug;
  const auto ids = room.stable(2);
  const std::int32_t before = room.group.generation();
  room.join(ids[0]);
  const auto ticket = room.join(ids[1]);
  EXPECT_EQ(room.joined(ticket).generation, before + 1);
}

void offsets_of_an_old_generation_are_refused(std::string_view bug) {
  Room room;
  room.at.planted = bug;
  const auto ids = room.stable(2);
  room.join(ids[0]);
  room.join(ids[1]);
  room.divide(ids);
  EXPECT_EQ(room.group.commit(ids[1], std::nullopt, 1, room.at), ErrorCode::illegal_generation);
}

void a_replaced_static_member_is_fenced(std::string_view bug) {
  Room room;
  room.at.planted = bug;
  const auto first = room.join(Room::static_request("one"));
  room.pass(4s);
  const std::string former = room.joined(first).member_id;
  room.divide({former});
  room.join(Room::static_request("one"));
  room.settle();
  EXPECT_EQ(room.beat(former, room.group.generation(), "one"), ErrorCode::fenced_instance_id);
}

void nothing_expires_while_a_group_rebalances(std::string_view bug) {
  Room room;
  room.at.planted = bug;
  const auto ids = room.stable(2);
  room.join(ids[0]);
  ASSERT_EQ(room.group.phase(), coordinators::group::Phase::preparing);
  Entry entry;
  entry.offsets["t"][PartitionId{0}] = {.offset = Offset{1}, .commit_timestamp_ms = 0};
  EXPECT_THAT(decide_expiry(entry, &room.group, 1000, room.at).offsets, ::testing::IsEmpty());
}

struct Claim {
  std::string_view bug;
  void (*check)(std::string_view bug);
};
constexpr Claim kClaims[] = {
    {"groups.ack_before_commit", acknowledged_commits_survive_power_loss},
    {"groups.emptied_without_record", a_group_that_was_left_is_empty_after_a_restart},
    {"groups.load_keeps_last_batch", all_of_the_log_is_loaded},
    {"groups.tombstone_not_written", what_was_deleted_stays_away},
    {"groups.generation_not_bumped", every_rebalance_is_a_generation_of_its_own},
    {"groups.stale_commit_accepted", offsets_of_an_old_generation_are_refused},
    {"groups.member_not_fenced", a_replaced_static_member_is_fenced},
    {"groups.expire_while_rebalancing", nothing_expires_while_a_group_rebalances},
};

TEST(GroupClaims, Hold) {
  for (const Claim& claim : kClaims) {
    SCOPED_TRACE(claim.bug);
    claim.check("");
  }
}

#ifdef KALDA_MUTANTS
TEST(GroupClaims, FailWhenTheMistakeIsMade) {
  for (const Claim& claim : kClaims) {
    ::testing::TestPartResultArray found;
    {
      ::testing::ScopedFakeTestPartResultReporter catching{
          ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &found};
      claim.check(claim.bug);
    }
    int failures = 0;
    for (int i = 0; i < found.size(); ++i) failures += found.GetTestPartResult(i).failed() ? 1 : 0;
    EXPECT_GT(failures, 0) << claim.bug << " was planted and nobody noticed";
  }
}
#endif

}  // namespace
}  // namespace broker::testing
