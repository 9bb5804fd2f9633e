// Members of one classic group: how it comes together, and how each leaves it.
#include "tests/broker/coordinators/group/room.h"

#include <gmock/gmock.h>

namespace broker::coordinators::group::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(Joining, WaitsForOthersBeforeTheFirstGeneration) {
  Room room;
  const Ticket a = room.join();
  EXPECT_EQ(room.group.phase(), Phase::preparing);
  room.pass(2s);
  const Ticket b = room.join();  // prolongs the wait by another delay
  room.pass(2s);
  EXPECT_TRUE(room.waits(a) && room.waits(b));
  room.pass(3s);
  ASSERT_FALSE(room.waits(a) || room.waits(b));
  EXPECT_EQ(room.joined(a).generation, 1);
  EXPECT_EQ(room.joined(b).generation, 1);
  EXPECT_EQ(room.joined(a).protocol, "range");
  EXPECT_EQ(room.joined(a).leader, room.joined(a).member_id) << "who came first leads";
  EXPECT_THAT(room.joined(a).members, SizeIs(2));
  EXPECT_THAT(room.joined(b).members, SizeIs(0)) << "only the leader divides the work";
}

TEST(Joining, DoesNotWaitLongerThanTheRebalanceTimeoutHoweverManyCome) {
  Room room;
  const Ticket first = room.join();
  for (int i = 0; i < 30; ++i) {
    room.pass(2500ms);
    if (!room.waits(first)) break;
    room.join();
  }
  EXPECT_FALSE(room.waits(first));
  EXPECT_LE(room.at.now, kernel::Mono{} + 1000s + 66s);
}

TEST(Joining, GivesANewMemberItsIdFirstIfItUnderstands) {
  Room room;
  JoinRequest wish = Room::request("");
  wish.requires_known_id = true;
  const Ticket asked = room.join(wish);
  ASSERT_FALSE(room.waits(asked));
  EXPECT_EQ(room.joined(asked).error, ErrorCode::member_id_required);
  EXPECT_EQ(room.group.pending_count(), 1u);
  EXPECT_EQ(room.group.phase(), Phase::empty) << "nobody is counted yet";
  wish.member_id = room.joined(asked).member_id;
  const Ticket joined = room.join(wish);
  EXPECT_EQ(room.group.pending_count(), 0u);
  room.pass(4s);
  EXPECT_EQ(room.joined(joined).error, ErrorCode::none);
  EXPECT_EQ(room.joined(joined).member_id, wish.member_id);
}

TEST(Joining, ForgetsAnIdThatIsNotUsed) {
  Room room;
  JoinRequest wish = Room::request("");
  wish.requires_known_id = true;
  const Ticket asked = room.join(wish);
  room.pass(11s);
  EXPECT_TRUE(room.group.is_deserted());
  const Ticket late = room.join(room.joined(asked).member_id);
  EXPECT_EQ(room.joined(late).error, ErrorCode::unknown_member_id);
}

// Kafka: KAFKA-9752, a rebalance that waited for a member nobody heard of again.
TEST(Joining, IsNotHeldUpForEverByAnIdThatIsNotUsed) {
  Room room;
  const auto ids = room.stable(1);
  JoinRequest wish = Room::request("");
  wish.requires_known_id = true;
  room.join(wish);
  JoinRequest again = Room::request(ids[0]);
  const Ticket leader = room.join(again);  // the leader asks for a rebalance
  EXPECT_TRUE(room.waits(leader));
  room.pass(11s);
  EXPECT_FALSE(room.waits(leader));
}

