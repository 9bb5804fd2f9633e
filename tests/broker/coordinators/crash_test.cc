// Power loss at every single I/O while groups commit, rebalance, go, and while they are loaded, on both personalities of
// the simulated disk: what was answered is there afterwards, and nothing that was never asked for.
#include <map>
#include <set>

#include "tests/broker/coordinators/seat.h"

namespace broker::coordinators::group {
namespace {

using namespace testing;
using sim::CrashKind;
using sim::Personality;

/// What may be found: one value after an answer, the former and the new one until then. Kept outside of the world.
class Promises {
 public:
  void asked(const std::string& what, std::int64_t value) { allowed_.try_emplace(what, std::set<std::int64_t>{-1}).first->second.insert(value); }
  void answered(const std::string& what, std::int64_t value) { allowed_[what] = {value}; }
  [[nodiscard]] const std::map<std::string, std::set<std::int64_t>>& allowed() const { return allowed_; }

 private:
  std::map<std::string, std::set<std::int64_t>> allowed_;
};

constexpr std::int32_t kPartitions = 3;
std::string offset_name(std::string_view group, std::int32_t partition) { return fmt::format("{}/{}", group, partition); }

void commit(Fiber& f, Seat& seat, Promises& promises, std::string_view group, std::int32_t partition, std::int64_t offset) {
  const std::string what = offset_name(group, partition);
  promises.asked(what, offset);
  if (seat.commit(f, group, offset, partition, "a note that takes some room") == ErrorCode::none) promises.answered(what, offset);
}

/// One member joins, leads and is assigned something: a generation on the log.
std::optional<JoinReply> rebalance(Fiber& f, Seat& seat, const std::string& group) {
  JoinRequest request;
  request.group_id = group;
  request.client_id = "c";
  request.protocol_type = "consumer";
  request.protocols.push_back({"range", kernel::Buffer::copy_of(std::string_view{"subscription"})});
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 10'000;
  JoinReply joined = seat.groups->join(f, request);
  if (joined.error != ErrorCode::none) return std::nullopt;
  SyncRequest sync;
  sync.group_id = group;
  sync.generation = joined.generation;
  sync.member_id = joined.member_id;
  sync.assignments.emplace_back(joined.member_id, kernel::Buffer::copy_of(std::string_view{"work"}));
  if (seat.groups->sync(f, sync).error != ErrorCode::none) return std::nullopt;
  return joined;
}

void tell_commits(Fiber& f, Seat& seat, Promises& promises) {
  for (int round = 1; round <= 8; ++round) {
    for (std::int32_t p = 0; p < kPartitions; ++p) commit(f, seat, promises, "g", p, round * 10 + p);
    commit(f, seat, promises, "other", 0, round);
  }
}

void tell_deletion(Fiber& f, Seat& seat, Promises& promises) {
  for (std::int32_t p = 0; p < kPartitions; ++p) commit(f, seat, promises, "g", p, p);
  commit(f, seat, promises, "other", 0, 7);
  for (std::int32_t p = 0; p < kPartitions; ++p) promises.asked(offset_name("g", p), -1);
  if (seat.groups->delete_group(f, "g") == ErrorCode::none) {
    for (std::int32_t p = 0; p < kPartitions; ++p) promises.answered(offset_name("g", p), -1);
  }
  commit(f, seat, promises, "g", 0, 5);
}

void tell_rebalances(Fiber& f, Seat& seat, Promises& promises) {
  for (int round = 0; round < 3; ++round) {
    promises.asked("members of g", 1);
    const auto member = rebalance(f, seat, "g");
    if (!member) return;
    promises.answered("members of g", 1);
    commit(f, seat, promises, "h", 0, round);
    promises.asked("members of g", 0);
    const auto left = seat.groups->leave(f, "g", {{member->member_id, std::nullopt}});
    if (left.error == ErrorCode::none) promises.answered("members of g", 0);
  }
}

struct Story {
  std::string_view name;
  void (*tell)(Fiber&, Seat&, Promises&);
};
constexpr Story kStories[] = {{"commits", tell_commits}, {"deletion", tell_deletion}, {"rebalances", tell_rebalances}};

void judge(Seat& seat, const Promises& promises) {
  for (const auto& [what, allowed] : promises.allowed()) {
    std::int64_t found = -1;
    if (what == "members of g") {
      const DescribedGroup group = seat.groups->describe("g");
      if (group.error == ErrorCode::none && group.state != "Dead") found = static_cast<std::int64_t>(group.members.size());
    } else {
      const auto slash = what.find('/');
      found = seat.fetch(what.substr(0, slash), std::stoi(what.substr(slash + 1)));
    }
    EXPECT_TRUE(allowed.contains(found)) << what << " is " << found << ", answered or asked for last: " << *allowed.rbegin();
  }
}

/// Opens a seat for `body`, which runs until the disk has been asked `operations` times. False when it ended before.
bool run_until(sim::World& world, sim::Machine& machine, std::uint64_t operations,
               const std::function<void(Fiber&, Seat&)>& body) {
  bool ended = false;
  world.boot(machine, 1, [&](Fiber& f) {
    Seat seat{f};
    body(f, seat);
    ended = true;
    static_cast<void>(f.sleep(1h));
  });
  const std::uint64_t stop = machine.disk().operations_issued() + operations;
  while (!ended && machine.disk().operations_issued() < stop) {
    if (!world.step()) break;
  }
  return !ended;
}

struct Point {
  Story story;
  Personality personality;
};
class GroupCrash : public ::testing::TestWithParam<Point> {};

TEST_P(GroupCrash, loses_nothing_that_was_answered_at_any_point) {
  const auto& [story, personality] = GetParam();
  bool crashed = true;
  std::uint64_t points = 0;
  for (std::uint64_t point = 1; crashed && !HasFailure(); ++point, ++points) {
    SCOPED_TRACE(fmt::format("{} point {}", story.name, point));
    kernel::StackPool stacks;
    sim::World world{{.seed = 1000 + point}, stacks};
    sim::Machine& machine = world.add_machine("m");
    machine.disk().image().set_personality(personality);
    Promises promises;
    crashed = run_until(world, machine, point, [&](Fiber& f, Seat& seat) {
      ASSERT_OK(seat.open(f));
      story.tell(f, seat, promises);
    });
    world.kill(machine, CrashKind::power_loss);
    // Every other time the load is cut short as well.
    if (point % 2 == 0) {
      run_until(world, machine, 1 + point % 30, [](Fiber& f, Seat& seat) { static_cast<void>(seat.open(f)); });
      world.kill(machine, point % 4 == 0 ? CrashKind::power_loss : CrashKind::process_kill);
    }
    log::testing::run_on(world, machine, [&](Fiber& f) {
      Seat seat{f};
      ASSERT_OK(seat.open(f));
      judge(seat, promises);
      EXPECT_EQ(seat.commit(f, "after", 1), ErrorCode::none);
      seat.expect_fold(f);
      ASSERT_OK(seat.close(f));
    });
  }
  EXPECT_GT(points, 20u) << "a story without points to crash at";
}

class GroupLoadCrash : public ::testing::TestWithParam<Personality> {};

TEST_P(GroupLoadCrash, leaves_at_every_point_of_a_load_what_the_next_one_finds) {
  bool crashed = true;
  std::uint64_t points = 0;
  for (std::uint64_t point = 1; crashed && !HasFailure(); ++point, ++points) {
    SCOPED_TRACE(fmt::format("point {}", point));
    kernel::StackPool stacks;
    sim::World world{{.seed = 1000 + point}, stacks};
    sim::Machine& machine = world.add_machine("m");
    machine.disk().image().set_personality(GetParam());
    Promises promises;
    const bool told_all = !run_until(world, machine, UINT32_MAX, [&](Fiber& f, Seat& seat) {
      ASSERT_OK(seat.open(f));
      tell_commits(f, seat, promises);
      tell_deletion(f, seat, promises);
      tell_rebalances(f, seat, promises);
    });
    ASSERT_TRUE(told_all);
    // What lies on the disk now is partly in memory: the loads that follow begin anew on what the power left.
    world.kill(machine, CrashKind::power_loss);
    for (int round = 0; round < 2; ++round) {
      crashed = run_until(world, machine, point, [](Fiber& f, Seat& seat) { ASSERT_OK(seat.open(f)); });
      world.kill(machine, CrashKind::power_loss);
    }
    log::testing::run_on(world, machine, [&](Fiber& f) {
      Seat seat{f};
      ASSERT_OK(seat.open(f));
      judge(seat, promises);
      seat.expect_fold(f);
      ASSERT_OK(seat.close(f));
    });
  }
  EXPECT_GT(points, 20u) << "a load without points to crash at";
}

INSTANTIATE_TEST_SUITE_P(BothDisks, GroupLoadCrash, ::testing::Values(Personality::ordered, Personality::strict));

INSTANTIATE_TEST_SUITE_P(Stories, GroupCrash, ::testing::ValuesIn([] {
                           std::vector<Point> all;
                           for (const Story& story : kStories) {
                             for (const Personality p : {Personality::ordered, Personality::strict}) all.push_back({story, p});
                           }
                           return all;
                         }()),
                         [](const auto& info) {
                           return fmt::format("{}_{}", info.param.story.name,
                                              info.param.personality == Personality::strict ? "strict" : "ordered");
                         });

}  // namespace
}  // namespace broker::coordinators::group
