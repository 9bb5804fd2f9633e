// Several log directories: who goes where, and one that fails takes its own partitions only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/identity_files.h"
#include "broker/log/log_directory.h"
#include "broker/placements.h"
#include "net/messages/describe_log_dirs.h"
#include "net/messages/metadata.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using net::Offset;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr net::TopicId kTopicId{net::Uuid{7, 7}};
Placements::Key key(std::int32_t partition) { return {kTopicId, net::PartitionId{partition}}; }
constexpr net::Uuid kFirst{1, 1}, kSecond{2, 2}, kThird{3, 3};

TEST(Placements, PutsNewPartitionsWhereTheFewestAre) {
  Placements places{{kFirst, kSecond, kThird}};
  places.found(key(0), 0);
  places.found(key(1), 1);
  std::vector<std::size_t> got;
  for (int i = 2; i < 9; ++i) got.push_back(*places.place(key(i), kDirectoryUnassigned));
  EXPECT_THAT(got, ElementsAre(2, 0, 1, 2, 0, 1, 2));
  places.forget(key(3));
  EXPECT_EQ(places.place(key(9), kDirectoryMigrating), 0u);
}

TEST(Placements, GoesByTheFilesThenByTheMetadata) {
  Placements places{{kFirst, kSecond}};
  places.found(key(0), 1);
  EXPECT_EQ(places.place(key(0), kFirst), 1u) << "somebody has moved it";
  EXPECT_EQ(places.place(key(1), kSecond), 1u);
  EXPECT_EQ(places.place(key(1), kFirst), 1u) << "decided is decided";
  EXPECT_EQ(places.place(key(2), kDirectoryLost), 0u);
}

TEST(Placements, DoesNotMakeAnewWhatLiesInADirectoryThatIsNotThere) {
  Placements places{{kFirst, {}}};
  EXPECT_EQ(places.place(key(0), kSecond), std::nullopt);
  EXPECT_EQ(places.place(key(1), kDirectoryUnassigned), 0u);
  places.close(0);
  EXPECT_EQ(places.place(key(2), kDirectoryUnassigned), std::nullopt);
}

TEST(Placements, DoesNotMakeAnewWhatMayLieWhereNobodyCanLook) {
  Placements places{{kFirst, {}}};
  places.found(key(0), 0);
  for (const int p : {0, 1}) places.withhold(key(p));
  EXPECT_EQ(places.place(key(0), kDirectoryUnassigned), 0u) << "it was found";
  EXPECT_EQ(places.place(key(1), kDirectoryUnassigned), std::nullopt);
  EXPECT_EQ(places.place(key(1), kDirectoryUnassigned), std::nullopt) << "not with the next change either";
  places.forget(key(1));
  EXPECT_EQ(places.place(key(1), kDirectoryUnassigned), 0u) << "a new one";
}

struct DescribedDirectory {
  std::string path;
  ErrorCode error{};
  std::vector<std::string> partitions;
  bool has_size = false;
};
std::vector<DescribedDirectory> describe(Fiber& f, RawClient& client) {
  net::DescribeLogDirsRequest request;
  request.topics.reset();
  const auto answer = client.call(f, 4, request);
  std::vector<DescribedDirectory> out;
  if (!answer) return out;
  for (const auto& one : answer->response.results) {
    DescribedDirectory& got = out.emplace_back(DescribedDirectory{.path = std::string{one.log_dir}, .error = one.error_code});
    got.has_size = one.total_bytes > 0 && one.usable_bytes > 0;
    for (const auto& topic : one.topics)
      for (const auto& partition : topic.partitions)
        got.partitions.push_back(fmt::format("{}-{}", topic.name, partition.partition_index.raw()));
  }
  return out;
}

struct ToldDirectory {
  ErrorCode error{};
  std::int32_t leader = -2;
  std::size_t offline_replicas = 0;
};
std::vector<ToldDirectory> metadata_of(Fiber& f, RawClient& client, std::string_view topic) {
  net::Arena arena;
  net::MetadataRequest request;
  arena.push_back(request.topics.emplace(), {.name = topic});
  const auto answer = client.call(f, 12, request);
  std::vector<ToldDirectory> out;
  if (!answer) return out;
  for (const auto& one : answer->response.topics[0].partitions)
    out.push_back({one.error_code, one.leader_id.raw(), one.offline_replicas.size()});
  return out;
}

