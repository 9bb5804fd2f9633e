// The controller over a real log in a simulated machine: restarts, crashes at every I/O, full disks.
#include "broker/controller/controller.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log_directory.h"
#include "broker/metadata/to_records.h"
#include "tests/broker/log/log_harness.h"

namespace broker::controller {
namespace {

using kernel::Fiber;
using kernel::Result;
using log::testing::run_on;
using metadata::ImageRef;
using net::BrokerId;
using net::ErrorCode;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr std::string_view kDirectory = "/data";

/// A controller with everything it stands on.
struct Seat {
  explicit Seat(Fiber& f) : scope{f} {}
  kernel::Scope scope;
  std::unique_ptr<log::LogDirectory> directory;
  std::unique_ptr<log::DirectoryShard> shard;
  std::unique_ptr<Controller> controller;

  Result<> open(Fiber& f, const ControllerOptions& options = {}) {
    directory = TRY(log::LogDirectory::open(f, std::string{kDirectory}, {.cluster_id = "c", .node_id = 1}));
    shard = TRY(directory->on_shard(f, scope));
    controller = TRY(Controller::open(f, *shard, options));
    return {};
  }
  Result<> close(Fiber& f) {
    TRY(controller->close(f));
    TRY(shard->close(f));
    TRY(directory->close(f, 3));
    return scope.join(f);
  }
  /// After open() failed.
  Result<> give_up(Fiber& f) {
    if (shard != nullptr) TRY(shard->close(f));
    if (directory != nullptr) TRY(directory->close(f, -1));
    return scope.join(f);
  }
  Result<> serve(Fiber& f, const ControllerOptions& options = {}) {
    TRY(open(f, options));
    metadata::Broker self{.id = BrokerId{1}, .endpoints = {{"PLAINTEXT", "localhost", 9092, 0}}};
    self.log_directories = {*directory->properties().directory_id};
    static_cast<void>(TRY(controller->register_broker(f, self)));
    return {};
  }
  Result<net::TopicId> create(Fiber& f, std::string name, std::int32_t partitions = 1) {
    const NewTopic wanted[] = {{.name = std::move(name), .partitions = partitions}};
    const auto made = TRY(controller->create_topics(f, wanted, false));
    EXPECT_EQ(made.at(0).code, ErrorCode::none) << made.at(0).message;
    return made.at(0).id;
  }
};

struct Place {
  explicit Place(std::uint64_t seed = 1, sim::Personality personality = sim::Personality::strict,
                 std::string planted_bug = {})
      : world{{.seed = seed, .planted_bug = std::move(planted_bug)}, stacks} {
    machine.disk().image().set_personality(personality);
  }
  void run(const std::function<Result<>(Fiber&)>& body) {
    run_on(world, machine, [&](Fiber& f) { EXPECT_OK(body(f)); });
  }
  kernel::StackPool stacks;
  sim::World world;
  sim::Machine& machine = world.add_machine("m");
};

TEST(Controller, FormatsAFreshDirectoryAsKafkaDoes) {
  Place place;
  place.run([](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.open(f));
    const ImageRef image = seat.controller->image();
    EXPECT_EQ(image->cluster_id, "c");
    EXPECT_EQ(image->kraft_version, 1);
    EXPECT_EQ(image->metadata_version(), 33);
    EXPECT_EQ(image->features.at("share.version"), 2);
    EXPECT_EQ(image->settings_of(metadata::ResourceType::broker, "").at("min.insync.replicas"), "1");
    EXPECT_EQ(image->offset, net::Offset{12});  // three of the quorum, nine of the bootstrap
    EXPECT_EQ(seat.controller->epoch(), net::LeaderEpoch{1});
    EXPECT_EQ(seat.controller->quorum().voters.at(0).directory, seat.directory->properties().directory_id);
    std::vector<std::string> names;
    for (const auto& entry : TRY(f.node().disk().list(f, "/data/__cluster_metadata-0"))) names.push_back(entry.name);
    EXPECT_THAT(names, ::testing::IsSupersetOf({"00000000000000000000-0000000000.checkpoint", "quorum-state"}));
    return seat.close(f);
  });
}

TEST(Controller, RemembersAcrossRestarts) {
  Place place;
  ImageRef before;
  net::TopicId kept;
  std::set<net::TopicId> ids;
  std::set<std::int64_t> epochs;
  for (int round = 0; round < 4; ++round)
    place.run([&](Fiber& f) -> Result<> {
      Seat seat{f};
      TRY(seat.open(f));
      EXPECT_TRUE(round == 0 || seat.controller->image()->same_content(*before));
      EXPECT_EQ(seat.controller->epoch(), net::LeaderEpoch{round + 1});
      const auto epoch = TRY(seat.controller->register_broker(f, {.id = BrokerId{1}, .log_directories = {{1, 2}}}));
      EXPECT_TRUE(epochs.insert(epoch.raw()).second);
      EXPECT_EQ(seat.controller->image()->brokers.at(BrokerId{1}).epoch, epoch);
      EXPECT_FALSE(seat.controller->image()->brokers.at(BrokerId{1}).fenced);
      if (round == 0) kept = TRY(seat.create(f, "kept", 3));
      EXPECT_TRUE(ids.insert(TRY(seat.create(f, fmt::format("t{}", round)))).second) << "an id comes once";
      if (round == 2) TRY(seat.controller->snapshot(f));
      before = seat.controller->image();
      EXPECT_EQ(before->find_topic("kept")->id, kept);
      EXPECT_EQ(before->find_topic("kept")->partitions[0].leader_epoch, net::LeaderEpoch{round});
      return seat.close(f);
    });
}

TEST(Controller, AnnouncesChangesAndValidatesWithoutMakingThem) {
  Place place;
  place.run([](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.serve(f));
    const ImageRef before = seat.controller->image();
    const NewTopic wanted[] = {{.name = "a", .partitions = 2}};
    const auto judged = TRY(seat.controller->create_topics(f, wanted, true));
    EXPECT_EQ(judged.at(0).code, ErrorCode::none);
    EXPECT_EQ(judged.at(0).partitions, 2);
    EXPECT_TRUE(judged.at(0).id.raw().is_zero());
    EXPECT_EQ(seat.controller->image(), before);

    bool told = false;
    seat.scope.spawn("listen", [&](Fiber& child) -> Result<> {
      TRY(seat.controller->changed().wait(child));
      told = true;
      return {};
    });
    TRY(f.yield());
    const net::TopicId id = TRY(seat.create(f, "a"));
    TRY(f.yield());
    EXPECT_TRUE(told);
    const net::TopicId gone[] = {id};
    EXPECT_EQ(TRY(seat.controller->delete_topics(f, gone)).at(0).code, ErrorCode::none);
    EXPECT_EQ(seat.controller->image()->find_topic("a"), nullptr);
    EXPECT_EQ(before->find_topic("a"), nullptr);
    return seat.close(f);
  });
}

