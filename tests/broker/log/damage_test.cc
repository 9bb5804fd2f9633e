// Indexes and offsets of batches that are not what was written: no checksum covers them. Whatever is asked for is found
// or refused as damaged, never passed over, and no damage ends the process.
#include <limits>

#include "broker/log/batch_scan.h"
#include "broker/log/identity_files.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;

constexpr int kBatches = 30;

LogConfig segments_to_damage() { return {.segment_bytes = 3000, .index_interval_bytes = 300}; }

/// A log of thirty batches of one record in several segments, stopped cleanly.
class Damage : public ::testing::Test {
 protected:
  void SetUp() override {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_to_damage()));
      for (int i = 0; i < kBatches; ++i) {
        const BatchShape shape{.value_bytes = 200, .timestamp_ms = 1000 + i};
        ASSERT_OK(ground.log->append(f, make_batch(fmt::format("b{}", i), shape), {}));
      }
      for (const auto& segment : ground.log->segments()) segments_.push_back(segment);
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
      for (const auto& segment : segments_) {
        const auto file = f.node().disk().open(f, in_folder(segment.base, ".log"), kernel::OpenMode::read_only());
        BatchScan scan{*file, 0, segment.size_bytes};
        while (const auto item = *scan.next_header(f)) positions_.push_back(item->position);
      }
    });
    ASSERT_GE(segments_.size(), 3u);
    ASSERT_EQ(positions_.size(), static_cast<std::size_t>(kBatches));
  }

  /// Opens the log, which must succeed, and closes it behind `look`.
  void open_log(const std::function<void(Fiber&, Log&)>& look) {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, segments_to_damage());
      ASSERT_OK(log);
      ground.log = std::move(*log);
      look(f, *ground.log);
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
  }
  static std::string get(Fiber& f, const std::string& path) {
    const auto file = f.node().disk().open(f, path, kernel::OpenMode::read_only());
    return std::string{kernel::as_text(kernel::read_all(f, **file)->view())};
  }
  static void put(Fiber& f, const std::string& path, std::string_view bytes) {
    ASSERT_OK(kernel::replace_file(f, f.node().disk(), path, kernel::as_bytes(bytes)));
  }
  /// Changes what lies in a file while nobody has it open; answers what was there.
  std::string change(const std::string& path, const std::function<void(std::string&)>& how) {
    std::string before;
    run_on(world_, machine_, [&](Fiber& f) {
      std::string bytes = before = get(f, path);
      how(bytes);
      put(f, path, bytes);
    });
    return before;
  }
  template <class T>
  static void store(std::string& bytes, std::size_t at, T value) {
    ASSERT_LE(at + sizeof(T), bytes.size());
    kernel::store_be(reinterpret_cast<std::byte*>(bytes.data()) + at, value);
  }
  /// Every batch of `segment` is where it was, by offset and by time.
  static void expect_found(Fiber& f, Log& log, const Log::SegmentInfo& segment) {
    for (Offset at = segment.base; at < segment.end; at = at + 1) {
      const auto slice = log.read(f, at, {.bytes_max = 1, .end = segment.end});
      ASSERT_OK(slice);
      const auto header = net::record::BatchHeader::parse(slice->bytes.view());
      ASSERT_OK(header);
      EXPECT_EQ(header->base_offset, at);
      const auto found = log.find_by_timestamp(f, 1000 + at.raw(), Offset{kBatches});
      ASSERT_OK(found);
      ASSERT_TRUE(found->has_value()) << at.raw();
      EXPECT_EQ((*found)->offset, at);
    }
  }
  static void append_more(Fiber& f, Log& log) {
    for (int i = 0; i < 20; ++i)
      ASSERT_OK(log.append(f, make_batch("more", {.value_bytes = 200, .timestamp_ms = 5000 + i}), {}));
  }

  kernel::StackPool stacks_;
  sim::World world_{{.seed = 4}, stacks_};
  sim::Machine& machine_ = world_.add_machine("m");
  std::vector<Log::SegmentInfo> segments_;
  std::vector<std::uint64_t> positions_;  // of each batch in its segment
};

