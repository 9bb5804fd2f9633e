// Logs that share a bound of open files: what is closed is opened again, and nothing depends on it having stayed open.
#include "broker/log/open_files.h"

#include "net/record/control.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;
using sim::CrashKind;

struct Counted final : OpenFiles::Holder {
  OpenFiles* files = nullptr;
  bool open = false;
  void use(OpenFiles& of, std::size_t count) {
    files = &of;
    open = true;
    of.used(*this, count);
  }
  void close_files() override { open = false; }
  ~Counted() { files->forget(*this); }
};

TEST(OpenFiles, those_used_longest_ago_are_closed_first) {
  OpenFiles files{8};
  Counted a, b, c, d;
  a.use(files, 2);
  b.use(files, 4);
  c.use(files, 2);
  a.use(files, 2);
  EXPECT_TRUE(a.open && b.open && c.open);
  EXPECT_EQ(files.count(), 8u);
  d.use(files, 1);
  EXPECT_FALSE(b.open);
  EXPECT_TRUE(a.open && c.open && d.open);
  EXPECT_EQ(files.count(), 5u);
  d.use(files, 20);  // the one in use stays, whatever it needs
  EXPECT_TRUE(!a.open && !c.open && d.open);
  EXPECT_EQ(files.count(), 20u);
  files.forget(d);
  EXPECT_TRUE(d.open);
  EXPECT_FALSE(files.close_some());
}

TEST(OpenFiles, where_descriptors_are_short_a_quarter_is_closed_and_at_least_one) {
  OpenFiles files{100};
  std::vector<Counted> holders(40);
  for (Counted& one : holders) one.use(files, 2);
  EXPECT_TRUE(files.close_some());
  EXPECT_EQ(files.count(), 60u);
  EXPECT_FALSE(holders[9].open);
  EXPECT_TRUE(holders[10].open);
  while (files.count() > 0) ASSERT_TRUE(files.close_some());
  EXPECT_FALSE(holders.back().open);
}

LogIdentity numbered(int n) {
  return {.topic = fmt::format("t{}", n), .partition = net::PartitionId{0}, .topic_id = net::TopicId{{7, std::uint64_t(n)}}};
}

/// More relaxed logs than files may be open: each is written to, twice, and read.
TEST(OpenFiles, very_many_logs_are_written_to_with_few_files_open) {
  constexpr int kLogs = 3000;
  run([](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    const LogConfig config{.durability = Durability::relaxed};
    std::vector<std::unique_ptr<Log>> logs;
    auto& disk = static_cast<sim::SimDisk&>(f.node().disk());
    std::uint64_t open_max = 0;
    for (int n = 0; n < kLogs; ++n) {
      auto log = Log::open(f, *ground.shard, numbered(n), config);
      ASSERT_OK(log);
      logs.push_back(std::move(*log));
    }
    for (const int round : {0, 1}) {
      for (int n = 0; n < kLogs; ++n) {
        ASSERT_OK(logs[n]->append(f, make_batch(fmt::format("{}/{}", n, round)), {}));
        open_max = std::max(open_max, disk.open_files());
      }
    }
    for (int n = 0; n < kLogs; ++n) {
      const auto all = read_everything(f, *logs[n], Offset{0}, Offset{2});
      ASSERT_OK(all);
      EXPECT_NE(all->find(fmt::format("{}/1/0/", n)), std::string::npos);
      open_max = std::max(open_max, disk.open_files());
    }
    // Those of a group in flight and of the one that gathers come on top.
    EXPECT_LE(open_max, OpenFiles::kFilesMax + 2 * DirectoryShard::kUnsyncedLogsMax + 100);
    EXPECT_GT(open_max, OpenFiles::kFilesMax);
    for (const auto& log : logs) ASSERT_OK(log->close(f));
    logs.clear();
    ASSERT_OK(ground.close(f));
    EXPECT_LT(disk.open_files(), 10u);
  });
}