TEST(Controller, SnapshotsByItselfAndCutsTheLog) {
  Place place;
  const ControllerOptions options{.snapshot_after_bytes = 4096, .segment_bytes = 2048};
  ImageRef before;
  place.run([&](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.serve(f, options));
    for (int i = 0; i < 100; ++i) static_cast<void>(TRY(seat.create(f, fmt::format("t{}", i))));
    before = seat.controller->image();
    EXPECT_GT(seat.controller->log().log_start(), net::Offset{0});
    int snapshots = 0;
    for (const auto& entry : TRY(f.node().disk().list(f, "/data/__cluster_metadata-0"))) {
      EXPECT_FALSE(entry.name.ends_with(".part"));
      if (parse_snapshot_name(entry.name)) ++snapshots;
    }
    EXPECT_EQ(snapshots, 1);
    return seat.close(f);
  });
  place.run([&](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.open(f, options));
    EXPECT_TRUE(seat.controller->image()->same_content(*before));
    EXPECT_THAT(seat.controller->image()->topics, SizeIs(100));
    return seat.close(f);
  });
}

TEST(Controller, SaysSoWhenTheDiskIsFullAndGoesOnWhenItIsNot) {
  Place place;
  place.run([&](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.serve(f));
    const ImageRef before = seat.controller->image();
    place.machine.disk().faults().full = true;
    NewTopic wanted[] = {{.name = "big", .partitions = 3000}};
    const auto refused = seat.controller->create_topics(f, wanted, false);
    EXPECT_FALSE(refused.has_value());
    EXPECT_EQ(seat.controller->image(), before);
    place.machine.disk().faults().full = false;
    EXPECT_TRUE(seat.directory->online());
    static_cast<void>(TRY(seat.create(f, "big", 3000)));
    static_cast<void>(TRY(seat.create(f, "small")));
    return seat.close(f);
  });
}

TEST(Controller, ClosesItsLogAlthoughAChangeIsOfUnknownOutcome) {
  Place place;
  place.run([&](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.serve(f));
    place.machine.disk().faults().slow_factor = 300;
    kernel::Scope changing{f};
    changing.spawn("create", [&](Fiber& child) {
      const NewTopic wanted[] = {{.name = "t", .partitions = 1}};
      EXPECT_TRUE(seat.controller->create_topics(child, wanted, false).error().is(log::LogReason::directory_offline));
    });
    TRY(f.sleep(200us));  // its write is under way
    seat.shard->go_offline(f, kernel::fail(kernel::Errc::io).error(), "elsewhere");
    TRY(changing.join(f));
    EXPECT_TRUE(seat.controller->close(f).error().is(log::LogReason::directory_offline));
    seat.controller.reset();  // its log checks that none of its fibers is left
    return seat.give_up(f);
  });
}

