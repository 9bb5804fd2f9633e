// What an administrator sees and changes of groups: members, lag in records and time, resets, deletion.
#include "clients/admin/lag.h"
#include "tests/clients/group/group_world.h"

namespace clients::admin {
namespace {

using namespace std::chrono_literals;
using group::GroupConsumer;
using kernel::Fiber;
using net::ErrorCode;
using net::Offset;
using net::PartitionId;
using testing::GroupWorld;
using testing::kFirst;
using testing::kSecond;

TEST(GroupAdmin, sees_members_and_what_they_read) {
  GroupWorld world{1};
  world.start_broker();
  world.fill("t", 2, 5);
  world.run([&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, {.group_id = "g", .instance_id = "one", .auto_commit = false});
    consumer->subscribe({"t"});
    while (consumer->assignment().empty()) ASSERT_TRUE(consumer->poll(f, 100ms));
    ASSERT_TRUE(consumer->commit(f, {{kFirst, {Offset{3}}}}));
    const auto all = list_groups(f, *cluster, {"Stable"});
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 1u);
    EXPECT_EQ(all->front().id, "g");
    EXPECT_EQ(all->front().protocol_type, "consumer");
    EXPECT_TRUE(list_groups(f, *cluster, {"Empty"})->empty());
    const auto group = describe_group(f, cluster, "g");
    ASSERT_TRUE(group);
    EXPECT_EQ(group->state, "Stable");
    EXPECT_EQ(group->protocol, "range");
    ASSERT_EQ(group->members.size(), 1u);
    EXPECT_EQ(group->members[0].instance_id, "one");
    EXPECT_EQ(group->members[0].assigned, (Partitions{kFirst, kSecond}));
    const auto lags = group_lag(f, scope, cluster, *group);
    ASSERT_TRUE(lags);
    ASSERT_EQ(lags->size(), 2u);
    EXPECT_EQ((*lags)[0].records, 2);
    EXPECT_EQ((*lags)[0].member->instance_id, "one");
    EXPECT_FALSE((*lags)[1].committed);
    EXPECT_FALSE((*lags)[1].records);
    EXPECT_EQ(alter_group_offsets(f, cluster, "g", {{kFirst, {Offset{0}}}})->at(kFirst), ErrorCode::unknown_member_id)
        << "not under its members";
    EXPECT_EQ(delete_group_offsets(f, cluster, "g", {kFirst})->at(kFirst), ErrorCode::group_subscribed_to_topic);
    EXPECT_EQ(delete_group(f, cluster, "g")->code, ErrorCode::non_empty_group);
    EXPECT_TRUE(describe_group(f, cluster, "nobody")->missing());
    ASSERT_TRUE(consumer->close(f));
  });
}

TEST(Lag, in_time_is_the_age_of_the_first_record_not_consumed) {
  GroupWorld world{2};
  world.start_broker();
  world.fill("t", 2, 4);
  world.run_for(20s);
  world.run([&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    world.produce(f, scope, cluster, "t", 2, 1);
    ASSERT_TRUE(f.sleep(10s));
    ASSERT_TRUE(alter_group_offsets(f, cluster, "g", {{kFirst, {Offset{2}}}, {kSecond, {Offset{4}}}}));
    auto lags = *group_lag(f, scope, cluster, *describe_group(f, cluster, "g"));
    ASSERT_EQ(lags.size(), 2u);
    EXPECT_EQ(lags[0].records, 3);
    EXPECT_GE(*lags[0].age, 30s);
    EXPECT_LT(*lags[0].age, 40s);
    EXPECT_EQ(lags[1].records, 1);
    EXPECT_GE(*lags[1].age, 10s);
    EXPECT_LT(*lags[1].age, 15s);
    ASSERT_TRUE(alter_group_offsets(f, cluster, "g", {{kFirst, {Offset{5}}}}));
    lags = *group_lag(f, scope, cluster, *describe_group(f, cluster, "g"));
    EXPECT_EQ(lags[0].records, 0);
    EXPECT_EQ(*lags[0].age, 0ms);
  });
}

TEST(Reset, is_planned_as_asked_and_within_the_log) {
  GroupWorld world{3};
  world.start_broker();
  world.fill("t", 2, 10);
  world.run_for(60s);
  world.run([&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    const std::int64_t between_ms = kernel::ms_of(f.wall());
    world.produce(f, scope, cluster, "t", 1, 5);
    ASSERT_TRUE(alter_group_offsets(f, cluster, "g", {{kFirst, {Offset{7}}}}));
    const auto to = [&](const ResetTarget& target) {
      std::vector<std::int64_t> out;
      const auto steps = plan_reset(f, cluster, "g", {kFirst, kSecond}, target);
      EXPECT_TRUE(steps);
      if (!steps) return out;
      for (const auto& step : *steps) out.push_back(step.to.raw());
      return out;
    };
    using Offsets64 = std::vector<std::int64_t>;
    EXPECT_EQ(to(ToEarliest{}), (Offsets64{0, 0}));
    EXPECT_EQ(to(ToLatest{}), (Offsets64{15, 10}));
    EXPECT_EQ(to(ToCurrent{}), (Offsets64{7, 10}));
    EXPECT_EQ(to(ToOffset{12}), (Offsets64{12, 10}));
    EXPECT_EQ(to(ShiftBy{-3}), (Offsets64{4})) << "without a commit there is nothing to shift";
    EXPECT_EQ(to(ShiftBy{INT64_MAX}), (Offsets64{15}));
    EXPECT_EQ(to(ShiftBy{INT64_MIN}), (Offsets64{0}));
    EXPECT_EQ(to(ToTime{between_ms}), (Offsets64{10, 10}));
    EXPECT_EQ(to(ToTime{0}), (Offsets64{0, 0}));
    EXPECT_EQ(to(ToGiven{{{kSecond, 4}}}), (Offsets64{4}));
    const auto steps = *plan_reset(f, cluster, "g", {kFirst}, ToOffset{-9});
    EXPECT_TRUE(steps[0].moved_into_log);
    EXPECT_EQ(steps[0].from, Offset{7});
    EXPECT_EQ(list_group_offsets(f, cluster, "g")->at(kFirst).offset, Offset{7}) << "nothing was changed";
    EXPECT_EQ(delete_group_offsets(f, cluster, "g", {kFirst})->at(kFirst), ErrorCode::none);
    EXPECT_TRUE(list_group_offsets(f, cluster, "g")->empty());
    EXPECT_TRUE(delete_group(f, cluster, "g"));
    EXPECT_TRUE(describe_group(f, cluster, "g")->missing());
  });
}

}  // namespace
}  // namespace clients::admin
