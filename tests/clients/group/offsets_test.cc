// Committed offsets: what is written is found again, where reading begins, and what a commit in a lost name gets.
#include "net/messages/leave_group.h"
#include "tests/clients/group/group_world.h"

namespace clients::group {
namespace {

using testing::GroupWorld;
using testing::kFirst;
using testing::kSecond;
using namespace std::chrono_literals;
using consumer::OffsetReset;
using kernel::Fiber;
using net::ErrorCode;
using net::Offset;
using net::PartitionId;

GroupConfig by_hand(OffsetReset reset = OffsetReset::earliest) {
  GroupConfig config{.group_id = "g", .session_timeout = 6s, .heartbeat_interval = 500ms, .auto_commit = false};
  config.reading.offset_reset = reset;
  config.reading.fetch_wait_max = 200ms;
  return config;
}

/// Polls until a record or an error comes, or nothing for long.
std::optional<Polled> next(Fiber& f, GroupConsumer& consumer) {
  for (int i = 0; i < 100; ++i) {
    auto polled = consumer.poll(f, 100ms);
    EXPECT_TRUE(polled);
    if (!polled || *polled) return polled ? std::move(*polled) : std::nullopt;
  }
  return std::nullopt;
}

void with_filled_topic(std::uint64_t seed, const std::function<void(Fiber&, kernel::Scope&, const testing::ClusterRef&)>& body) {
  GroupWorld world{seed};
  world.start_broker();
  world.fill("t", 2, 50);
  world.run([&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) { body(f, scope, cluster); });
}

TEST(Commits, are_found_again_with_metadata_and_leader_epoch) {
  with_filled_topic(1, [](Fiber& f, kernel::Scope& scope, const testing::ClusterRef& cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, by_hand());
    EXPECT_TRUE(consumer->committed(f, {kFirst})->empty());
    ASSERT_TRUE(consumer->commit(f, {{kFirst, {Offset{7}, net::LeaderEpoch{0}, "here"}}}));
    const auto found = consumer->committed(f, {kFirst, kSecond});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->at(kFirst), (OffsetAndMetadata{Offset{7}, net::LeaderEpoch{0}, "here"}));
    const auto unknown = consumer->commit(f, {{{"nothing", PartitionId{0}}, {Offset{1}}}});
    EXPECT_EQ(core::broker_code(unknown.error()), ErrorCode::unknown_topic_or_partition);
    ASSERT_TRUE(consumer->close(f));
    EXPECT_TRUE(consumer->commit(f, {{kFirst, {Offset{9}}}}).error().is(core::Reason::closed));
  });
}

TEST(Commits, made_one_after_the_other_end_with_the_last) {
  with_filled_topic(2, [](Fiber& f, kernel::Scope& scope, const testing::ClusterRef& cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, by_hand());
    std::vector<CommitFuture> all;
    for (int i = 1; i <= 30; ++i) all.push_back(consumer->commit_async({{kFirst, {Offset{i}}}}));
    ASSERT_TRUE(all.back().get(f));
    for (const auto& one : all) EXPECT_TRUE(one.is_done());
    EXPECT_EQ(consumer->committed(f, {kFirst})->at(kFirst).offset, Offset{30});
    ASSERT_TRUE(consumer->close(f));
  });
}

TEST(Reading, begins_at_the_committed_offset_or_by_the_policy) {
  for (const OffsetReset reset : {OffsetReset::earliest, OffsetReset::latest, OffsetReset::none}) {
    with_filled_topic(3, [reset](Fiber& f, kernel::Scope& scope, const testing::ClusterRef& cluster) {
      auto consumer = *GroupConsumer::open(scope, cluster, by_hand(reset));
      ASSERT_TRUE(consumer->commit(f, {{kFirst, {Offset{20}}}}));
      consumer->subscribe({"t"});
      std::map<TopicPartition, Offset> began;
      std::optional<kernel::Error> error;
      for (int i = 0; i < 40 && (began.size() < 2 || reset != OffsetReset::earliest); ++i) {
        const auto polled = consumer->poll(f, 100ms);
        ASSERT_TRUE(polled);
        if (!*polled) continue;
        if ((*polled)->error) {
          EXPECT_FALSE(error) << "told once";
          error = (*polled)->error;
          EXPECT_EQ((*polled)->at, kSecond);
        } else {
          began.emplace((*polled)->at, (*polled)->records.front().offset);
        }
      }
      EXPECT_EQ(began.at(kFirst), Offset{20});
      EXPECT_EQ(began.contains(kSecond), reset == OffsetReset::earliest);
      EXPECT_EQ(error.has_value(), reset == OffsetReset::none);
      if (reset == OffsetReset::latest) {
        EXPECT_EQ(consumer->position(kSecond), Offset{50});
      }
      if (reset == OffsetReset::none) {
        EXPECT_TRUE(error->is(core::Reason::no_committed_offset));
        consumer->seek(kSecond, Offset{48});
        const auto polled = next(f, *consumer);
        ASSERT_TRUE(polled && !polled->records.empty());
        EXPECT_EQ(polled->records.front().offset, Offset{48});
      }
      ASSERT_TRUE(consumer->close(f));
    });
  }
}