TEST(Controller, RefusesTheDirectoryOfAnotherVoter) {
  Place place;
  place.run([](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.open(f));
    return seat.close(f);
  });
  run_on(place.world, place.machine, [&](Fiber& f) {
    Seat seat{f};
    const auto opened = seat.open(f, {.node_id = BrokerId{2}});
    ASSERT_FALSE(opened.has_value());
    EXPECT_TRUE(opened.error().is(ControllerReason::not_a_voter)) << kernel::describe(opened.error());
    EXPECT_OK(seat.give_up(f));
  });
}

/// A directory whose metadata log ends in one record more.
void leave_behind(Place& place, const metadata::FramedValue& value) {
  place.run([&](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.serve(f));
    TRY(seat.close(f));
    Seat again{f};
    again.directory = TRY(log::LogDirectory::open(f, std::string{kDirectory}, {.cluster_id = "c", .node_id = 1}));
    again.shard = TRY(again.directory->on_shard(f, again.scope));
    const log::LogIdentity identity{.topic = "__cluster_metadata", .partition = net::PartitionId{0},
                                    .topic_id = net::TopicId{net::Uuid{0, 1}}};
    const auto log = TRY(log::Log::open(f, *again.shard, identity, {}));
    const metadata::FramedValue values[] = {value};
    TRY(log->append(f, kernel::Buffer::copy_of(data_batch(values, {.epoch = net::LeaderEpoch{1}})),
                    {.leader_epoch = net::LeaderEpoch{1}, .origin = log::AppendOrigin::coordinator}));
    TRY(log->close(f));
    return again.give_up(f);
  });
}
void expect_refused(Place& place, ControllerReason reason, std::int64_t detail) {
  run_on(place.world, place.machine, [&](Fiber& f) {
    Seat seat{f};
    const auto opened = seat.open(f);
    ASSERT_FALSE(opened.has_value());
    EXPECT_TRUE(opened.error().is(reason)) << kernel::describe(opened.error());
    EXPECT_EQ(opened.error().detail, detail);
    EXPECT_OK(seat.give_up(f));
  });
}

TEST(Controller, RefusesAMetadataVersionOfANewerRelease) {
  Place place;
  leave_behind(place, metadata::feature_record("metadata.version", 99));
  expect_refused(place, ControllerReason::newer_feature, 99);
}

TEST(Controller, RefusesAFeatureThatItDoesNotKnow) {
  Place place;
  leave_behind(place, metadata::feature_record("time.travel.version", 1));
  expect_refused(place, ControllerReason::newer_feature, 1);
}

TEST(Controller, RefusesARecordThatItDoesNotKnow) {
  Place place;
  leave_behind(place, {std::byte{1}, std::byte{120}, std::byte{0}, std::byte{0}});
  expect_refused(place, ControllerReason::newer_record, 120);
}

TEST(Controller, TellsNewEndpointsToTheLog) {
  Place place;
  for (int round = 0; round < 2; ++round)
    place.run([&](Fiber& f) -> Result<> {
      Seat seat{f};
      TRY(seat.open(f, {.endpoints = {{"CONTROLLER", fmt::format("host{}", round), 9093}}}));
      return seat.close(f);
    });
  place.run([&](Fiber& f) -> Result<> {
    Seat seat{f};
    TRY(seat.open(f, {.endpoints = {{"CONTROLLER", "host1", 9093}}}));
    EXPECT_EQ(seat.controller->quorum().voters.at(0).endpoints.at(0).host, "host1");
    return seat.close(f);
  });
}

/// What was acknowledged to whoever asked, or shown to whoever looked.
struct Known {
  std::map<std::string, net::TopicId> made;
  std::map<std::string, net::TopicId> seen;
  std::set<std::string> deleted;
  std::string doubtful;  ///< being deleted when the power went
  std::int64_t producer_ids_end = 0;
  std::string problem;
};

Result<> allocate(Fiber& f, Seat& seat, Known& known) {
  const ProducerIdBlock block = TRY(seat.controller->allocate_producer_ids(f));
  if (block.first.raw() < known.producer_ids_end) known.problem = "producer ids were given out twice";
  known.producer_ids_end = block.first.raw() + block.count;
  return {};
}