TEST_F(Damage, of_a_time_index_that_reaches_beyond_its_segment_is_found_when_it_is_loaded) {
  for (const Log::SegmentInfo& segment : {segments_.front(), segments_.back()}) {
    change(in_folder(segment.base, ".timeindex"), [](std::string& bytes) {
      ASSERT_GE(bytes.size(), 2 * TimeIndex::kEntryBytes);
      store<std::int32_t>(bytes, bytes.size() - 4, 5000);
    });
    open_log([&](Fiber& f, Log& log) {
      expect_found(f, log, segment);
      if (segment.base == segments_.back().base) append_more(f, log);
    });
  }
}

TEST_F(Damage, of_an_index_whose_last_offset_is_beyond_its_segment_is_found_when_it_is_loaded) {
  for (const Log::SegmentInfo& segment : {segments_.front(), segments_.back()}) {
    change(in_folder(segment.base, ".index"), [](std::string& bytes) {
      ASSERT_GE(bytes.size(), 2 * OffsetIndex::kEntryBytes);
      store<std::int32_t>(bytes, bytes.size() - 8, 5000);
    });
    open_log([&](Fiber& f, Log& log) {
      expect_found(f, log, segment);
      if (segment.base == segments_.back().base) append_more(f, log);
    });
  }
}

TEST_F(Damage, of_an_index_entry_that_points_at_a_later_batch_or_at_none_hides_no_batch) {
  for (const Log::SegmentInfo& segment : {segments_.front(), segments_.back()}) {
    for (const bool at_a_batch : {true, false}) {
      const std::string before = change(in_folder(segment.base, ".index"), [&](std::string& bytes) {
        ASSERT_GE(bytes.size(), 2 * OffsetIndex::kEntryBytes);
        const auto relative = kernel::load_be<std::int32_t>(kernel::as_bytes(bytes).data());
        const auto batch = static_cast<std::size_t>(segment.base.raw() + relative);
        const auto position = static_cast<std::int32_t>(at_a_batch ? positions_[batch + 1] : positions_[batch] + 7);
        ASSERT_LT(position, kernel::load_be<std::int32_t>(kernel::as_bytes(bytes).data() + 12));
        store(bytes, 4, position);
      });
      open_log([&](Fiber& f, Log& log) { expect_found(f, log, segment); });
      change(in_folder(segment.base, ".index"), [&](std::string& bytes) { bytes = before; });
    }
  }
}

TEST_F(Damage, of_an_index_entry_behind_a_cut_does_not_stand_in_the_way_of_the_next) {
  const Log::SegmentInfo segment = segments_.back();
  Offset end{0};
  change(in_folder(segment.base, ".index"), [&](std::string& bytes) {
    ASSERT_GE(bytes.size(), 2 * OffsetIndex::kEntryBytes);
    const std::size_t entry = bytes.size() - 2 * OffsetIndex::kEntryBytes;
    end = segment.base + kernel::load_be<std::int32_t>(kernel::as_bytes(bytes).data() + entry) + 1;
    const auto last = kernel::load_be<std::int32_t>(kernel::as_bytes(bytes).data() + entry + 12);
    store(bytes, entry + 4, last - 1);
  });
  open_log([&](Fiber& f, Log& log) {
    ASSERT_OK(log.truncate(f, end));
    append_more(f, log);
    const auto all = read_everything(f, log, Offset{0}, log.next());
    ASSERT_OK(all);
  });
}

TEST_F(Damage, of_where_a_batch_begins_is_told_and_the_batch_not_passed_over) {
  const Log::SegmentInfo segment = segments_.front();
  for (std::int64_t i = 1; i < segment.end.raw(); ++i) {
    const std::int64_t shown[] = {-1, std::numeric_limits<std::int64_t>::min(), i - 1, i + 1, i + 5, i + 1'000'000,
                                  i + (std::int64_t{1} << 40), std::numeric_limits<std::int64_t>::max()};
    for (const std::int64_t base : shown) {
      SCOPED_TRACE(fmt::format("batch {} shows {}", i, base));
      const std::string path = in_folder(segment.base, ".log");
      const std::string before = change(path, [&](std::string& bytes) { store(bytes, positions_[static_cast<std::size_t>(i)], base); });
      for (const bool indexed : {true, false}) {
        run_on(world_, machine_, [&](Fiber& f) {
          if (!indexed) ASSERT_OK(f.node().disk().unlink(f, in_folder(segment.base, ".index")));
        });
        open_log([&](Fiber& f, Log& log) {
          const auto slice = log.read(f, Offset{i}, {.bytes_max = 1, .end = Offset{kBatches}});
          ASSERT_FALSE(slice.has_value());
          EXPECT_TRUE(slice.error().is(LogReason::damaged)) << kernel::describe(slice.error());
        });
      }
      change(path, [&](std::string& bytes) { bytes = before; });
      // Once it is whole again, all is there.
      open_log([&](Fiber& f, Log& log) { expect_found(f, log, segment); });
    }
  }
}