/// What an index file got before it was closed is synced with the roll like what it gets then; that of transactions
/// gets nothing then.
void roll_and_lose_power(std::uint64_t seed) {
  SCOPED_TRACE(seed);
  kernel::StackPool stacks;
  sim::World world{{.seed = seed}, stacks};
  sim::Machine& machine = world.add_machine("m");
  machine.disk().image().set_personality(sim::Personality::strict);
  const LogConfig config{.segment_bytes = 128u << 10, .index_interval_bytes = 1};
  run_and_crash(world, machine, CrashKind::power_loss, [&](Fiber& f, Ground& ground) {
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, config));
    Log& log = *ground.log;
    ASSERT_OK(log.append(f, make_batch("gone", {.producer = net::ProducerId{5}, .epoch = net::ProducerEpoch{0}, .sequence = 0,
                                                .transactional = true}), {.origin = AppendOrigin::coordinator}));
    const net::record::TransactionMarker abort{.type = net::record::ControlType::abort, .producer_id = net::ProducerId{5},
                                               .producer_epoch = net::ProducerEpoch{0}, .coordinator_epoch = 3, .timestamp_ms = 1000};
    ASSERT_OK(log.append(f, Buffer::copy_of(net::record::build_transaction_marker(abort, Offset{0}, net::LeaderEpoch{0})),
                         {.origin = AppendOrigin::coordinator}));
    Offset end{0};
    for (std::int64_t n = 0; log.segments().size() == 1; ++n) {
      const auto done = log.append(f, make_batch("x", {.timestamp_ms = 1001 + n}), {});  // so that each batch has an entry
      ASSERT_OK(done);
      end = done->next_offset;
      if (n % 100 != 0) continue;
      while (ground.shard->files()->close_some()) {
      }
    }
    ASSERT_OK(log.wait_committed(f, end));
  });
  run_on(world, machine, [&](Fiber& f) {
    struct Expected {
      std::string_view suffix;
      std::size_t entry_bytes, entries;
    };
    for (const Expected& expected : {Expected{".index", OffsetIndex::kEntryBytes, 600}, Expected{".timeindex", TimeIndex::kEntryBytes, 600},
                                     Expected{".txnindex", TransactionIndex::kEntryBytes, 1}}) {
      const auto file = f.node().disk().open(f, "/data/orders-0/" + segment_file_name(Offset{0}, expected.suffix), kernel::OpenMode::read_only());
      ASSERT_OK(file);
      const auto content = kernel::read_all(f, **file);
      ASSERT_OK(content);
      const std::size_t bytes = expected.entry_bytes;
      ASSERT_GE(content->size(), expected.entries * bytes) << expected.suffix;
      for (std::size_t n = 0; n < content->size() / bytes; ++n) {
        const bool is_there = std::ranges::any_of(content->view().subspan(n * bytes, bytes), [](std::byte b) { return b != std::byte{0}; });
        ASSERT_TRUE(is_there) << expected.suffix << " entry " << n << " did not reach the medium";
      }
    }
  });
}

TEST(OpenFiles, a_roll_makes_indexes_durable_that_were_closed_before) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) roll_and_lose_power(seed);
}

TEST(OpenFiles, a_log_that_nobody_wrote_to_is_left_as_the_last_stop_left_it) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  const auto stop_after = [&](int batches) {
    std::uint64_t operations = 0;
    run_on(world, machine, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {}));
      Log& log = *ground.log;
      const Offset begin = log.next();
      for (int n = 0; n < batches; ++n) ASSERT_OK(log.append(f, make_batch("x"), {}));
      EXPECT_EQ(log.next() - begin, batches);
      ASSERT_OK(log.sync(f));
      ASSERT_OK(f.sleep(1s));  // the watermark is on record
      const std::uint64_t before = machine.disk().operations_issued();
      ASSERT_OK(log.close(f));
      operations = machine.disk().operations_issued() - before;
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
    return operations;
  };
  EXPECT_GT(stop_after(3), 5u);
  EXPECT_EQ(stop_after(0), 0u);
  EXPECT_GT(stop_after(1), 5u);
  EXPECT_EQ(stop_after(0), 0u);
}

}  // namespace
}  // namespace broker::log