/// Formats, makes, deletes, snapshots; notes what was answered.
Result<> live(Fiber& f, Seat& seat, Known& known) {
  TRY(seat.serve(f, {.snapshot_after_bytes = 700, .segment_bytes = 1024}));
  seat.scope.spawn("look", [&](Fiber& child) -> Result<> {
    while (true) {
      TRY(seat.controller->changed().wait(child));
      for (const auto& [name, topic] : seat.controller->image()->topics) known.seen[name] = topic->id;
    }
  });
  const auto make = [&](const std::string& name) -> Result<> {
    const net::TopicId id = TRY(seat.create(f, name, 2));
    known.made[name] = id;
    return {};
  };
  TRY(make("a"));
  TRY(make("b"));
  TRY(allocate(f, seat, known));
  TRY(seat.controller->snapshot(f));
  TRY(make("c"));
  TRY(allocate(f, seat, known));
  known.doubtful = "a";
  const net::TopicId gone[] = {known.made.at("a")};
  static_cast<void>(TRY(seat.controller->delete_topics(f, gone)));
  known.deleted.insert("a");
  TRY(make("d"));
  TRY(make("e"));
  return {};
}

/// What of it an image does not hold; empty when it holds everything.
std::string missing(const metadata::Image& image, const Known& known) {
  for (const auto& topics : {known.made, known.seen})
    for (const auto& [name, id] : topics) {
      if (name == known.doubtful) continue;
      const metadata::Topic* topic = image.find_topic(name);
      if (topic == nullptr || topic->id != id || topic->partitions.size() != 2) return name + " is gone";
    }
  for (const std::string& name : known.deleted)
    if (image.find_topic(name) != nullptr) return name + " is back";
  if (image.next_producer_id.raw() < known.producer_ids_end) return "producer ids would be given out twice";
  return {};
}

struct Outcome {
  bool was_cut = false;  ///< the power went before the life ended
  std::string problem;
};

/// Cuts the power at the disk operation `at` and opens what is left, twice.
Outcome live_and_lose_power(std::uint64_t seed, sim::Personality personality, std::uint64_t at,
                            const std::string& planted_bug = {}) {
  Place place{seed, personality, planted_bug};
  Known known;
  Outcome out;
  bool ended = false;
  place.world.boot(place.machine, 1, [&](Fiber& f) {
    Seat seat{f};
    EXPECT_OK(live(f, seat, known));
    ended = true;
    static_cast<void>(f.sleep(1h));
  });
  place.world.run_until([&] { return ended || place.machine.disk().operations_issued() >= at; }, 600s);
  out.was_cut = !ended;
  out.problem = known.problem;
  place.world.kill(place.machine, sim::CrashKind::power_loss);

  ImageRef first;
  const auto look = [&](Fiber& f) -> Result<> {
    Seat seat{f};
    if (auto opened = seat.open(f); !opened) {
      static_cast<void>(seat.give_up(f));
      return opened;
    }
    const ImageRef image = seat.controller->image();
    if (out.problem.empty()) out.problem = missing(*image, known);
    if (first != nullptr && !image->same_content(*first)) out.problem = "what was read once is not there again";
    first = image;
    return seat.close(f);
  };
  for (int round = 0; round < 2 && out.problem.empty(); ++round)
    run_on(place.world, place.machine, [&](Fiber& f) {
      if (const auto opened = look(f); !opened) out.problem = kernel::describe(opened.error());
    });
  return out;
}

class ControllerPowerLoss : public ::testing::TestWithParam<sim::Personality> {};

TEST_P(ControllerPowerLoss, AtAnyOperationLosesNothingThatWasAnsweredOrShown) {
  Outcome outcome{.was_cut = true, .problem = {}};
  std::uint64_t at = 0;
  while (outcome.was_cut) {
    ++at;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      outcome = live_and_lose_power(seed, GetParam(), at);
      ASSERT_EQ(outcome.problem, "") << "seed " << seed << " at operation " << at;
    }
  }
  EXPECT_GT(at, 100u);
}

#ifdef KALDA_MUTANTS
TEST_P(ControllerPowerLoss, FindsEachPlantedBug) {
  for (const char* bug : {"controller.skip_sync", "controller.snapshot_not_synced", "controller.apply_before_sync",
                          "controller.reuse_producer_id_block"}) {
    std::string found;
    for (std::uint64_t seed = 1; seed <= 10 && found.empty(); ++seed)
      for (std::uint64_t at = 1; found.empty(); ++at) {
        const Outcome outcome = live_and_lose_power(seed, GetParam(), at, bug);
        if (!outcome.problem.empty()) found = fmt::format("seed {} at {}: {}", seed, at, outcome.problem);
        if (!outcome.was_cut) break;
      }
    EXPECT_NE(found, "") << bug;
    RecordProperty(bug, found);
    fmt::print("{}: {}\n", bug, found);
  }
}
#endif
INSTANTIATE_TEST_SUITE_P(BothDisks, ControllerPowerLoss,
                         ::testing::Values(sim::Personality::ordered, sim::Personality::strict));

}  // namespace
}  // namespace broker::controller
