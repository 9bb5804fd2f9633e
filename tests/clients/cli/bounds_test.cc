// From where to where `kalda consume` reads.
#include "clients/cli/bounds.h"

#include "tests/clients/group/group_world.h"

namespace clients::cli {
namespace {

using namespace std::chrono_literals;
using consumer::AtTime;
using consumer::Beginning;
using consumer::End;
using consumer::Start;
using core::TopicPartition;
using net::Offset;
using net::PartitionId;

TEST(Place, is_an_end_an_offset_a_time_or_how_long_ago_it_was) {
  constexpr std::int64_t kNow = 1'000'000;
  EXPECT_EQ(parse_place("beginning", kNow), Start{Beginning{}});
  EXPECT_EQ(parse_place("end", kNow), Start{End{}});
  EXPECT_EQ(parse_place("17", kNow), Start{Offset{17}});
  EXPECT_EQ(parse_place("@17", kNow), Start{AtTime{17}});
  EXPECT_EQ(parse_place("1970-01-01T00:01", kNow), Start{AtTime{60'000}});
  EXPECT_EQ(parse_place("10s", kNow), Start{AtTime{990'000}});
  EXPECT_EQ(parse_place("7d", kNow), Start{AtTime{0}});
  for (const std::string_view bad : {"", "-1", "soon", "12x", "99999999999999999999", "2026-13-01"}) EXPECT_FALSE(parse_place(bad, kNow)) << bad;
}

TEST(Bounds, are_looked_up_in_each_partition) {
  testing::GroupWorld world{40};
  world.start_broker();
  const TopicPartition zero{"t", PartitionId{0}}, one{"t", PartitionId{1}};
  world.run([&](kernel::Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    ASSERT_TRUE(admin::create_topics(f, *cluster, {{.name = "t", .partitions = 2}}));
    auto producer = *producer::Producer::open(scope, cluster, {});
    for (std::int64_t time = 100; time <= 500; time += 100) {
      ASSERT_TRUE(producer->send(f, {.topic = "t", .partition = PartitionId{0}, .value = kernel::as_bytes("v"), .timestamp_ms = time})->get(f));
    }
    ASSERT_TRUE(producer->send(f, {.topic = "t", .partition = PartitionId{1}, .value = kernel::as_bytes("v"), .timestamp_ms = 100})->get(f));
    ASSERT_TRUE(producer->close(f));
    const auto ends = [&](std::optional<Start> to, bool stops_at_end) {
      Bounds bounds{to, {.stops_at_end = stops_at_end}};
      EXPECT_TRUE(bounds.add(f, *cluster, {zero, one}));
      std::string text;
      for (const auto& [at, end] : bounds.ends()) text += fmt::format("{}:{} ", at.partition.raw(), end.raw());
      return text;
    };
    EXPECT_EQ(ends(std::nullopt, true), "0:5 1:1 ");
    EXPECT_EQ(ends(std::nullopt, false), "");
    EXPECT_EQ(ends(Offset{3}, true), "0:3 1:1 ");
    EXPECT_EQ(ends(Offset{3}, false), "0:3 1:3 ");
    EXPECT_EQ(ends(AtTime{250}, true), "0:2 1:1 ");
    EXPECT_EQ(ends(AtTime{250}, false), "0:2 1:1 ");
    const std::int64_t later = kernel::ms_of(f.wall()) + 60'000;
    EXPECT_EQ(ends(AtTime{later}, false), "") << "both may yet get one that young";
    EXPECT_EQ(ends(End{}, false), "0:5 1:1 ");
    EXPECT_EQ(ends(Beginning{}, true), "0:0 1:0 ");
    Bounds follows{AtTime{later}, {.stops_at_end = false}};
    ASSERT_TRUE(follows.add(f, *cluster, {one}));
    net::record::RecordView record;
    record.offset = Offset{1};
    record.timestamp_ms = later - 1;
    EXPECT_FALSE(follows.is_past(one, record));
    EXPECT_FALSE(follows.is_done(one, Offset{2}));
    record.offset = Offset{2};
    record.timestamp_ms = later;
    EXPECT_TRUE(follows.is_past(one, record));
    EXPECT_TRUE(follows.is_done(one, Offset{3}));
    record.offset = Offset{3};
    record.timestamp_ms = 1;
    EXPECT_TRUE(follows.is_past(one, record)) << "it has ended";
  });
}

}  // namespace
}  // namespace clients::cli