TEST(Reading, seeks_pauses_and_finds_times) {
  with_filled_topic(4, [](Fiber& f, kernel::Scope& scope, const testing::ClusterRef& cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, by_hand());
    consumer->assign({kFirst});
    consumer->pause(kFirst);
    EXPECT_FALSE(*consumer->poll(f, 2s));
    consumer->seek(kFirst, Offset{45});
    EXPECT_FALSE(*consumer->poll(f, 1s)) << "still paused";
    consumer->resume(kFirst);
    const auto polled = next(f, *consumer);
    ASSERT_TRUE(polled);
    EXPECT_EQ(polled->records.front().offset, Offset{45});
    EXPECT_EQ(consumer->end_offsets(f, {kFirst})->at(kFirst), Offset{50});
    EXPECT_EQ(consumer->beginning_offsets(f, {kFirst})->at(kFirst), Offset{0});
    const auto times = consumer->offsets_for_times(f, {{kFirst, 0}, {kSecond, INT64_MAX}});
    ASSERT_TRUE(times);
    EXPECT_EQ(times->at(kFirst).offset, Offset{0});
    EXPECT_EQ(times->at(kSecond).offset, Offset{-1});
    ASSERT_TRUE(consumer->commit(f));
    EXPECT_EQ(consumer->committed(f, {kFirst})->at(kFirst).offset, *consumer->position(kFirst));
    consumer->assign({kSecond});
    EXPECT_EQ(consumer->assignment(), Partitions{kSecond});
    ASSERT_TRUE(consumer->close(f));
  });
}

TEST(AutoCommit, comes_by_the_interval_and_speaks_of_what_was_polled_before) {
  with_filled_topic(5, [](Fiber& f, kernel::Scope& scope, const testing::ClusterRef& cluster) {
    GroupConfig config = by_hand();
    config.auto_commit = true;
    config.auto_commit_interval = 2s;
    auto consumer = *GroupConsumer::open(scope, cluster, config);
    consumer->subscribe({"t"});
    auto polled = next(f, *consumer);
    ASSERT_TRUE(polled);
    ASSERT_TRUE(f.sleep(3s));
    EXPECT_TRUE(consumer->committed(f, {kFirst, kSecond})->empty()) << "the work on it may not be done";
    const TopicPartition at = polled->at;
    const Offset done = polled->next_offset;
    ASSERT_TRUE(next(f, *consumer));
    ASSERT_TRUE(f.sleep(1s));
    EXPECT_EQ(consumer->committed(f, {at})->at(at).offset, done);
    ASSERT_TRUE(consumer->close(f));
  });
}

TEST(Commits, of_who_was_thrown_out_fail_and_what_it_had_is_lost) {
  with_filled_topic(6, [](Fiber& f, kernel::Scope& scope, const testing::ClusterRef& cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, by_hand());
    Partitions lost, assigned;
    int revoked = 0;
    consumer->subscribe({"t"}, {.revoked = [&](Fiber&, const Partitions&) { ++revoked; },
                                .assigned = [&](Fiber&, const Partitions& coming) { assigned = coming; },
                                .lost = [&](Fiber&, const Partitions& going) { lost = going; }});
    ASSERT_TRUE(next(f, *consumer));
    // An administrator removes it.
    core::Coordinator coordinator{cluster, "g"};
    const std::string id = consumer->identity().member_id;
    net::Arena arena;
    const auto left = coordinator.ask<net::LeaveGroupRequest>(
        f,
        [&](std::int16_t) {
          net::LeaveGroupRequest request;
          request.group_id = "g";
          arena.push_back(request.members, {.member_id = id});
          return request;
        },
        [](const net::LeaveGroupResponse& got) { return got.error_code; });
    ASSERT_TRUE(left);
    const auto outcome = consumer->commit(f);
    EXPECT_EQ(core::broker_code(outcome.error()), ErrorCode::unknown_member_id);
    assigned.clear();
    while (assigned.empty()) ASSERT_TRUE(consumer->poll(f, 100ms));
    EXPECT_EQ(lost.size(), 2u);
    EXPECT_EQ(revoked, 0);
    EXPECT_EQ(assigned.size(), 2u) << "and it joins again";
    EXPECT_TRUE(consumer->commit(f));
    ASSERT_TRUE(consumer->unsubscribe(f));
    EXPECT_EQ(revoked, 1);
    EXPECT_TRUE(consumer->assignment().empty());
    EXPECT_EQ(consumer->identity().generation, kGenerationNone);
    consumer->subscribe({"t"});
    EXPECT_TRUE(next(f, *consumer)) << "and can subscribe anew";
    ASSERT_TRUE(consumer->close(f));
  });
}

TEST(Commits, keep_the_name_they_were_made_in_however_late_they_are_sent) {
  GroupWorld world{7};
  world.start_broker();
  world.fill("t", 2, 5);
  bool cut = false, ended = false;
  std::optional<CommitFuture> first, second;
  world.client("member", [&](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    auto consumer = *GroupConsumer::open(scope, cluster, by_hand());
    consumer->subscribe({"t"});
    ASSERT_TRUE(next(f, *consumer));
    // The first waits for an answer that does not come, the second for the first.
    cut = true;
    ASSERT_TRUE(f.sleep(100ms));
    first = consumer->commit_async({{kFirst, {Offset{1}}}});
    second = consumer->commit_async({{kFirst, {Offset{2}}}});
    for (auto* one : {&first, &second}) {
      const auto outcome = (*one)->get(f);
      EXPECT_EQ(core::broker_code(outcome.error()), ErrorCode::unknown_member_id) << "its session is over";
    }
    EXPECT_TRUE(consumer->committed(f, {kFirst})->empty());
    ASSERT_TRUE(consumer->close(f));
    ended = true;
  });
  world.until([&] { return cut; });
  auto& network = world.world.network();
  auto& member = world.machine("member");
  network.link(member, world.broker_machine).cut = true;
  world.run_for(15s);
  network.link(member, world.broker_machine).cut = false;
  network.links_changed();
  world.until([&] { return ended; });
}

}  // namespace
}  // namespace clients::group