TEST_F(Damage, of_where_a_batch_begins_in_the_active_segment_is_damage_at_the_start) {
  const Log::SegmentInfo segment = segments_.back();
  for (std::int64_t i = segment.base.raw() + 1; i < kBatches; ++i) {
    const std::string path = in_folder(segment.base, ".log");
    const std::string before = change(path, [&](std::string& bytes) {
      store(bytes, positions_[static_cast<std::size_t>(i)], i + (std::int64_t{1} << 40));
    });
    for (const bool clean : {true, false}) {
      run_on(world_, machine_, [&](Fiber& f) {
        static_cast<void>(f.node().disk().unlink(f, "/data/.kafka_cleanshutdown"));
        Ground ground{f};
        if (clean) put(f, "/data/.kafka_cleanshutdown", format_clean_shutdown(5));
        ASSERT_OK(ground.open(f));
        const auto log = Log::open(f, *ground.shard, kOrders, segments_to_damage());
        if (log) {
          // The batches up to the last entry of an index are not looked at by a start behind a clean stop.
          EXPECT_TRUE(clean) << i;
          const auto slice = (*log)->read(f, Offset{i}, {.bytes_max = 1, .end = Offset{kBatches}});
          ASSERT_FALSE(slice.has_value()) << i;
          EXPECT_TRUE(slice.error().is(LogReason::damaged)) << kernel::describe(slice.error());
          ASSERT_OK((*log)->close(f));
        } else {
          EXPECT_TRUE(log.error().is(LogReason::damaged)) << kernel::describe(log.error());
        }
        ASSERT_OK(ground.close(f));
      });
    }
    change(path, [&](std::string& bytes) { bytes = before; });
  }
}

TEST_F(Damage, of_a_segment_that_begins_with_the_batches_of_a_later_page_is_told_to_who_reads_its_first) {
  const Log::SegmentInfo segment = segments_.front();
  const std::string path = in_folder(segment.base, ".log");
  // Two whole batches of further behind: they fit each other, and a gap would be all there is before them.
  const std::string before = change(path, [&](std::string& bytes) {
    const std::size_t from = positions_[6], length = positions_[8] - positions_[6];
    bytes.replace(0, length, bytes.substr(from, length));
  });
  open_log([&](Fiber& f, Log& log) {
    for (std::int64_t i = 0; i < 2; ++i) {
      const auto slice = log.read(f, Offset{i}, {.bytes_max = 1, .end = Offset{kBatches}});
      ASSERT_FALSE(slice.has_value()) << i;
      EXPECT_TRUE(slice.error().is(LogReason::damaged)) << kernel::describe(slice.error());
    }
  });
  change(path, [&](std::string& bytes) { bytes = before; });
  open_log([&](Fiber& f, Log& log) { expect_found(f, log, segment); });
}

TEST_F(Damage, behind_a_batch_does_not_keep_that_batch_from_its_readers) {
  const Log::SegmentInfo segment = segments_.front();
  const std::int64_t damaged = 5;
  change(in_folder(segment.base, ".log"), [&](std::string& bytes) { store<std::int32_t>(bytes, positions_[damaged] + 8, -7); });
  open_log([&](Fiber& f, Log& log) {
    for (const std::size_t bytes_max : {std::size_t{1}, std::size_t{700}, std::size_t{2500}}) {
      Offset at{0};
      while (at < Offset{damaged}) {
        const auto slice = log.read(f, at, {.bytes_max = bytes_max, .end = segment.end});
        ASSERT_OK(slice);
        net::record::BatchReader reader{slice->bytes.view()};
        while (true) {
          const auto batch = reader.next();
          ASSERT_OK(batch);
          if (!*batch) break;
          EXPECT_EQ((*batch)->header.base_offset, at);
          at = (*batch)->header.next_offset();
        }
      }
      EXPECT_EQ(at, Offset{damaged});
      const auto slice = log.read(f, at, {.bytes_max = bytes_max, .end = segment.end});
      ASSERT_FALSE(slice.has_value());
      EXPECT_TRUE(slice.error().is(LogReason::damaged)) << kernel::describe(slice.error());
    }
  });
}

