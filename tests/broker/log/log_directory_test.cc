// What a log directory's own files say at the start: who was here last, whether the stop was clean, how far it is
// synced, and whose the partitions in it are.
#include "broker/log/checkpoint_files.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;
using sim::CrashKind;
using namespace std::string_view_literals;

constexpr std::string_view kMark = "/data/.kafka_cleanshutdown";
constexpr std::string_view kOurs = "/data/kalda-synced-watermarks";
constexpr std::string_view kOursOfShard = "/data/kalda-synced-watermarks.0";
constexpr std::string_view kSegment = "/data/orders-0/00000000000000000000.log";

std::string get(Fiber& f, std::string_view path) {
  const auto file = f.node().disk().open(f, path, kernel::OpenMode::read_only());
  EXPECT_TRUE(file.has_value()) << path;
  return file ? std::string{kernel::as_text(kernel::read_all(f, **file)->view())} : std::string{};
}
void put(Fiber& f, std::string_view path, std::string_view bytes) {
  EXPECT_OK(kernel::replace_file(f, f.node().disk(), path, kernel::as_bytes(bytes)));
}
std::vector<std::string> folders(Fiber& f) {
  std::vector<std::string> out;
  const auto entries = f.node().disk().list(f, "/data");
  for (const auto& entry : *entries)
    if (entry.is_directory) out.push_back(entry.name);
  return out;
}

class LogDirectoryTest : public ::testing::Test {
 protected:
  /// Three synced batches; then a clean stop, or the end that is told.
  void fill(std::optional<CrashKind> end) {
    const auto body = [](Fiber& f, Ground& ground) {
      ASSERT_OK(ground.open(f));
      ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {.segment_bytes = 1 << 20}));
      for (int i = 0; i < 3; ++i) ASSERT_OK(ground.log->append(f, make_batch(fmt::format("b{}", i)), {}));
      ASSERT_OK(ground.log->sync(f));
      ASSERT_OK(f.sleep(200ms));
    };
    if (end) return run_and_crash(world_, machine_, *end, body);
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      body(f, ground);
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
  }
  void change(const std::function<void(Fiber&)>& body) { run_on(world_, machine_, body); }
  /// What the next start finds.
  struct Found {
    bool clean = false, same_boot = false, foreign = false, watermark = false;
    std::optional<std::int64_t> broker_epoch;
    friend bool operator==(const Found&, const Found&) = default;
  };
  Found find() {
    Found found;
    run_on(world_, machine_, [&](Fiber& f) {
      const auto directory = LogDirectory::open(f, "/data", {.cluster_id = "c", .node_id = 1});
      ASSERT_OK(directory);
      const auto evidence = (*directory)->claim(f, kOrders);
      ASSERT_OK(evidence);
      EXPECT_EQ((*directory)->was_clean(), evidence->clean);
      found = {.clean = evidence->clean, .same_boot = evidence->same_boot, .foreign = evidence->foreign,
               .watermark = evidence->watermark && evidence->watermark->end == Offset{3},
               .broker_epoch = (*directory)->previous_broker_epoch()};
      // The mark counts once: who is killed now was not stopped cleanly.
      EXPECT_FALSE(*kernel::exists(f, f.node().disk(), kMark));
    });
    return found;
  }

  kernel::StackPool stacks_;
  sim::World world_{{.seed = 11}, stacks_};
  sim::Machine& machine_ = world_.add_machine("m");
};

TEST_F(LogDirectoryTest, killed_it_has_its_watermarks_and_no_mark) {
  fill(CrashKind::process_kill);
  EXPECT_EQ(find(), (Found{.same_boot = true, .watermark = true}));
  EXPECT_EQ(find(), (Found{.same_boot = true, .watermark = true})) << "killed again before anything was written";
}

TEST_F(LogDirectoryTest, after_a_power_loss_the_boot_is_another) {
  fill(CrashKind::power_loss);
  EXPECT_EQ(find(), (Found{.watermark = true}));
}

TEST_F(LogDirectoryTest, stopped_cleanly_it_says_so_once) {
  fill(std::nullopt);
  EXPECT_EQ(find(), (Found{.clean = true, .same_boot = true, .foreign = true, .broker_epoch = 3}));
  // That start was killed with no log open, so nothing is known of this one; Kafka would scan it, too.
  EXPECT_EQ(find(), (Found{.same_boot = true}));
}