TEST(Joining, IsRefusedWithoutACommonProtocol) {
  Room room;
  room.stable(2);
  EXPECT_EQ(room.joined(room.join(Room::request("", {"sticky"}))).error, ErrorCode::inconsistent_group_protocol);
  JoinRequest other = Room::request("");
  other.protocol_type = "connect";
  EXPECT_EQ(room.joined(room.join(other)).error, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(room.joined(room.join(Room::request("", {}))).error, ErrorCode::inconsistent_group_protocol);
}

TEST(Joining, ChoosesTheProtocolThatMostLikeBestOfThoseAllKnow) {
  Room room;
  const Ticket a = room.join(Room::request("", {"sticky", "range"}));
  room.join(Room::request("", {"range", "roundrobin"}));
  room.pass(10s);
  EXPECT_EQ(room.joined(a).protocol, "range");
}

TEST(Joining, IsRefusedWhenTheGroupIsFull) {
  Room room{{.size_max = 2, .initial_delay = 0s}};
  const auto ids = room.stable(2);
  EXPECT_EQ(room.joined(room.join()).error, ErrorCode::group_max_size_reached);
  const Ticket again = room.join(ids[1]);
  EXPECT_EQ(room.joined(again).error, ErrorCode::none) << "who is in stays in";
}

TEST(Joining, AnswersAMemberThatMissedTheAnswer) {
  Room room;
  const auto ids = room.stable(2);
  const Ticket again = room.join(ids[1]);
  EXPECT_EQ(room.joined(again).generation, 1);
  EXPECT_EQ(room.group.phase(), Phase::stable) << "nothing has changed: no rebalance";
}

TEST(Joining, EndsTheJoinOfTheSameMemberThatStillWaits) {
  Room room;
  const auto ids = room.stable(2);
  const Ticket one = room.join(ids[0]);
  EXPECT_TRUE(room.waits(one));
  const Ticket two = room.join(ids[0]);
  EXPECT_EQ(room.joined(one).error, ErrorCode::rebalance_in_progress);
  EXPECT_TRUE(room.waits(two));
}

TEST(Joining, RebalancesWhenTheLeaderAsksOrASubscriptionChanges) {
  Room room;
  const auto ids = room.stable(3);
  JoinRequest changed = Room::request(ids[2]);
  changed.protocols[0].metadata = bytes("other topics");
  room.join(changed);
  EXPECT_EQ(room.group.phase(), Phase::preparing);
  EXPECT_EQ(room.beat(ids[0]), ErrorCode::rebalance_in_progress);
  room.join(ids[0]);
  room.join(ids[1]);
  EXPECT_EQ(room.group.phase(), Phase::completing);
  EXPECT_EQ(room.group.generation(), 2);
  room.divide(ids);
  room.join(ids[0]);
  EXPECT_EQ(room.group.phase(), Phase::preparing);
}

TEST(Joining, LeavesOutWhoDoesNotComeInTime) {
  Room room;
  const auto ids = room.stable(3);
  const Ticket a = room.join(ids[0]);
  const Ticket b = room.join(ids[1]);
  room.pass(61s, {ids[2]});  // sends heartbeats but never joins
  EXPECT_EQ(room.joined(a).generation, 2);
  EXPECT_EQ(room.joined(b).generation, 2);
  EXPECT_THAT(room.joined(a).members, SizeIs(2));
  EXPECT_EQ(room.beat(ids[2]), ErrorCode::unknown_member_id);
}

TEST(Joining, ChoosesAnotherLeaderWhenTheOldOneDoesNotCome) {
  Room room;
  const auto ids = room.stable(3);
  room.leave({{ids[2], std::nullopt}});
  const Ticket b = room.join(ids[1]);
  room.pass(61s);
  EXPECT_EQ(room.joined(b).leader, ids[1]);
}

TEST(Syncing, TellsEverybodyOnceTheAssignmentIsOnTheLog) {
  Room room{{.size_max = 10, .initial_delay = 0s}};
  const Ticket a = room.join();
  room.pass(1s);
  const std::string leader = room.joined(a).member_id;
  const Ticket synced = room.sync(leader, {{leader, "all of it"}, {"a stranger", "nothing"}});
  EXPECT_TRUE(room.waits(synced)) << "not before the record is committed";
  EXPECT_EQ(room.group.phase(), Phase::completing);
  room.settle();
  EXPECT_EQ(text_of(room.synced(synced).assignment), "all of it");
  EXPECT_EQ(room.group.phase(), Phase::stable);
  ASSERT_NE(room.state.find("orders"), nullptr);
  EXPECT_THAT(room.state.find("orders")->group->members, SizeIs(1));
  EXPECT_EQ(text_of(room.state.find("orders")->group->members[0].assignment), "all of it");
}

TEST(Syncing, GivesNothingToMembersTheLeaderForgot) {
  Room room{{.size_max = 10, .initial_delay = 1s}};
  const Ticket a = room.join(), b = room.join();
  room.pass(5s);
  const std::string leader = room.joined(a).member_id, other = room.joined(b).member_id;
  const Ticket synced = room.sync(other);
  room.sync(leader, {{leader, "all"}});
  room.settle();
  EXPECT_EQ(room.synced(synced).error, ErrorCode::none);
  EXPECT_TRUE(room.synced(synced).assignment.empty());
}

TEST(Syncing, RebalancesWhenTheAssignmentCouldNotBeWritten) {
  Room room{{.size_max = 10, .initial_delay = 0s}};
  const Ticket a = room.join();
  room.pass(1s);
  const std::string leader = room.joined(a).member_id;
  const Ticket synced = room.sync(leader, {{leader, "all"}});
  room.settle(ErrorCode::coordinator_not_available);
  EXPECT_EQ(room.synced(synced).error, ErrorCode::coordinator_not_available);
  EXPECT_EQ(room.group.phase(), Phase::preparing);
  const Ticket again = room.join(leader);
  EXPECT_EQ(room.joined(again).generation, 2);
}

TEST(Syncing, IsRefusedToStrangersAndToThePast) {
  Room room;
  const auto ids = room.stable(2);
  EXPECT_EQ(room.synced(room.sync("nobody")).error, ErrorCode::unknown_member_id);
  EXPECT_EQ(room.synced(room.sync(ids[0], {}, 0)).error, ErrorCode::illegal_generation);
  EXPECT_EQ(text_of(room.synced(room.sync(ids[1])).assignment), "work of " + ids[1]) << "asked again, told again";
  room.join(ids[0]);
  EXPECT_EQ(room.synced(room.sync(ids[0])).error, ErrorCode::rebalance_in_progress);
}

TEST(Syncing, DoesWithoutALeaderThatNeverSyncs) {
  Room room;
  const auto ids = room.stable(2);
  const Ticket a = room.join(ids[0]), b = room.join(ids[1]);
  const Ticket waiting = room.sync(ids[1]);
  ASSERT_FALSE(room.waits(a) || room.waits(b));
  room.pass(61s, {ids[0]});  // alive, but silent about the work
  EXPECT_EQ(room.synced(waiting).error, ErrorCode::rebalance_in_progress);
  EXPECT_EQ(room.group.phase(), Phase::preparing);
  EXPECT_EQ(room.beat(ids[0]), ErrorCode::unknown_member_id);
  const Ticket again = room.join(ids[1]);
  EXPECT_EQ(room.joined(again).leader, ids[1]);
}

TEST(Syncing, OfAnAbandonedGenerationChangesNothing) {
  Room room;
  const auto ids = room.stable(2);
  room.join(ids[0]);
  room.join(ids[1]);
  ASSERT_EQ(room.group.phase(), Phase::completing);
  const Ticket old = room.sync(ids[0], {{ids[0], "stale"}});
  room.join();  // a newcomer while the write is under way
  EXPECT_EQ(room.synced(old).error, ErrorCode::rebalance_in_progress);
  room.settle();
  EXPECT_EQ(room.group.phase(), Phase::preparing);
  EXPECT_NE(text_of(room.group.members().at(ids[0]).assignment), "stale");
}

TEST(Leaving, RebalancesTheOthersAndEmptiesTheGroupAtLast) {
  Room room;
  const auto ids = room.stable(2);
  EXPECT_THAT(room.leave({{ids[0], std::nullopt}}), ElementsAre(ErrorCode::none));
  EXPECT_EQ(room.group.phase(), Phase::preparing);
  EXPECT_THAT(room.leave({{ids[1], std::nullopt}, {"nobody", std::nullopt}}),
              ElementsAre(ErrorCode::none, ErrorCode::unknown_member_id));
  EXPECT_EQ(room.group.phase(), Phase::empty);
  EXPECT_EQ(room.group.generation(), 2);
  ASSERT_THAT(room.stores, SizeIs(1)) << "that it is empty is on the log: offsets expire from then on";
  room.settle();
  EXPECT_TRUE(room.state.find("orders")->group->members.empty());
  EXPECT_EQ(room.state.find("orders")->group->generation, 2);
}

TEST(Heartbeats, KeepAMemberAndTheirAbsenceRemovesIt) {
  Room room;
  const auto ids = room.stable(2);
  room.pass(9s);
  EXPECT_EQ(room.beat(ids[0]), ErrorCode::none);
  room.pass(2s);
  EXPECT_EQ(room.beat(ids[1]), ErrorCode::unknown_member_id);
  EXPECT_EQ(room.beat(ids[0]), ErrorCode::rebalance_in_progress);
}

TEST(Heartbeats, OfThePastOrOfStrangersAreRefusedAndChangeNothing) {
  Room room;
  const auto ids = room.stable(1);
  EXPECT_EQ(room.beat(ids[0], 0), ErrorCode::illegal_generation);
  EXPECT_EQ(room.beat(ids[0], 2), ErrorCode::illegal_generation);
  EXPECT_EQ(room.beat("nobody"), ErrorCode::unknown_member_id);
  room.pass(11s);
  EXPECT_EQ(room.group.phase(), Phase::empty) << "what was refused kept nobody alive";
}

TEST(Heartbeats, ArenotExpectedOfWhoWaitsForAnAnswer) {
  Room room;
  const auto ids = room.stable(2);
  const Ticket waiting = room.join(ids[0]);
  room.pass(30s, {ids[1]});
  EXPECT_TRUE(room.waits(waiting)) << "its session is 10 s, its join may take 60 s";
  EXPECT_TRUE(room.group.members().contains(ids[0]));
}

TEST(Committing, IsForMembersOfTheGenerationOnly) {
  Room room;
  EXPECT_EQ(room.group.commit("", std::nullopt, -1, room.at), ErrorCode::none) << "an empty group is anybody's";
  const auto ids = room.stable(2);
  EXPECT_EQ(room.group.commit(ids[0], std::nullopt, 1, room.at), ErrorCode::none);
  EXPECT_EQ(room.group.commit(ids[0], std::nullopt, 0, room.at), ErrorCode::illegal_generation);
  EXPECT_EQ(room.group.commit("nobody", std::nullopt, 1, room.at), ErrorCode::unknown_member_id);
  EXPECT_EQ(room.group.commit("", std::nullopt, -1, room.at), ErrorCode::unknown_member_id);
  room.join(ids[0]);
  EXPECT_EQ(room.group.commit(ids[1], std::nullopt, 1, room.at), ErrorCode::none) << "the last chance before it moves";
  room.join(ids[1]);
  EXPECT_EQ(room.group.commit(ids[1], std::nullopt, 2, room.at), ErrorCode::rebalance_in_progress);
}

TEST(ThousandsOfJoins, AreBoundedByTheGroupsSize) {
  Room room{{.size_max = 50, .initial_delay = 3s}};
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    const Ticket ticket = room.join();
    if (!room.waits(ticket) && room.joined(ticket).error == ErrorCode::group_max_size_reached) ++refused;
  }
  EXPECT_EQ(refused, 4950);
  EXPECT_THAT(room.group.members(), SizeIs(50));
  room.pass(120s);
  EXPECT_EQ(room.group.generation() > 0, true);
}

TEST(Loading, TakesMembersAsTheyWereAndExpiresThemIfTheyAreGone) {
  Room before;
  const auto ids = before.stable(2);
  Room after;
  Effects out;
  after.group = Group{"orders", after.rules, *before.state.find("orders")->group, after.at, out};
  EXPECT_EQ(after.group.phase(), Phase::stable);
  EXPECT_EQ(after.beat(ids[0], 1), ErrorCode::none);
  EXPECT_EQ(text_of(after.synced(after.sync(ids[1])).assignment), "work of " + ids[1]);
  after.pass(11s, {ids[0]});
  EXPECT_EQ(after.group.phase(), Phase::preparing);
  EXPECT_THAT(after.group.members(), SizeIs(1));
}

}  // namespace
}  // namespace broker::coordinators::group::testing