TEST_F(Damage, of_where_a_later_batch_of_a_small_read_begins_ends_the_read_before_it) {
  const Log::SegmentInfo segment = segments_.front();
  const std::int64_t damaged = 5;
  change(in_folder(segment.base, ".log"), [&](std::string& bytes) { store<std::int64_t>(bytes, positions_[damaged], damaged - 2); });
  open_log([&](Fiber& f, Log& log) {
    const auto slice = log.read(f, Offset{3}, {.bytes_max = 1500, .end = segment.end});
    ASSERT_OK(slice);
    EXPECT_EQ(slice->size, positions_[damaged] - positions_[3]);
  });
}

TEST_F(Damage, of_the_last_batch_is_no_end_of_the_log) {
  const Log::SegmentInfo segment = segments_.back();
  run_on(world_, machine_, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_to_damage()));
    // While the log is open: its end is known, and the batch that ends it says that it lies elsewhere.
    for (const std::int64_t base : {kBatches - 2, kBatches, kBatches + 7}) {
      const auto file = f.node().disk().open(f, in_folder(segment.base, ".log"), kernel::OpenMode::read_write());
      ASSERT_OK(file);
      std::array<std::byte, 8> bytes{};
      kernel::store_be(bytes.data(), static_cast<std::int64_t>(base));
      const std::array<Buffer, 1> chain{Buffer::copy_of(bytes)};
      ASSERT_OK(kernel::write_all(f, **file, positions_.back(), chain));
      const auto slice = ground.log->read(f, Offset{kBatches - 1}, {.bytes_max = 1, .end = std::nullopt});
      ASSERT_FALSE(slice.has_value()) << base;
      EXPECT_TRUE(slice.error().is(LogReason::damaged)) << kernel::describe(slice.error());
    }
    ASSERT_OK(ground.log->close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
}

TEST_F(Damage, of_how_far_the_last_batch_goes_is_told_to_who_reads_what_it_hides) {
  open_log([&](Fiber& f, Log& log) { ASSERT_OK(log.append(f, make_batch("last", {.records = 3}), {})); });
  run_on(world_, machine_, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_to_damage()));
    const Log::SegmentInfo active = ground.log->segments().back();
    const auto file = f.node().disk().open(f, in_folder(active.base, ".log"), kernel::OpenMode::read_write());
    ASSERT_OK(file);
    BatchScan scan{*file, 0, active.size_bytes};
    std::uint64_t last = 0;
    while (const auto item = *scan.next_header(f)) last = item->position;
    const std::array<Buffer, 1> none{Buffer::copy_of(std::string(4, char{0}))};
    ASSERT_OK(kernel::write_all(f, **file, last + 23, none));  // lastOffsetDelta
    const auto slice = ground.log->read(f, Offset{kBatches + 2}, {.bytes_max = 1, .end = std::nullopt});
    ASSERT_FALSE(slice.has_value());
    EXPECT_TRUE(slice.error().is(LogReason::damaged)) << kernel::describe(slice.error());
    ASSERT_OK(ground.log->close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
}

TEST_F(Damage, of_a_position_in_an_index_does_not_end_a_read_that_looks_for_its_last_border) {
  for (const Log::SegmentInfo& segment : {segments_.front(), segments_.back()}) {
    const std::string before = change(in_folder(segment.base, ".index"), [&](std::string& bytes) {
      ASSERT_GE(bytes.size(), 2 * OffsetIndex::kEntryBytes);
      const auto position = kernel::load_be<std::int32_t>(kernel::as_bytes(bytes).data() + 4);
      store<std::int32_t>(bytes, 4, position + 7);
    });
    open_log([&](Fiber& f, Log& log) {
      for (std::size_t bytes_max = 300; bytes_max < 2000; bytes_max += 100) {
        const auto slice = log.read(f, segment.base, {.bytes_max = bytes_max, .end = segment.end});
        ASSERT_OK(slice);
        EXPECT_GT(slice->size, bytes_max - std::min<std::size_t>(bytes_max, 400));
      }
    });
    change(in_folder(segment.base, ".index"), [&](std::string& bytes) { bytes = before; });
  }
}

