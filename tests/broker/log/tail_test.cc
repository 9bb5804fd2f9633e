// A start after a kill on the same boot: what was synced is not read again, and is whole all the same.
#include "broker/log/batch_scan.h"
#include "net/record/validate.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;
using sim::CrashKind;

constexpr std::string_view kFirstSegment = "/data/orders-0/00000000000000000000.log";

LogConfig every_batch_indexed(std::uint64_t segment_bytes = 1 << 20) {
  return {.segment_bytes = segment_bytes, .index_interval_bytes = 1};
}

class Tail : public ::testing::Test {
 protected:
  /// Appends `count` batches, each of another second, and ends as `kind` says once the watermark is on record.
  void fill(CrashKind kind, int count, const LogConfig& config = every_batch_indexed()) {
    run_and_crash(world_, machine_, kind, [&](Fiber& f, Ground& ground) {
      ASSERT_OK(ground.open(f));
      ground.log = std::move(*Log::open(f, *ground.shard, kOrders, config));
      Appended last;
      for (int i = 0; i < count; ++i) {
        const std::int64_t at = ground.log->next().raw();
        const auto done = ground.log->append(f, make_batch(fmt::format("b{}", at), {.timestamp_ms = 1000 * (at + 1)}), {});
        ASSERT_OK(done);
        last = *done;
      }
      ASSERT_OK(ground.log->wait_committed(f, last));
      ASSERT_OK(f.sleep(200ms));
    });
  }
  /// `spoil` gets the first segment, of which nobody has a copy open.
  void change(const std::function<void(Fiber&, kernel::File&)>& spoil) {
    run_on(world_, machine_, [&](Fiber& f) {
      const auto file = f.node().disk().open(f, kFirstSegment, kernel::OpenMode::read_write());
      ASSERT_OK(file);
      spoil(f, **file);
    });
  }
  static std::uint64_t position_of(Fiber& f, const kernel::FileHandle& file, Offset offset) {
    BatchScan scan{file, 0, *file->size(f)};
    while (const auto item = *scan.next_header(f)) {
      if (item->header.base_offset == offset) return item->position;
    }
    ADD_FAILURE() << offset.raw();
    return 0;
  }
  /// A record of the batch is not what it was.
  void damage(Offset offset) {
    run_on(world_, machine_, [&](Fiber& f) {
      const auto file = f.node().disk().open(f, kFirstSegment, kernel::OpenMode::read_write());
      const std::array<Buffer, 1> chain{Buffer::copy_of("rot")};
      ASSERT_OK(kernel::write_all(f, **file, position_of(f, *file, offset) + 70, chain));
    });
  }
  /// Opens the log and lets `look` at it, or at why it does not open.
  void open(const std::function<void(Fiber&, Result<std::unique_ptr<Log>>&)>& look, const LogConfig& config = every_batch_indexed()) {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, config);
      look(f, log);
      if (log) {
        ASSERT_OK((*log)->close(f));
        log->reset();
      }
      ASSERT_OK(ground.close(f));
    });
  }
  void open_finds_damage() {
    open([](Fiber&, auto& log) {
      ASSERT_FALSE(log.has_value());
      EXPECT_TRUE(log.error().is(LogReason::damaged));
    });
  }
  kernel::StackPool stacks_;
  sim::World world_{{.seed = 21}, stacks_};
  sim::Machine& machine_ = world_.add_machine("m");
};

TEST_F(Tail, damage_far_below_the_watermark_is_not_looked_for_and_is_told_to_who_reads_it) {
  fill(CrashKind::process_kill, 100);
  damage(Offset{5});
  open([](Fiber& f, auto& log) {
    ASSERT_OK(log);
    EXPECT_EQ((*log)->next(), Offset{100});
    const auto found = (*log)->find_by_timestamp(f, 6000, Offset{100});
    ASSERT_FALSE(found.has_value());
    EXPECT_TRUE(found.error().is(LogReason::damaged)) << kernel::describe(found.error());
    EXPECT_OK((*log)->find_by_timestamp(f, 7000, Offset{100}));
    // Who reads it gets it with the checksum that tells.
    const auto slice = (*log)->read(f, Offset{5}, {.bytes_max = 1, .end = std::nullopt});
    ASSERT_OK(slice);
    net::record::BatchReader reader{slice->bytes.view()};
    const auto batch = *reader.next();
    EXPECT_FALSE(net::record::check_whole(batch->header, {&batch->bytes, 1}));
  });
}

TEST_F(Tail, after_a_power_loss_all_is_looked_at) {
  fill(CrashKind::power_loss, 100);
  damage(Offset{5});
  open_finds_damage();
}

TEST_F(Tail, a_log_that_nobody_opened_since_the_power_was_lost_is_looked_at_whole) {
  fill(CrashKind::power_loss, 100);
  damage(Offset{5});
  for (int start = 0; start < 2; ++start) {
    // It opens other logs, and is killed.
    run_and_crash(world_, machine_, CrashKind::process_kill, [&](Fiber& f, Ground& ground) { ASSERT_OK(ground.open(f)); });
  }
  open_finds_damage();
}

