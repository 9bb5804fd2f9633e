// Retention and compaction of a whole broker as clients see them: settings that change while it runs, gaps in Fetch and
// ListOffsets, records without keys, and the groups' own log.
#include "net/messages/incremental_alter_configs.h"
#include "net/messages/list_offsets.h"
#include "net/record/batch_reader.h"
#include "tests/broker/coordinators/group_client.h"

namespace broker::testing {
namespace {

BrokerWorldOptions busy(std::uint32_t shards = 1, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"log.cleaner.backoff.ms=200", "log.retention.check.interval.ms=300", "offsets.topic.num.partitions=1"});
  return {.seed = 3, .shards = shards, .settings = std::move(more)};
}

ErrorCode set(Fiber& f, RawClient& client, std::int8_t type, std::string_view resource, std::string_view name, std::string_view value) {
  net::Arena arena;
  net::IncrementalAlterConfigsRequest request;
  auto& out = arena.push_back(request.resources, {.resource_type = type, .resource_name = resource});
  arena.push_back(out.configs, {.name = name, .config_operation = 0, .value = value});
  const auto answer = client.call(f, 1, request);
  return answer ? answer->response.responses[0].error_code : ErrorCode::network_exception;
}
constexpr std::int8_t kTopic = 2, kBroker = 4;

std::int64_t listed(Fiber& f, RawClient& client, std::string_view topic, std::int64_t timestamp) {
  net::Arena arena;
  net::ListOffsetsRequest request;
  request.replica_id = net::BrokerId{-1};
  auto& out = arena.push_back(request.topics, {.name = topic});
  arena.push_back(out.partitions, {.partition_index = PartitionId{0}, .timestamp = timestamp});
  const auto answer = client.call(f, 7, request);
  EXPECT_TRUE(answer);
  EXPECT_EQ(answer->response.topics[0].partitions[0].error_code, ErrorCode::none);
  return answer->response.topics[0].partitions[0].offset.raw();
}

struct Fetched {
  std::vector<std::int64_t> offsets;  // of the records that were answered
  std::int64_t next = 0;              // a compacted segment may answer a batch without records: readers go on behind it
};

/// What one Fetch answers from `from` on.
Fetched fetched_once(Fiber& f, RawClient& client, std::string_view topic, std::int64_t from, std::int32_t bytes_max = 1 << 20) {
  net::Arena arena;
  net::FetchRequest request;
  request.max_wait_ms = 100;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.session_epoch = -1;
  auto& wanted = arena.push_back(request.topics, {.topic = topic});
  arena.push_back(wanted.partitions, {.partition = PartitionId{0}, .fetch_offset = Offset{from}, .partition_max_bytes = bytes_max});
  const auto answer = client.call(f, 11, request);
  Fetched out{.next = from};
  EXPECT_TRUE(answer);
  EXPECT_EQ(answer->response.responses[0].partitions[0].error_code, ErrorCode::none);
  net::record::BatchReader reader{answer->response.responses[0].partitions[0].records.bytes()};
  while (const auto batch = *reader.next()) {
    const auto region = net::record::RecordRegion::open(batch->header, batch->records(), 1 << 20);
    auto records = region->iterate();
    while (const auto record = *records.next())
      if (record->offset >= Offset{from}) out.offsets.push_back(record->offset.raw());
    out.next = batch->header.next_offset().raw();
  }
  return out;
}

/// Offsets of the next records from `from` on; none if there are none, or if Fetch does not get on.
std::vector<std::int64_t> fetched(Fiber& f, RawClient& client, std::string_view topic, std::int64_t from, std::int32_t bytes_max = 1 << 20) {
  for (;;) {
    Fetched got = fetched_once(f, client, topic, from, bytes_max);
    if (!got.offsets.empty() || got.next <= from) return got.offsets;
    from = got.next;
  }
}

std::vector<std::byte> stamped(std::string_view key, std::string_view value, std::int64_t timestamp_ms) {
  net::record::BatchBuilder builder{{}};
  builder.append({.timestamp_ms = timestamp_ms, .key = kernel::as_bytes(key), .value = kernel::as_bytes(value)});
  return builder.build();
}

/// Until `done` or two minutes have gone.
bool eventually(Fiber& f, const std::function<bool()>& done) {
  for (int i = 0; i < 1200; ++i) {
    if (done()) return true;
    if (!f.sleep(100ms)) return false;
  }
  return false;
}

