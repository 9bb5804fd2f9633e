// Who gets what: Java's results where they are promised, and the promises of the sticky ones for all inputs.
#include "clients/group/assignor.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>
#include <set>

namespace clients::group {
namespace {

using net::PartitionId;

Member member(std::string id, std::vector<std::string> topics, Partitions owned = {}, std::int32_t generation = kGenerationNone) {
  Member out{.id = std::move(id), .instance_id = {}, .subscription = {}};
  out.subscription.topics = std::move(topics);
  out.subscription.owned = owned;
  out.subscription.generation = generation;
  out.subscription.user_data = encode_sticky({std::move(owned), generation});
  return out;
}

std::string text(const Partitions& partitions) {
  std::string out;
  for (const auto& at : partitions) out += fmt::format("{}{}{}", out.empty() ? "" : " ", at.topic, at.partition.raw());
  return out;
}

TEST(Range, gives_each_topic_in_runs_and_the_first_members_one_more) {
  const auto out = assign(AssignorKind::range, {member("b", {"t", "u"}), member("a", {"t", "u"}), member("c", {"u"})},
                          {{"t", 3}, {"u", 4}, {"unread", 2}});
  EXPECT_EQ(text(out.at("a")), "t0 t1 u0 u1");
  EXPECT_EQ(text(out.at("b")), "t2 u2");
  EXPECT_EQ(text(out.at("c")), "u3");
}

TEST(Range, puts_static_members_first_by_instance_id) {
  Member z = member("z", {"t"});
  z.instance_id = "2";
  Member y = member("y", {"t"});
  y.instance_id = "3";
  const auto out = assign(AssignorKind::range, {member("a", {"t"}), y, z}, {{"t", 4}});
  EXPECT_EQ(text(out.at("z")), "t0 t1");
  EXPECT_EQ(text(out.at("y")), "t2");
  EXPECT_EQ(text(out.at("a")), "t3");
}

TEST(RoundRobin, deals_partitions_of_all_topics_in_turn) {
  const auto out = assign(AssignorKind::round_robin, {member("b", {"t", "u"}), member("a", {"t", "u"})}, {{"t", 3}, {"u", 3}});
  EXPECT_EQ(text(out.at("a")), "t0 t2 u1");
  EXPECT_EQ(text(out.at("b")), "t1 u0 u2");
}

TEST(RoundRobin, passes_over_who_does_not_read_the_topic) {
  // The example of Java's documentation of this assignor.
  const auto out = assign(AssignorKind::round_robin,
                          {member("C0", {"t0"}), member("C1", {"t0", "t1"}), member("C2", {"t0", "t1", "t2"})},
                          {{"t0", 1}, {"t1", 2}, {"t2", 3}});
  EXPECT_EQ(text(out.at("C0")), "t00");
  EXPECT_EQ(text(out.at("C1")), "t10");
  EXPECT_EQ(text(out.at("C2")), "t11 t20 t21 t22");
}

TEST(Sticky, of_two_claims_the_later_generation_counts_and_of_equal_ones_none) {
  const TopicPartition t0{"t", PartitionId{0}}, t1{"t", PartitionId{1}};
  const auto out = assign(AssignorKind::sticky, {member("a", {"t"}, {t0, t1}, 4), member("b", {"t"}, {t0}, 5)}, {{"t", 2}});
  EXPECT_EQ(text(out.at("a")), "t1");
  EXPECT_EQ(text(out.at("b")), "t0");
  const auto same = assign(AssignorKind::sticky, {member("a", {"t"}, {t0}, 5), member("b", {"t"}, {t0, t1}, 5)}, {{"t", 2}});
  EXPECT_EQ(text(same.at("b")), "t1");
  EXPECT_EQ(text(same.at("a")), "t0");
}

TEST(CooperativeSticky, what_moves_is_nobodys_until_it_was_given_up) {
  const TopicPartition t0{"t", PartitionId{0}}, t1{"t", PartitionId{1}};
  const auto first = assign(AssignorKind::cooperative_sticky, {member("a", {"t"}, {t0, t1}, 1), member("b", {"t"})}, {{"t", 2}});
  EXPECT_EQ(first.at("a").size(), 1u);
  EXPECT_TRUE(first.at("b").empty());
  const auto second = assign(AssignorKind::cooperative_sticky, {member("a", {"t"}, first.at("a"), 2), member("b", {"t"}, {}, 2)}, {{"t", 2}});
  EXPECT_EQ(second.at("a"), first.at("a"));
  EXPECT_EQ(second.at("b").size(), 1u);
}

TEST(CooperativeSticky, takes_the_generation_from_user_data_where_the_subscription_has_none) {
  const TopicPartition t0{"t", PartitionId{0}};
  Member old = member("a", {"t"}, {t0});
  old.subscription.version = 1;
  old.subscription.user_data = encode_generation(3);
  const auto out = assign(AssignorKind::cooperative_sticky, {old, member("b", {"t"}, {t0}, 4)}, {{"t", 1}});
  EXPECT_TRUE(out.at("a").empty());
  EXPECT_EQ(text(out.at("b")), "t0");
}

// Arbitrary groups.

struct Case {
  std::vector<Member> members;
  PartitionCounts counts;
};

rc::Gen<Case> cases(bool all_read_all) {
  return rc::gen::exec([all_read_all] {
    Case out;
    const int topics = *rc::gen::inRange(1, 5);
    std::vector<std::string> names;
    for (int t = 0; t < topics; ++t) {
      names.push_back(fmt::format("t{}", t));
      out.counts[names.back()] = *rc::gen::inRange(1, 12);
    }
    const int members = *rc::gen::inRange(1, 8);
    for (int m = 0; m < members; ++m) {
      std::vector<std::string> reads;
      for (const auto& name : names) {
        if (all_read_all || *rc::gen::inRange(0, 3) > 0) reads.push_back(name);
      }
      Partitions owned;
      const int claims = *rc::gen::inRange(0, 10);
      for (int c = 0; c < claims; ++c) {
        const auto& name = *rc::gen::elementOf(names);
        owned.push_back({name, PartitionId{*rc::gen::inRange(0, 14)}});
      }
      out.members.push_back(member(fmt::format("m{}", m), reads, owned, *rc::gen::inRange(-1, 4)));
    }
    return out;
  });
}

void expect_each_once(const Case& c, const Assignments& out, bool may_hold_back) {
  std::map<TopicPartition, std::string> owners;
  for (const auto& one : c.members) {
    RC_ASSERT(out.contains(one.id));
    for (const auto& at : out.at(one.id)) {
      RC_ASSERT(owners.emplace(at, one.id).second);
      RC_ASSERT(std::ranges::find(one.subscription.topics, at.topic) != one.subscription.topics.end());
      RC_ASSERT(at.partition.raw() < c.counts.at(at.topic));
    }
  }
  if (may_hold_back) return;
  for (const auto& [topic, count] : c.counts) {
    const bool read = std::ranges::any_of(c.members, [&](const Member& m) { return std::ranges::find(m.subscription.topics, topic) != m.subscription.topics.end(); });
    for (int p = 0; read && p < count; ++p) RC_ASSERT(owners.contains({topic, PartitionId{p}}));
  }
}

constexpr AssignorKind kKinds[] = {AssignorKind::range, AssignorKind::round_robin, AssignorKind::sticky, AssignorKind::cooperative_sticky};

RC_GTEST_PROP(Assignors, give_every_partition_exactly_once_whatever_the_order_of_members, ()) {
  Case c = *cases(false);
  for (const AssignorKind kind : kKinds) {
    const auto out = assign(kind, c.members, c.counts);
    expect_each_once(c, out, kind == AssignorKind::cooperative_sticky);
    auto turned = c.members;
    std::ranges::reverse(turned);
    RC_ASSERT(assign(kind, turned, c.counts) == out);
    std::ranges::rotate(turned, turned.begin() + static_cast<std::ptrdiff_t>(turned.size() / 2));
    RC_ASSERT(assign(kind, turned, c.counts) == out);
  }
}

RC_GTEST_PROP(Sticky, is_balanced_as_java_defines_it, ()) {
  const Case c = *cases(*rc::gen::arbitrary<bool>());
  const auto out = assign(AssignorKind::sticky, c.members, c.counts);
  for (const auto& from : c.members) {
    for (const auto& to : c.members) {
      if (out.at(from.id).size() < out.at(to.id).size() + 2) continue;
      for (const auto& at : out.at(from.id))
        RC_ASSERT(std::ranges::find(to.subscription.topics, at.topic) == to.subscription.topics.end());
    }
  }
}

/// The group as it is after `out`, in that generation.
std::vector<Member> after(const std::vector<Member>& members, const Assignments& out, std::int32_t generation) {
  std::vector<Member> next;
  for (const auto& one : members) next.push_back(member(one.id, one.subscription.topics, out.at(one.id), generation));
  return next;
}

RC_GTEST_PROP(Sticky, nothing_moves_when_nothing_changes, ()) {
  const Case c = *cases(false);
  const auto out = assign(AssignorKind::sticky, c.members, c.counts);
  RC_ASSERT(assign(AssignorKind::sticky, after(c.members, out, 9), c.counts) == out);
}

RC_GTEST_PROP(Sticky, who_stays_keeps_all_when_a_member_leaves, ()) {
  const Case c = *cases(true);
  RC_PRE(c.members.size() > 1);
  const auto before = assign(AssignorKind::sticky, c.members, c.counts);
  auto rest = after(c.members, before, 9);
  rest.pop_back();
  const auto out = assign(AssignorKind::sticky, rest, c.counts);
  for (const auto& one : rest) RC_ASSERT(std::ranges::includes(out.at(one.id), before.at(one.id)));
}

RC_GTEST_PROP(Sticky, a_newcomer_takes_no_more_than_its_share_and_the_others_exchange_nothing, ()) {
  const Case c = *cases(true);
  const auto before = assign(AssignorKind::sticky, c.members, c.counts);
  auto more = after(c.members, before, 9);
  more.push_back(member("new", c.members[0].subscription.topics));
  const auto out = assign(AssignorKind::sticky, more, c.counts);
  for (const auto& one : c.members) RC_ASSERT(std::ranges::includes(before.at(one.id), out.at(one.id)));
}

TEST(Sticky, divides_ten_thousand_partitions_anew_among_many_members) {
  constexpr int kMembers = 300;
  constexpr std::int32_t kCount = 10'000;
  std::vector<Member> members;
  Partitions all;
  for (std::int32_t p = 0; p < kCount; ++p) all.push_back({"t", PartitionId{p}});
  for (int m = 0; m < kMembers; ++m) members.push_back(member(fmt::format("m{}", m), {"t"}, m == 0 ? all : Partitions{}, 1));
  const auto out = assign(AssignorKind::sticky, members, {{"t", kCount}});
  std::size_t least = kCount, most = 0;
  for (const auto& [id, partitions] : out) {
    least = std::min(least, partitions.size());
    most = std::max(most, partitions.size());
  }
  EXPECT_LE(most - least, 1u);
}

RC_GTEST_PROP(CooperativeSticky, settles_in_two_generations_and_never_gives_what_another_still_has, ()) {
  const Case c = *cases(false);
  const auto first = assign(AssignorKind::cooperative_sticky, c.members, c.counts);
  for (const auto& to : c.members) {
    for (const auto& at : first.at(to.id)) {
      if (std::ranges::find(to.subscription.owned, at) != to.subscription.owned.end()) continue;
      for (const auto& other : c.members)
        RC_ASSERT(std::ranges::find(other.subscription.owned, at) == other.subscription.owned.end());
    }
  }
  const auto members = after(c.members, first, 9);
  const auto second = assign(AssignorKind::cooperative_sticky, members, c.counts);
  expect_each_once({members, c.counts}, second, false);
  RC_ASSERT(assign(AssignorKind::cooperative_sticky, after(members, second, 10), c.counts) == second);
}

}  // namespace
}  // namespace clients::group