TEST_F(Tail, killed_before_it_opened_anything_a_start_leaves_the_next_one_what_it_found) {
  fill(CrashKind::process_kill, 100);
  damage(Offset{5});
  for (int start = 0; start < 2; ++start)
    run_and_crash(world_, machine_, CrashKind::process_kill, [&](Fiber& f, Ground& ground) { ASSERT_OK(ground.open(f)); });
  open([](Fiber&, auto& log) { ASSERT_OK(log); });
}

TEST_F(Tail, where_the_noted_batch_is_not_what_it_was_all_is_looked_at) {
  fill(CrashKind::process_kill, 100);
  damage(Offset{99});
  open_finds_damage();
}

TEST_F(Tail, garbage_behind_the_last_batch_is_cut_and_the_rest_not_read) {
  fill(CrashKind::process_kill, 100);
  damage(Offset{5});
  change([](Fiber& f, kernel::File& file) {
    // As if a batch had been begun.
    Buffer batch = make_batch("torn", {.value_bytes = 500});
    net::record::stamp_base_offset(batch.stamp(), Offset{100});
    batch.stamp()[200] ^= std::byte{1};
    const std::array<Buffer, 1> chain{batch};
    ASSERT_OK(kernel::write_all(f, file, *file.size(f), chain));
  });
  open([](Fiber& f, auto& log) {
    ASSERT_OK(log);
    EXPECT_EQ((*log)->next(), Offset{100});
    ASSERT_OK((*log)->append(f, make_batch("next"), {}));
  });
  EXPECT_EQ(world_.error_lines(), 0u);
}

TEST_F(Tail, what_the_index_files_lacked_is_found_by_offset_and_by_time) {
  // More than a block of entries, and less than another; over two segments in the second turn.
  for (const std::uint64_t segment_bytes : {1u << 20, 60'000u}) {
    SCOPED_TRACE(segment_bytes);
    const LogConfig config = every_batch_indexed(segment_bytes);
    fill(CrashKind::process_kill, 700, config);
    fill(CrashKind::process_kill, 3, config);
    open([&](Fiber& f, auto& log) {
      ASSERT_OK(log);
      for (Offset at{0}; at < (*log)->next(); at = at + 1) {
        const auto found = (*log)->find_by_timestamp(f, 1000 * (at.raw() + 1), (*log)->next());
        ASSERT_OK(found);
        ASSERT_TRUE(found->has_value()) << at.raw();
        EXPECT_EQ((*found)->offset, at);
      }
      const auto youngest = (*log)->max_timestamp(f, (*log)->next());
      ASSERT_OK(youngest);
      EXPECT_EQ((**youngest).offset + 1, (*log)->next());
    }, config);
    run_on(world_, machine_, [&](Fiber& f) {
      // What lies in the files now is what a rebuild makes.
      Segment segment{"/data/orders-0", Offset{0}, 10u << 20, 0};
      ASSERT_OK(segment.adopt_size(f));
      Segment fresh{"/data/orders-0", Offset{0}, 10u << 20, 0};
      fresh.begin_rebuild();
      BatchScan scan{segment.file(f).value(), 0, segment.size_bytes()};
      while (const auto item = scan.next_header(f).value()) fresh.note_batch(item->header, item->position, 1);
      ASSERT_OK(segment.load_indexes(f));
      ASSERT_EQ(segment.index().size(), fresh.index().size());
      for (std::size_t i = 0; i < fresh.index().size(); ++i) ASSERT_EQ(segment.index().at(i), fresh.index().at(i));
      fresh.close_time_index();
      ASSERT_EQ(segment.time_index().size(), fresh.time_index().size());
    });
  }
}

TEST_F(Tail, indexes_of_another_log_or_none_are_made_anew) {
  for (const bool removed : {true, false}) {
    fill(CrashKind::process_kill, 600);
    run_on(world_, machine_, [&](Fiber& f) {
      const std::string path = "/data/orders-0/" + segment_file_name(Offset{0}, ".index");
      if (removed) {
        ASSERT_OK(f.node().disk().unlink(f, path));
      } else {
        // An entry that points into a batch.
        std::vector<std::byte> entry(8);
        kernel::store_be(entry.data(), std::int32_t{20});
        kernel::store_be(entry.data() + 4, std::int32_t{33});
        ASSERT_OK(kernel::replace_file(f, f.node().disk(), path, entry));
      }
    });
    open([&](Fiber& f, auto& log) {
      ASSERT_OK(log);
      for (const Offset at : {Offset{0}, Offset{21}, Offset{599}}) EXPECT_OK((*log)->read(f, at, {.bytes_max = 1, .end = std::nullopt}));
    });
  }
}

}  // namespace
}  // namespace broker::log
