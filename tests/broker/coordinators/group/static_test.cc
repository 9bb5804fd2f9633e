// Static members (group.instance.id): they may restart without disturbing the others, and fence who acts as them.
#include "tests/broker/coordinators/group/room.h"

#include <gmock/gmock.h>

namespace broker::coordinators::group::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

struct StaticRoom : Room {
  /// Two static members "one" (who leads) and "two".
  std::vector<std::string> two() {
    const Ticket a = join(static_request("one")), b = join(static_request("two"));
    pass(10s);
    const std::vector<std::string> ids{joined(a).member_id, joined(b).member_id};
    divide(ids);
    return ids;
  }
};

TEST(StaticMember, IsReplacedWithoutARebalanceOnceThatIsOnTheLog) {
  StaticRoom room;
  const auto ids = room.two();
  const Ticket back = room.join(Room::static_request("two"));
  EXPECT_EQ(room.group.phase(), Phase::stable);
  EXPECT_TRUE(room.waits(back));
  room.settle();
  ASSERT_EQ(room.joined(back).error, ErrorCode::none);
  const std::string now = room.joined(back).member_id;
  EXPECT_NE(now, ids[1]);
  EXPECT_EQ(room.joined(back).generation, 1);
  EXPECT_EQ(text_of(room.synced(room.sync(now)).assignment), "work of " + ids[1]) << "its work is still its own";
  EXPECT_EQ(room.state.find("orders")->group->members.size(), 2u);
  EXPECT_TRUE(std::ranges::any_of(room.state.find("orders")->group->members,
                                  [&](const StoredMember& one) { return one.id == now; }));
}

TEST(StaticMember, FencesItsFormerSelf) {
  StaticRoom room;
  const auto ids = room.two();
  const Ticket back = room.join(Room::static_request("two"));
  room.settle();
  EXPECT_EQ(room.beat(ids[1], 1, "two"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(room.beat(ids[1], 1), ErrorCode::unknown_member_id);
  EXPECT_EQ(room.group.commit(ids[1], "two", 1, room.at), ErrorCode::fenced_instance_id);
  EXPECT_EQ(room.synced(room.sync(ids[1], {}, 1, "two")).error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(room.joined(room.join(Room::static_request("two", ids[1]))).error, ErrorCode::fenced_instance_id);
  EXPECT_THAT(room.leave({{ids[1], "two"}}), ElementsAre(ErrorCode::fenced_instance_id));
  EXPECT_EQ(room.beat(room.joined(back).member_id, 1, "two"), ErrorCode::none);
}

TEST(StaticMember, FencesItsFormerSelfThatWaits) {
  StaticRoom room;
  const auto ids = room.two();
  const Ticket waits = room.join(Room::static_request("one", ids[0]));  // the leader asks for a rebalance
  ASSERT_TRUE(room.waits(waits));
  const Ticket back = room.join(Room::static_request("one"));
  EXPECT_EQ(room.joined(waits).error, ErrorCode::fenced_instance_id);
  EXPECT_TRUE(room.waits(back));
}

TEST(StaticMember, ThatLeadIsNotToldSoUnlessItCanSkipTheAssignment) {
  StaticRoom room;
  const auto ids = room.two();
  const Ticket old_client = room.join(Room::static_request("one"));
  room.settle();
  EXPECT_EQ(room.joined(old_client).leader, ids[0]) << "it would divide the work, and nobody waits for that";
  EXPECT_THAT(room.joined(old_client).members, SizeIs(0));
  JoinRequest wish = Room::static_request("one");
  wish.may_skip_assignment = true;
  const Ticket new_client = room.join(wish);
  room.settle();
  EXPECT_EQ(room.joined(new_client).leader, room.joined(new_client).member_id);
  EXPECT_TRUE(room.joined(new_client).skip_assignment);
  EXPECT_THAT(room.joined(new_client).members, SizeIs(2));
}

TEST(StaticMember, StaysWhatItWasWhenItsReplacementCouldNotBeWritten) {
  StaticRoom room;
  const auto ids = room.two();
  const Ticket back = room.join(Room::static_request("one"));
  room.settle(ErrorCode::coordinator_not_available);
  EXPECT_EQ(room.joined(back).error, ErrorCode::coordinator_not_available);
  EXPECT_EQ(room.beat(ids[0], 1, "one"), ErrorCode::none);
  EXPECT_EQ(room.group.leader(), ids[0]);
}

TEST(StaticMember, ComingBackDuringARebalanceOrAnAssignmentStartsItAnew) {
  StaticRoom room;
  const auto ids = room.two();
  room.join(Room::static_request("one", ids[0]));
  room.join(Room::static_request("two", ids[1]));
  ASSERT_EQ(room.group.phase(), Phase::completing);
  room.join(Room::static_request("two"));
  EXPECT_EQ(room.group.phase(), Phase::preparing) << "the leader may be dividing among ids that are no more";
}

TEST(StaticMember, IsKeptThroughARebalanceItMissesUntilItsSessionEnds) {
  StaticRoom room;
  const auto ids = room.two();
  const Ticket a = room.join(Room::static_request("one", ids[0]));
  room.pass(61s, {ids[1]});
  EXPECT_EQ(room.joined(a).error, ErrorCode::none);
  EXPECT_THAT(room.joined(a).members, SizeIs(2)) << "it is restarting: its place is kept";
}

TEST(StaticMember, CanBeRemovedByItsInstanceIdAlone) {
  StaticRoom room;
  room.two();
  EXPECT_THAT(room.leave({{"", "two"}, {"", "three"}, {"", std::nullopt}}),
              ElementsAre(ErrorCode::none, ErrorCode::unknown_member_id, ErrorCode::unknown_member_id));
  EXPECT_THAT(room.group.members(), SizeIs(1));
}

TEST(StaticMember, IsFencedAfterARestartOfTheCoordinatorToo) {
  StaticRoom room;
  const auto ids = room.two();
  const Ticket back = room.join(Room::static_request("two"));
  room.settle();
  Effects out;
  room.group = Group{"orders", room.rules, *room.state.find("orders")->group, room.at, out};
  EXPECT_EQ(room.beat(ids[1], 1, "two"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(room.beat(room.joined(back).member_id, 1, "two"), ErrorCode::none);
}

}  // namespace
}  // namespace broker::coordinators::group::testing