TEST_F(Damage, of_an_entry_of_a_time_index_hides_no_record) {
  for (const Log::SegmentInfo& segment : {segments_.front(), segments_.back()}) {
    const std::string path = in_folder(segment.base, ".timeindex");
    std::size_t entries = 0;
    const std::string before = change(path, [&](std::string& bytes) { entries = bytes.size() / TimeIndex::kEntryBytes; });
    ASSERT_GE(entries, 2u);
    for (std::size_t entry = 0; entry < entries; ++entry) {
      for (const bool of_time : {true, false}) {
        SCOPED_TRACE(fmt::format("entry {} of {}: {}", entry, segment.base.raw(), of_time ? "time" : "offset"));
        change(path, [&](std::string& bytes) {
          const std::size_t at = entry * TimeIndex::kEntryBytes;
          const auto* from = kernel::as_bytes(bytes).data() + at;
          if (of_time) store<std::int64_t>(bytes, at, kernel::load_be<std::int64_t>(from) - 1);
          else store<std::int32_t>(bytes, at + 8, kernel::load_be<std::int32_t>(from + 8) + (entry + 1 < entries ? 1 : -1));
        });
        open_log([&](Fiber& f, Log& log) {
          expect_found(f, log, segment);
          const auto youngest = log.max_timestamp(f, segment.end);
          ASSERT_OK(youngest);
          ASSERT_TRUE(youngest->has_value());
          EXPECT_EQ((*youngest)->offset, segment.end - 1);
        });
        change(path, [&](std::string& bytes) { bytes = before; });
      }
    }
  }
}

TEST_F(Damage, of_records_is_told_to_who_asks_by_time) {
  const std::int64_t damaged = 5;
  change(in_folder(segments_.front().base, ".log"), [&](std::string& bytes) { bytes[positions_[damaged] + 100] ^= 1; });
  open_log([&](Fiber& f, Log& log) {
    const auto found = log.find_by_timestamp(f, 1000 + damaged, Offset{kBatches});
    ASSERT_FALSE(found.has_value());
    EXPECT_TRUE(found.error().is(LogReason::damaged)) << kernel::describe(found.error());
  });
}

TEST_F(Damage, of_the_last_time_of_a_segment_lets_nothing_go) {
  const Log::SegmentInfo segment = segments_.front();
  change(in_folder(segment.base, ".timeindex"), [&](std::string& bytes) {
    const std::size_t last = bytes.size() - TimeIndex::kEntryBytes;
    // One entry that says that all is from the year before.
    bytes = bytes.substr(last);
    store<std::int64_t>(bytes, 0, 1);
  });
  open_log([&](Fiber& f, Log& log) {
    LogConfig config = segments_to_damage();
    config.deletes = true;
    config.retention_ms = kernel::ms_of(f.wall()) - 500;  // older than half a second after 1970
    log.set_config(config);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{0});
    expect_found(f, log, segment);
  });
}

/// A log whose broker was killed: all of it is on record as synced. The same batches as Damage has.
class DamageOfKilled : public Damage {
 protected:
  void SetUp() override {
    Damage::SetUp();
    run_and_crash(world_, machine_, sim::CrashKind::process_kill, [&](Fiber& f, Ground& ground) {
      ASSERT_OK(ground.open(f));
      ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_to_damage()));
      Appended last;
      for (int i = 0; i < kBatches; ++i) {
        const auto appended = ground.log->append(f, make_batch("more", {.value_bytes = 200, .timestamp_ms = 9000 + i}), {});
        ASSERT_OK(appended);
        last = *appended;
      }
      segments_ = ground.log->segments();
      ASSERT_OK(ground.log->wait_committed(f, last));
      const auto file = f.node().disk().open(f, in_folder(segments_.back().base, ".log"), kernel::OpenMode::read_only());
      BatchScan scan{*file, 0, segments_.back().size_bytes};
      while (const auto item = *scan.next_header(f)) before_last_ = std::exchange(position_, item->position);
      ASSERT_OK(f.sleep(5s));  // until the watermark is on record
    });
  }
  void expect_refused(const LogConfig& config, bool refused) {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, config);
      EXPECT_EQ(log.has_value(), !refused);
      if (!log) {
        EXPECT_TRUE(log.error().is(LogReason::damaged)) << kernel::describe(log.error());
      } else {
        ASSERT_OK((*log)->close(f));
      }
      log = std::unexpected(kernel::fail(kernel::Errc::closed).error());
      ASSERT_OK(ground.close(f));
    });
  }
  std::uint64_t before_last_ = 0, position_ = 0;  ///< of the last batches
};