TEST(CompactedTopics, AreReadAcrossTheirGapsFromEveryOffset) {
  for (const std::uint32_t shards : {1u, 3u}) {
    BrokerWorld world{busy(shards)};
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t", 1, {{"cleanup.policy", "compact"}, {"internal.segment.bytes", "1000"},
                                                 {"index.interval.bytes", "200"}, {"min.cleanable.dirty.ratio", "0.01"}}),
                ErrorCode::none);
      EXPECT_EQ(produce(f, client, "t", [] {
                  net::record::BatchBuilder builder{{}};
                  builder.append({.timestamp_ms = 1'700'000'000'000, .value = kernel::as_bytes("no key")});
                  return builder.build();
                }()).error, ErrorCode::invalid_record);
      constexpr std::int64_t kThen = 1'700'000'000'000;
      constexpr int kSent = 80;
      for (int i = 0; i < kSent; ++i)
        ASSERT_EQ(produce(f, client, "t", stamped(fmt::format("k{}", i % 4), fmt::format("{:040}", i), kThen + i)).error, ErrorCode::none);
      std::vector<std::int64_t> all;
      const auto read_all = [&] {
        all.clear();
        for (std::int64_t from = 0; from < kSent; from = all.back() + 1) {
          const auto some = fetched(f, client, "t", from);
          EXPECT_FALSE(some.empty()) << "stuck at " << from;
          if (some.empty()) break;
          all.insert(all.end(), some.begin(), some.end());
        }
        return all.size();
      };
      ASSERT_TRUE(eventually(f, [&] { return read_all() < 25; })) << all.size();
      ASSERT_TRUE(f.sleep(3s)) << "until nothing is dirty any more";
      read_all();
      ASSERT_GT(all.size(), 4u);
      EXPECT_EQ(all.back(), kSent - 1);
      for (std::int64_t from = 0; from < kSent; ++from) {
        const auto got = fetched(f, client, "t", from, 1);
        ASSERT_FALSE(got.empty()) << "stuck at " << from;
        EXPECT_EQ(got.front(), *std::ranges::lower_bound(all, from));
        EXPECT_EQ(listed(f, client, "t", kThen + from), *std::ranges::lower_bound(all, from)) << "by timestamp";
      }
      EXPECT_EQ(listed(f, client, "t", -2), 0) << "compaction moves no log start";
      EXPECT_EQ(listed(f, client, "t", -1), kSent);
      EXPECT_EQ(listed(f, client, "t", -3), kSent - 1) << "the largest timestamp";
    });
  }
}

TEST(RetentionSettings, TakeEffectWithoutARestartOnTheTopicAndOnTheBroker) {
  BrokerWorld world{busy(2)};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    for (const std::string_view topic : {"own", "inherits", "compacts"}) {
      ASSERT_EQ(create_topic(f, client, topic, 1, {{"internal.segment.bytes", "1000"}, {"file.delete.delay.ms", "500"},
                                                   {"cleanup.policy", topic == "compacts" ? "compact" : "delete"},
                                                   {"min.cleanable.dirty.ratio", "1"}}), ErrorCode::none);
      for (int i = 0; i < 40; ++i) {
        ASSERT_EQ(produce(f, client, topic, stamped("k", fmt::format("{:040}", i), kernel::ms_of(f.wall()))).error, ErrorCode::none);
      }
    }
    ASSERT_TRUE(f.sleep(3s));
    for (const std::string_view topic : {"own", "inherits", "compacts"}) EXPECT_EQ(listed(f, client, topic, -2), 0);
    ASSERT_EQ(set(f, client, kTopic, "own", "retention.bytes", "1500"), ErrorCode::none);
    EXPECT_TRUE(eventually(f, [&] { return listed(f, client, "own", -2) > 15; }));
    EXPECT_LT(listed(f, client, "own", -2), 35);
    EXPECT_EQ(listed(f, client, "inherits", -2), 0);
    ASSERT_EQ(set(f, client, kBroker, "", "log.retention.ms", "2000"), ErrorCode::none);
    EXPECT_TRUE(eventually(f, [&] { return listed(f, client, "inherits", -2) == 40; }));
    EXPECT_TRUE(eventually(f, [&] { return listed(f, client, "own", -2) == 40; }));
    EXPECT_EQ(listed(f, client, "compacts", -2), 0) << "a topic that only compacts is not for retention";
    ASSERT_EQ(set(f, client, kTopic, "compacts", "cleanup.policy", "compact,delete"), ErrorCode::none);
    EXPECT_TRUE(eventually(f, [&] { return listed(f, client, "compacts", -2) == 40; }));
    for (const std::string_view topic : {"own", "inherits", "compacts"})
      EXPECT_EQ(produce(f, client, topic, stamped("k", "more", kernel::ms_of(f.wall()))).offset, net::Offset{40});
  });
  // And none of it comes back with a restart.
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    for (const std::string_view topic : {"own", "inherits", "compacts"}) EXPECT_GE(listed(f, client, topic, -2), 40);
  });
}

TEST(GroupsLog, IsCompactedAndSaysTheSameAfterwards) {
  BrokerWorld world{busy(1, {"offsets.topic.segment.bytes=1048576", "log.cleaner.min.cleanable.ratio=0.01"})};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 1), ErrorCode::none);
    ASSERT_EQ(find_coordinator(f, client), ErrorCode::none);
    ASSERT_EQ(until_loaded(f, [&] { return commit(f, client, "first", 7, {}, "kept"); }), ErrorCode::none);
    const std::string metadata(4000, 'm');
    for (int i = 0; i < 600; ++i) ASSERT_EQ(commit(f, client, "g", i, {}, metadata), ErrorCode::none);
    EXPECT_EQ(delete_group(f, client, "first"), ErrorCode::none);
    ASSERT_EQ(commit(f, client, "second", 8), ErrorCode::none);
    std::uint64_t bytes = 0;
    const auto cleaned = eventually(f, [&] {
      bytes = 0;
      const auto folder = world.broker_machine.disk().image().find("/data/__consumer_offsets-0");
      for (const auto& [name, file] : (*folder)->entries)
        if (name.ends_with(".log")) bytes += file->size;
      return bytes < 700'000;
    });
    EXPECT_TRUE(cleaned) << bytes << " bytes";
    EXPECT_EQ(committed_offset(f, client, "g"), 599);
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(committed_offset(f, client, "g"), 599);
    EXPECT_EQ(committed(f, client, "g").metadata, std::string(4000, 'm'));
    EXPECT_EQ(committed_offset(f, client, "second"), 8);
    EXPECT_EQ(committed_offset(f, client, "first"), -1) << "its deletion stays";
  });
}

}  // namespace
}  // namespace broker::testing
