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
using testing::IsEmpty;
using testing::SizeIs;
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
  explicit Place(std::uint64_t seed = 1, sim::Personality personality = sim::Personality::strict)
      : world{{.seed = seed}, stacks} {
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
    EXPECT_THAT(names, testing::IsSupersetOf({"00000000000000000000-0000000000.checkpoint", "quorum-state"}));
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
    EXPECT_OK(seat.shard->close(f));
    EXPECT_OK(seat.directory->close(f, -1));
    EXPECT_OK(seat.scope.join(f));
  });
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

/// What was acknowledged to whoever asked.
struct Acknowledged {
  std::map<std::string, net::TopicId> made;
  std::set<std::string> deleted;
  std::string doubtful;  ///< being made or deleted when the power went
  std::int64_t producer_ids_end = 0;
};

/// Formats, makes, deletes, snapshots; notes what was answered.
Result<> live(Fiber& f, Seat& seat, Acknowledged& known) {
  TRY(seat.serve(f, {.snapshot_after_bytes = 700, .segment_bytes = 1024}));
  const auto make = [&](const std::string& name) -> Result<> {
    known.doubtful = name;
    known.made[name] = TRY(seat.create(f, name, 2));
    return {};
  };
  TRY(make("a"));
  TRY(make("b"));
  known.producer_ids_end = TRY(seat.controller->allocate_producer_ids(f)).first.raw() + kProducerIdBlock;
  TRY(seat.controller->snapshot(f));
  TRY(make("c"));
  known.doubtful = "a";
  const net::TopicId gone[] = {known.made.at("a")};
  static_cast<void>(TRY(seat.controller->delete_topics(f, gone)));
  known.made.erase("a");
  known.deleted.insert("a");
  TRY(make("d"));
  TRY(make("e"));
  known.doubtful.clear();
  return {};
}

void expect_kept(const metadata::Image& image, const Acknowledged& known) {
  for (const auto& [name, id] : known.made) {
    if (name == known.doubtful) continue;
    ASSERT_NE(image.find_topic(name), nullptr) << name << " was acknowledged";
    EXPECT_EQ(image.find_topic(name)->id, id);
    EXPECT_THAT(image.find_topic(name)->partitions, SizeIs(2));
  }
  for (const std::string& name : known.deleted) EXPECT_EQ(image.find_topic(name), nullptr) << name;
  EXPECT_GE(image.next_producer_id.raw(), known.producer_ids_end);
}

/// Cuts the power at the disk operation `at`; false when the life ended before it.
bool live_and_lose_power(std::uint64_t seed, sim::Personality personality, std::uint64_t at) {
  Place place{seed, personality};
  Acknowledged known;
  bool ended = false;
  place.world.boot(place.machine, 1, [&](Fiber& f) {
    Seat seat{f};
    EXPECT_OK(live(f, seat, known));
    ended = true;
    static_cast<void>(f.sleep(1h));
  });
  place.world.run_until([&] { return ended || place.machine.disk().operations_issued() >= at; }, 600s);
  const bool cut = place.machine.disk().operations_issued() >= at;
  place.world.kill(place.machine, sim::CrashKind::power_loss);

  ImageRef first;
  for (int round = 0; round < 2; ++round)
    place.run([&](Fiber& f) -> Result<> {
      Seat seat{f};
      TRY(seat.open(f));
      const ImageRef image = seat.controller->image();
      expect_kept(*image, known);
      EXPECT_TRUE(first == nullptr || image->same_content(*first)) << "what was read once stays";
      first = image;
      return seat.close(f);
    });
  return cut;
}

class ControllerPowerLoss : public testing::TestWithParam<sim::Personality> {};

TEST_P(ControllerPowerLoss, AtAnyOperationLosesNothingThatWasAnswered) {
  std::uint64_t at = 1;
  while (live_and_lose_power(at, GetParam(), at) && !HasFailure()) ++at;
  EXPECT_FALSE(HasFailure()) << "at operation " << at;
  EXPECT_GT(at, 100u);
}
INSTANTIATE_TEST_SUITE_P(BothDisks, ControllerPowerLoss,
                         testing::Values(sim::Personality::ordered, sim::Personality::strict));

}  // namespace
}  // namespace broker::controller