class SeveralDirectories : public ::testing::Test {
 protected:
  SeveralDirectories() {
    world_.broker_machine.disk().add_volume("/data2");
  }
  sim::DiskFaults& second() { return world_.broker_machine.disk().faults(1); }
  sim::DiskImage& image() { return world_.broker_machine.disk().image(); }
  std::string text(std::string_view path) {
    const auto file = image().find(path);
    return file ? std::string{kernel::as_text(image().read(**file, 0, (*file)->size).view())} : std::string{};
  }
  [[nodiscard]] bool is_there(std::string_view path) { return image().find(path).has_value(); }
  std::int64_t metric(std::string_view name, std::string_view labels) {
    std::int64_t sum = 0;
    for (kernel::Shard* shard : world_.broker_machine.process()->shards())
      for (const auto& reading : shard->metrics().read())
        if (reading.name == name && reading.labels == labels) sum += reading.value;
    return sum;
  }
  void restart() { world_.kill(); }
  /// Four partitions of "t", two in each directory, three records in each.
  void fill(Fiber& f, RawClient& client) {
    ASSERT_EQ(create_topic(f, client, "t", 4), ErrorCode::none);
    for (int p = 0; p < 4; ++p)
      for (int i = 0; i < 3; ++i) ASSERT_EQ(produce(f, client, "t", one_record("v"), 9, p).error, ErrorCode::none);
  }
  BrokerWorld world_{{.shards = 2, .settings = {"log.dirs=/data,/data2"}}};
};

TEST_F(SeveralDirectories, ShareThePartitionsAndSayWhoHasWhich) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    fill(f, client);
    const auto told = describe(f, client);
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].path, "/data");
    EXPECT_THAT(told[0].partitions, ElementsAre("t-0", "t-2"));
    EXPECT_THAT(told[1].partitions, ElementsAre("t-1", "t-3"));
    EXPECT_TRUE(told[0].has_size && told[1].has_size);
  });
  const auto first = log::parse_meta_properties(text("/data/meta.properties"));
  const auto second = log::parse_meta_properties(text("/data2/meta.properties"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->cluster_id, second->cluster_id);
  EXPECT_NE(first->directory_id, second->directory_id);
  EXPECT_TRUE(is_there("/data/__cluster_metadata-0"));
  EXPECT_FALSE(is_there("/data2/__cluster_metadata-0"));
  restart();
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    for (int p = 0; p < 4; ++p) EXPECT_EQ(fetch(f, client, "t", 0, p).high_watermark, Offset{3});
    EXPECT_THAT(describe(f, client)[1].partitions, ElementsAre("t-1", "t-3"));
  });
}

TEST_F(SeveralDirectories, OneThatFailsTakesItsOwnPartitionsOnly) {
  world_.errors_expected = 1;  // log_directory_offline
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    fill(f, client);
    second().sync_error_ppm = 1'000'000;
    EXPECT_EQ(produce(f, client, "t", one_record("lost"), 9, 1).error, ErrorCode::kafka_storage_error);
    second().sync_error_ppm = 0;
    ASSERT_TRUE(f.sleep(2s));
    for (const int p : {1, 3}) {
      EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, p).error, ErrorCode::kafka_storage_error);
      EXPECT_EQ(fetch(f, client, "t", 0, p).error, ErrorCode::kafka_storage_error);
    }
    for (const int p : {0, 2}) {
      EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, p).offset, Offset{3});
      EXPECT_EQ(fetch(f, client, "t", 0, p).high_watermark, Offset{4});
    }
    const auto told = describe(f, client);
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].error, ErrorCode::none);
    EXPECT_EQ(told[1].error, ErrorCode::kafka_storage_error);
    EXPECT_THAT(told[1].partitions, IsEmpty());
    const auto partitions = metadata_of(f, client, "t");
    ASSERT_EQ(partitions.size(), 4u);
    EXPECT_EQ(partitions[0].leader, 1);
    EXPECT_EQ(partitions[1].leader, -1);
    EXPECT_EQ(partitions[1].error, ErrorCode::leader_not_available);
    EXPECT_EQ(partitions[1].offline_replicas, 1u);
    // New topics go where there is room for them.
    ASSERT_EQ(create_topic(f, client, "later", 2), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "later", one_record("v"), 9, 1).error, ErrorCode::none);
    EXPECT_EQ(metric("kalda_log_directory_online", R"(directory="/data2")"), 0);
    EXPECT_EQ(metric("kalda_log_directory_online", R"(directory="/data")"), 1);
    EXPECT_EQ(metric("kalda_partitions_offline", ""), 2);
  });
  restart();
  world_.run([&](Fiber& f) {  // the disk is mended
    RawClient client = world_.connect(f);
    for (const int p : {1, 3}) {
      EXPECT_EQ(fetch(f, client, "t", 0, p).error, ErrorCode::none);
      EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, p).error, ErrorCode::none);
    }
    EXPECT_EQ(metadata_of(f, client, "t").at(1).leader, 1);
    EXPECT_EQ(metric("kalda_partitions_offline", ""), 0);
  });
}