TEST_F(DamageOfKilled, of_where_the_last_synced_batch_begins_is_no_sign_that_somebody_else_has_written) {
  const std::string path = in_folder(segments_.back().base, ".log");
  const std::string before = change(path, [&](std::string& bytes) { store<std::int64_t>(bytes, position_, 2 * kBatches + 2); });
  LogConfig compacting = segments_to_damage();
  compacting.compacts = true;  // gaps are no sign either
  expect_refused(compacting, true);
  change(path, [&](std::string& bytes) { bytes = before; });
  expect_refused(segments_to_damage(), false);
}

TEST_F(DamageOfKilled, of_another_batch_of_our_epoch_in_the_last_place_is_no_sign_that_somebody_else_has_written) {
  const std::string path = in_folder(segments_.back().base, ".log");
  change(path, [&](std::string& bytes) {
    std::string other{kernel::as_text(make_batch("else", {.value_bytes = 200, .timestamp_ms = 9000}).view())};
    ASSERT_EQ(position_ + other.size(), bytes.size());
    store<std::int64_t>(other, 0, 2 * kBatches - 1);
    store<std::int32_t>(other, 12, 0);  // the leader epoch, which is the one we wrote in
    bytes.replace(position_, other.size(), other);
  });
  expect_refused(segments_to_damage(), true);
}

TEST_F(DamageOfKilled, that_takes_a_batch_from_the_midst_is_told_where_nothing_compacts) {
  const std::string path = in_folder(segments_.back().base, ".log");
  change(path, [&](std::string& bytes) { bytes.erase(before_last_, position_ - before_last_); });
  expect_refused(segments_to_damage(), true);
  LogConfig compacting = segments_to_damage();
  compacting.compacts = true;
  expect_refused(compacting, false);
}

TEST_F(DamageOfKilled, that_takes_a_segment_from_the_midst_is_told_where_nothing_compacts) {
  ASSERT_GE(segments_.size(), 6u);
  run_on(world_, machine_, [&](Fiber& f) {
    ASSERT_OK(f.node().disk().unlink(f, in_folder(segments_[segments_.size() - 2].base, ".log")));
  });
  expect_refused(segments_to_damage(), true);
}

TEST(OffsetOrderTest, takes_gaps_and_refuses_what_goes_back_or_out_of_reach) {
  const auto header = [](std::int64_t base, std::int32_t delta) {
    net::record::BatchHeader out{};
    out.base_offset = Offset{base};
    out.last_offset_delta = delta;
    return out;
  };
  constexpr std::int64_t kReach = std::numeric_limits<std::int32_t>::max();
  OffsetOrder order{Offset{100}};
  EXPECT_FALSE(order.take(header(99, 5)).has_value());
  EXPECT_FALSE(order.take(header(100, -1)).has_value());
  EXPECT_OK(order.take(header(100, 0)));
  EXPECT_OK(order.take(header(110, 9)));
  EXPECT_EQ(order.next(), Offset{120});
  EXPECT_FALSE(order.take(header(119, 5)).has_value());
  EXPECT_FALSE(order.take(header(100 + kReach, 1)).has_value());
  EXPECT_FALSE(order.take(header(std::numeric_limits<std::int64_t>::max(), 1)).has_value());
  EXPECT_EQ(order.next(), Offset{120});
  EXPECT_OK(order.take(header(100 + kReach - 1, 1)));
}

}  // namespace
}  // namespace broker::log