TEST_F(LogDirectoryTest, a_clean_stop_before_the_machine_went_down_is_one) {
  fill(std::nullopt);
  run_and_crash(world_, machine_, CrashKind::power_loss, [](Fiber&, Ground&) {});
  EXPECT_EQ(find(), (Found{.clean = true, .foreign = true, .broker_epoch = 3}));
}

TEST_F(LogDirectoryTest, with_kafkas_mark_after_we_were_killed_our_watermarks_are_void) {
  fill(CrashKind::process_kill);
  change([](Fiber& f) { put(f, kMark, format_clean_shutdown(9)); });
  EXPECT_EQ(find(), (Found{.clean = true, .same_boot = true, .foreign = true, .broker_epoch = 9}));
}

TEST_F(LogDirectoryTest, without_the_mark_of_our_clean_stop_kafka_was_here_and_was_killed) {
  fill(std::nullopt);
  change([](Fiber& f) { EXPECT_OK(f.node().disk().unlink(f, kMark)); });
  EXPECT_EQ(find(), (Found{.same_boot = true, .foreign = true}));
}

TEST_F(LogDirectoryTest, a_mark_without_content_is_a_mark) {
  fill(CrashKind::process_kill);
  change([](Fiber& f) { put(f, kMark, ""); });
  EXPECT_EQ(find(), (Found{.clean = true, .same_boot = true, .foreign = true}));
}

TEST_F(LogDirectoryTest, that_lost_our_file_is_foreign) {
  fill(CrashKind::process_kill);
  change([](Fiber& f) { EXPECT_OK(f.node().disk().unlink(f, kOurs)); });
  EXPECT_EQ(find(), (Found{.foreign = true}));
}

TEST_F(LogDirectoryTest, of_a_newer_release_is_refused_and_left_as_it_is) {
  fill(CrashKind::process_kill);
  for (const std::string_view file : {kOurs, kOursOfShard}) {
    change([&](Fiber& f) {
      const std::string ours = get(f, file);
      std::string newer = ours;
      newer[11] = 2;  // the version; a checksum may lie elsewhere then
      put(f, file, newer);
      const auto refused = LogDirectory::open(f, "/data", {.cluster_id = "c", .node_id = 1});
      ASSERT_FALSE(refused.has_value()) << file;
      EXPECT_TRUE(refused.error().is(LogDirectoryReason::newer_format)) << kernel::describe(refused.error());
      EXPECT_EQ(refused.error().detail, 2);
      EXPECT_EQ(get(f, file), newer);
      put(f, file, ours);
    });
  }
  EXPECT_EQ(find(), (Found{.same_boot = true, .watermark = true}));
}

TEST_F(LogDirectoryTest, keeps_its_watermarks_in_little_space_for_ever_and_they_count) {
  constexpr int kBatches = 17'000;  // a watermark each
  run_and_crash(world_, machine_, CrashKind::power_loss, [](Fiber& f, Ground& ground) {
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {.segment_bytes = 1 << 30}));
    for (int i = 0; i < kBatches; ++i) {
      ASSERT_OK(ground.log->append(f, make_batch("b", {.value_bytes = 1}), {}));
      ASSERT_OK(ground.log->sync(f));
      ASSERT_OK(f.sleep(DirectoryShard::kWatermarkDelay + 5ms));
    }
    EXPECT_LT(get(f, kOursOfShard).size(), 200u * 1024) << "it was never written anew";
  });
  change([](Fiber& f) {
    const auto file = f.node().disk().open(f, kSegment, kernel::OpenMode::read_write());
    ASSERT_OK(file);
    const std::array<Buffer, 1> rot{Buffer::copy_of("rot")};
    // In the last batch but a few: synced, and so not a torn tail.
    ASSERT_OK(kernel::write_all(f, **file, *(*file)->size(f) - 200, rot));
    ASSERT_OK((*file)->datasync(f));
  });
  change([](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    const auto log = Log::open(f, *ground.shard, kOrders, {.segment_bytes = 1 << 30});
    ASSERT_FALSE(log.has_value());
    EXPECT_TRUE(log.error().is(LogReason::damaged)) << kernel::describe(log.error());
    ASSERT_OK(ground.close(f));
  });
}