TEST_F(SeveralDirectories, WhatTheMetadataDoesNotYetKnowToBeInOneThatIsAwayIsNotMadeAnew) {
  std::string killed;
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    kernel::Scope scope{f};
    scope.spawn("creator", [&](Fiber& child) { static_cast<void>(create_topic(child, client, "t", 2)); });
    // Its files are there, and the metadata learns of it next.
    while (!is_there("/data2/t-1/00000000000000000000.timeindex") && !is_there("/data2/t-0/00000000000000000000.timeindex"))
      ASSERT_TRUE(f.sleep(20us));
    killed = is_there("/data2/t-1") ? "t-1" : "t-0";
    world_.world.after(0s, [&] { world_.world.kill(world_.broker_machine, sim::CrashKind::process_kill); });
    static_cast<void>(scope.join(f));
  });
  world_.world.kill(world_.client_machine, sim::CrashKind::process_kill);
  second().read_only = true;
  world_.errors_expected = 1;  // log_directory_offline
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(create_topic(f, client, "later", 2), ErrorCode::none);
    EXPECT_FALSE(is_there("/data/" + killed));
    EXPECT_TRUE(is_there("/data/later-1"));
    EXPECT_EQ(metric("kalda_partitions_offline", ""), 1);
  });
  restart();
  second().read_only = false;
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    for (int p = 0; p < 2; ++p) EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, p).error, ErrorCode::none);
    EXPECT_FALSE(is_there("/data/" + killed));
  });
}

TEST_F(SeveralDirectories, OneThatCannotBeOpenedIsOfflineAndNothingOfItIsMadeAnew) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    fill(f, client);
  });
  restart();
  second().read_only = true;
  world_.errors_expected = 1;
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(describe(f, client).at(1).error, ErrorCode::kafka_storage_error);
    for (const int p : {1, 3}) EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, p).error, ErrorCode::kafka_storage_error);
    for (const int p : {0, 2}) EXPECT_EQ(fetch(f, client, "t", 0, p).high_watermark, Offset{3});
    EXPECT_EQ(metadata_of(f, client, "t").at(3).leader, -1);
  });
  restart();
  second().read_only = false;
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    for (int p = 0; p < 4; ++p) EXPECT_EQ(fetch(f, client, "t", 0, p).high_watermark, Offset{3});
  });
  EXPECT_FALSE(is_there("/data/t-1"));
}

TEST_F(SeveralDirectories, AFullOneRefusesRecordsAndTakesThemUpAgainByItself) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    fill(f, client);
    second().full = true;
    const auto large = one_record(std::string(10'000, 'v'));
    EXPECT_EQ(produce(f, client, "t", large, 9, 1).error, ErrorCode::kafka_storage_error);
    EXPECT_EQ(produce(f, client, "t", large, 9, 0).error, ErrorCode::none);
    EXPECT_EQ(fetch(f, client, "t", 0, 1).high_watermark, Offset{3}) << "reads go on";
    EXPECT_EQ(describe(f, client).at(1).error, ErrorCode::none);
    EXPECT_GT(metric("kalda_log_directory_full", R"(directory="/data2")"), 0);
    EXPECT_EQ(metric("kalda_log_directory_full", R"(directory="/data")"), 0);
    // A new partition there waits for space, and is served when there is some.
    EXPECT_EQ(create_topic(f, client, "u", 2), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "u", one_record("v"), 9, 0).error, ErrorCode::none);
    EXPECT_EQ(produce(f, client, "u", one_record("v"), 9, 1).error, ErrorCode::kafka_storage_error);
    second().full = false;
    EXPECT_EQ(produce(f, client, "t", large, 9, 1).error, ErrorCode::none);
    ASSERT_TRUE(f.sleep(3s));
    EXPECT_EQ(produce(f, client, "u", one_record("v"), 9, 1).error, ErrorCode::none);
    EXPECT_EQ(metric("kalda_log_directory_full", R"(directory="/data2")"), 0);
  });
}

TEST_F(SeveralDirectories, AHungOneIsToldAndHoldsUpNobodyElse) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f), other = world_.connect(f);
    fill(f, client);
    second().hung = true;
    kernel::Scope waiting{f};
    bool answered = false;
    waiting.spawn("hung", [&](Fiber& child) {
      EXPECT_EQ(produce(child, client, "t", one_record("v"), 9, 1).error, ErrorCode::request_timed_out);
      answered = true;
    });
    ASSERT_TRUE(f.sleep(8s));
    EXPECT_EQ(produce(f, other, "t", one_record("v"), 9, 0).error, ErrorCode::none);
    const kernel::Mono asked = f.now();
    EXPECT_EQ(produce(f, other, "t", one_record("v"), 9, 1).error, ErrorCode::kafka_storage_error);
    EXPECT_LT(f.now() - asked, 1s) << "nothing more piles up behind it";
    EXPECT_EQ(describe(f, other).at(1).has_size, false);
    EXPECT_GT(metric("kalda_log_directory_stalled", R"(directory="/data2")"), 0);
    EXPECT_EQ(metric("kalda_log_directory_stalled", R"(directory="/data")"), 0);
    ASSERT_TRUE(waiting.join(f));
    EXPECT_TRUE(answered);
    world_.broker_machine.disk().unhang(1);
    ASSERT_TRUE(f.sleep(3s));
    EXPECT_EQ(metric("kalda_log_directory_stalled", R"(directory="/data2")"), 0);
    EXPECT_EQ(produce(f, other, "t", one_record("v"), 9, 1).error, ErrorCode::none);
  });
}

TEST_F(SeveralDirectories, APartitionThatWasMovedWhileTheBrokerWasDownIsServedWhereItIs) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    fill(f, client);
  });
  restart();
  ASSERT_TRUE(image().rename("/data2/t-1", "/data/t-1"));
  image().sync_all_directories();
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(fetch(f, client, "t", 0, 1).high_watermark, Offset{3});
    EXPECT_THAT(describe(f, client).at(0).partitions, ElementsAre("t-0", "t-1", "t-2"));
    EXPECT_EQ(metadata_of(f, client, "t").at(1).leader, 1);
    ASSERT_TRUE(f.sleep(1s));
  });
  restart();
  // The metadata has learnt it: with the old directory gone it is served still.
  second().read_only = true;
  world_.errors_expected = 1;
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(fetch(f, client, "t", 0, 1).high_watermark, Offset{3});
    EXPECT_EQ(metadata_of(f, client, "t").at(1).leader, 1);
    EXPECT_EQ(metadata_of(f, client, "t").at(3).leader, -1);
  });
}

TEST_F(SeveralDirectories, WithoutThatOfTheMetadataTheBrokerEnds) {
  bool started = false, ended = false;
  world_.world.boot(world_.broker_machine, 2, [&](Fiber& f) {
    std::string about;
    const auto outcome = Broker::run(f, world_.config, [&](const Started&) { started = true; }, &about);
    EXPECT_FALSE(outcome);
    EXPECT_TRUE(outcome.error().is(log::LogReason::directory_offline));
    EXPECT_EQ(about, "/data");
    ended = true;
  });
  world_.world.run_until([&] { return started; }, 60s);
  world_.broker_machine.disk().faults(0).sync_error_ppm = 1'000'000;
  world_.world.boot(world_.client_machine, 1, [&](Fiber& f) {
    RawClient client = world_.connect(f);
    static_cast<void>(create_topic(f, client, "t", 1));
  });
  world_.world.run_until([&] { return ended; }, 60s);
  EXPECT_TRUE(ended);
}

TEST(MetadataDirectory, MayBeOneThatTakesNoPartitions) {
  BrokerWorld world{{.settings = {"log.dirs=/data,/data2", "metadata.log.dir=/meta"}}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 4), ErrorCode::none);
    const auto told = describe(f, client);
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].partitions.size() + told[1].partitions.size(), 4u);
  });
  EXPECT_TRUE(world.broker_machine.disk().image().find("/meta/__cluster_metadata-0"));
  EXPECT_FALSE(world.broker_machine.disk().image().find("/data/__cluster_metadata-0"));
}

}  // namespace
}  // namespace broker::testing