TEST_F(LogDirectoryTest, with_partitions_but_without_meta_properties_is_refused) {
  fill(std::nullopt);
  change([](Fiber& f) {
    EXPECT_OK(f.node().disk().unlink(f, "/data/meta.properties"));
    const auto refused = LogDirectory::open(f, "/data", {.node_id = 1});
    ASSERT_FALSE(refused.has_value());
    EXPECT_TRUE(refused.error().is(LogDirectoryReason::missing_identity)) << kernel::describe(refused.error());
    EXPECT_FALSE(*kernel::exists(f, f.node().disk(), "/data/meta.properties")) << "it took the directory for its own";
  });
}

TEST_F(LogDirectoryTest, whose_watermark_speaks_of_a_log_that_is_gone_altogether_says_so) {
  fill(CrashKind::process_kill);
  change([](Fiber& f) { EXPECT_OK(remove_tree(f, "/data/orders-0")); });
  change([](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    const auto log = Log::open(f, *ground.shard, kOrders, {.segment_bytes = 1 << 20});
    ASSERT_FALSE(log.has_value());
    EXPECT_TRUE(log.error().is(LogReason::damaged)) << kernel::describe(log.error());
    ASSERT_OK(ground.close(f));
  });
}

TEST_F(LogDirectoryTest, folders_of_deleted_topics_go_and_kafkas_strays_stay) {
  fill(std::nullopt);
  const std::string id(32, 'a');
  const std::string gone = fmt::format("gone-0.{}-delete", id), stray = fmt::format("old-3.{}-stray", id);
  change([&](Fiber& f) {
    for (const std::string_view name : {std::string_view{gone}, std::string_view{stray}, "lost+found"sv, "no-number"sv,
                                        "a-1-delete"sv}) {
      EXPECT_OK(kernel::make_directories(f, f.node().disk(), fmt::format("/data/{}", name)));
      put(f, fmt::format("/data/{}/file", name), "x");
    }
    const auto directory = LogDirectory::open(f, "/data", {.cluster_id = "c", .node_id = 1});
    ASSERT_OK(directory);
    const auto found = (*directory)->partitions(f);
    ASSERT_OK(found);
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().topic, "orders");
    EXPECT_EQ(found->front().topic_id, kOrders.topic_id);
    const std::vector<std::string> left{"a-1-delete", "lost+found", "no-number", stray, "orders-0"};
    EXPECT_EQ(folders(f), left);
    ASSERT_OK((*directory)->set_aside(f, found->front()));
    EXPECT_EQ(folders(f).back(), "orders-0.00000000000000070000000000000009-stray");
    EXPECT_EQ(get(f, fmt::format("/data/{}/partition.metadata", folders(f).back())), format_partition_metadata(kOrders.topic_id));
  });
}

TEST(LogDirectoryOffsets, a_checkpoint_on_its_way_takes_no_log_start_back) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    run(
        [&](Fiber& f) {
          Ground ground{f};
          ASSERT_OK(ground.open(f));
          ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {}));
          for (int i = 0; i < 20; ++i) ASSERT_OK(ground.log->append(f, make_batch("x"), {}));
          ASSERT_OK(ground.log->sync(f));
          kernel::Scope others{f};
          others.spawn("checkpoints", [&](Fiber& child) {
            for (int i = 0; i < 30; ++i) EXPECT_OK(ground.directory->checkpoint(child));
          });
          for (std::int64_t start = 1; start <= 20; ++start) {
            ASSERT_OK(ground.log->advance_start(f, Offset{start}));
            const auto file = f.node().disk().open(f, "/data/log-start-offset-checkpoint", {});
            const auto stored = parse_partition_offsets(kernel::as_text(kernel::read_all(f, **file)->view()));
            ASSERT_OK(stored);
            ASSERT_EQ(stored->at(0).offset, Offset{start}) << "seed " << seed;
          }
          ASSERT_OK(others.join(f));
          ASSERT_OK(ground.log->close(f));
          ground.log.reset();
          ASSERT_OK(ground.close(f));
        },
        {.seed = seed, .shards = 1});
  }
}

}  // namespace
}  // namespace broker::log
