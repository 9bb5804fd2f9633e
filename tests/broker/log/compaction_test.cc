// Compaction of a log that is in use: what stays, where, how readers and restarts see it, and who is not disturbed.
#include <set>

#include "broker/log/upkeep.h"
#include "tests/broker/log/cleaner/keyed_log.h"

namespace broker::log {
namespace {

using namespace testing;

constexpr std::int64_t kLongAgo = 1'600'000'000'000;

LogConfig compacting() {
  return {.segment_bytes = 1000, .index_interval_bytes = 150, .compacts = true, .cleanable_ratio_min = 0};
}

class Compaction : public ::testing::Test {
 protected:
  void with_log(const LogConfig& config, const std::function<void(Fiber&, Ground&, Log&)>& body) {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, config);
      ASSERT_OK(log);
      ground.log = std::move(*log);
      body(f, ground, *ground.log);
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
  }
  /// `count` batches of two records; keys k0 to k4 in turn, each batch also writes its own key once in ten.
  void append(Fiber& f, Log& log, int count, Codec codec = Codec::none) {
    for (int i = 0; i < count; ++i) {
      std::vector<KeyedRecord> records{{fmt::format("k{}", sent_ % 5), fmt::format("v{}", sent_), kLongAgo + 10 * sent_},
                                       {sent_ % 10 == 0 ? fmt::format("own{}", sent_) : "shared", fmt::format("w{}", sent_),
                                        kLongAgo + 10 * sent_ + 5}};
      const auto done = log.append(f, keyed_batch(records, {.codec = codec}), {.leader_epoch = net::LeaderEpoch{1}});
      ASSERT_OK(done);
      for (int j = 0; j < 2; ++j) sent_records_[done->base_offset + j] = {records[j].key, records[j].value, records[j].timestamp_ms};
      ++sent_;
    }
    ASSERT_OK(log.wait_committed(f, log.next()));
  }
  /// Everything that was sent and may not be missing is there, and nothing else.
  void expect_compacted(const Seen& seen, Offset clean_to) const {
    std::map<std::string, Offset> last;
    for (const auto& [offset, record] : sent_records_) {
      if (offset < clean_to) last[record.key] = offset;
    }
    Seen expected;
    for (const auto& [offset, record] : sent_records_) {
      if (offset >= clean_to || last[record.key] == offset) expected[offset] = record;
    }
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(fold(seen), fold(sent_records_));
  }

  kernel::StackPool stacks_;
  sim::World world_{{.seed = 4}, stacks_};
  sim::Machine& machine_ = world_.add_machine("m");
  int sent_ = 0;
  Seen sent_records_;
};

TEST_F(Compaction, leaves_the_newest_record_of_each_key_and_all_above_its_bound) {
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    for (const Codec codec : {Codec::none, Codec::zstd}) {
      append(f, log, 60, codec);
      const auto segments = log.segments();
      ASSERT_GE(segments.size(), 5u);
      const Offset bound = segments.back().base;
      const auto cleaned = log.clean(f, {});
      ASSERT_OK(cleaned);
      EXPECT_EQ(cleaned->to, bound) << "up to the active segment";
      EXPECT_LT(cleaned->bytes_after, cleaned->bytes_before * 2 / 3);
      EXPECT_EQ(log.first_dirty(), bound);
      EXPECT_EQ(log.log_start(), Offset{0});
      expect_compacted(records_of(f, log), bound);
    }
    // What has become small is put together by the next one.
    append(f, log, 10);
    const std::size_t before = log.segments().size();
    const auto cleaned = log.clean(f, {});
    ASSERT_OK(cleaned);
    EXPECT_LE(log.segments().size(), before / 2);
    expect_compacted(records_of(f, log), cleaned->to);
    const auto names = names_in(f, kFolder);
    EXPECT_EQ(std::ranges::count_if(names, [](const auto& name) { return name.ends_with(".log"); }),
              static_cast<std::ptrdiff_t>(log.segments().size()));
  });
}

TEST_F(Compaction, is_seen_alike_after_a_restart_of_either_kind_and_goes_on_from_where_it_was) {
  Offset bound{0};
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 40);
    ASSERT_OK(log.clean(f, {}));
    bound = log.first_dirty();
    ASSERT_GT(bound, Offset{20});
  });
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    EXPECT_EQ(log.first_dirty(), bound) << "the checkpoint of the cleaner";
    expect_compacted(records_of(f, log), bound);
    append(f, log, 30);
  });
  run_and_crash(world_, machine_, sim::CrashKind::power_loss, [&](Fiber& f, Ground& ground) {
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, compacting()));
    append(f, *ground.log, 30);
    const auto cleaned = ground.log->clean(f, {});
    ASSERT_OK(cleaned);
    EXPECT_EQ(cleaned->from, bound);
    bound = cleaned->to;
  });
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    EXPECT_EQ(log.first_dirty(), bound);
    expect_compacted(records_of(f, log), bound);
  });
  EXPECT_EQ(world_.error_lines(), 0u);
}

TEST_F(Compaction, is_read_across_its_gaps_from_every_offset) {
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 50);
    ASSERT_OK(log.clean(f, {}));
    const Seen left = records_of(f, log);
    for (Offset from = log.log_start(); from < log.committed(); from = from + 1) {
      const auto slice = log.read(f, from, {.bytes_max = 1});
      ASSERT_OK(slice);
      ASSERT_GT(slice->size, 0u) << "a reader at " << from.raw() << " is stuck";
      Buffer bytes = slice->bytes;
      if (slice->file != nullptr) bytes = *kernel::read_exactly(f, *slice->file, slice->position, slice->size);
      const auto header = *BatchHeader::parse(bytes.view());
      EXPECT_GE(header.last_offset(), from);
      const auto next = left.lower_bound(from);
      if (next != left.end()) {
        EXPECT_LE(header.base_offset, next->first) << "a record was passed over";
      }
      EXPECT_GT(log.readable_bytes(from, 1 << 20), 0u);
    }
  });
}

TEST_F(Compaction, keeps_offsets_for_timestamps_those_of_the_records_that_are_left) {
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 50);
    ASSERT_OK(log.clean(f, {}));
    const Seen left = records_of(f, log);
    for (std::int64_t wanted = kLongAgo - 3; wanted < kLongAgo + 510; wanted += 4) {
      const auto first = std::ranges::find_if(left, [&](const auto& one) { return one.second.timestamp_ms >= wanted; });
      const auto found = log.find_by_timestamp(f, wanted, log.committed());
      ASSERT_OK(found);
      ASSERT_EQ(found->has_value(), first != left.end());
      if (found->has_value()) {
        EXPECT_EQ((*found)->offset, first->first) << wanted;
      }
    }
    const auto youngest = log.max_timestamp(f, log.committed());
    ASSERT_OK(youngest);
    EXPECT_EQ((*youngest)->offset, left.rbegin()->first);
  });
}

TEST_F(Compaction, leaves_the_newest_record_findable_behind_a_batch_that_lost_its_records) {
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    const auto append_one = [&](std::string_view key, std::int64_t at_ms, net::ProducerId producer = net::ProducerId{-1}) {
      const bool has_producer = producer.raw() >= 0;
      const auto batch = keyed_batch({{std::string{key}, "v", at_ms}}, {.producer = producer,
                                                                       .epoch = net::ProducerEpoch{has_producer ? std::int16_t{0} : std::int16_t{-1}},
                                                                       .sequence = has_producer ? 0 : -1});
      ASSERT_OK(log.append(f, batch, {.leader_epoch = net::LeaderEpoch{1}}));
    };
    append_one("newest", kLongAgo + 500'000);
    append_one("written again", kLongAgo + 900'000, net::ProducerId{7});  // stays, empty, as the producer's last
    append_one("written again", kLongAgo);
    append(f, log, 40);
    ASSERT_OK(log.clean(f, {}));
    const auto youngest = log.max_timestamp(f, log.committed());
    ASSERT_OK(youngest);
    ASSERT_TRUE(youngest->has_value());
    EXPECT_EQ((*youngest)->offset, Offset{0});
    EXPECT_EQ((*youngest)->timestamp_ms, kLongAgo + 500'000);
  });
}

TEST_F(Compaction, in_parts_for_want_of_memory_comes_to_the_same) {
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 80);
    const Offset bound = log.segments().back().base;
    int rounds = 0;
    for (; log.first_dirty() < bound && rounds < 100; ++rounds) {
      const auto cleaned = log.clean(f, {.map_bytes_max = 6 * 24});
      ASSERT_OK(cleaned);
      ASSERT_GT(cleaned->to, cleaned->from);
    }
    EXPECT_GT(rounds, 2);
    EXPECT_EQ(log.first_dirty(), bound);
    EXPECT_EQ(fold(records_of(f, log)), fold(sent_records_));
    for (const auto& [offset, record] : records_of(f, log)) EXPECT_EQ(record, sent_records_.at(offset));
  });
}

TEST_F(Compaction, waits_for_the_lag_and_is_forced_by_it) {
  LogConfig config = compacting();
  config.cleanable_ratio_min = 1;
  with_log(config, [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 40);
    EXPECT_FALSE(log.dirtiness(f)->is_due(1));
    EXPECT_TRUE(log.dirtiness(f)->is_due(0.5));
    const std::int64_t age = kernel::ms_of(f.wall()) - kLongAgo;
    config.compaction_lag_max_ms = age + 100'000;
    log.set_config(config);
    EXPECT_FALSE(log.dirtiness(f)->overdue);
    config.compaction_lag_max_ms = age - 100;
    log.set_config(config);
    EXPECT_TRUE(log.dirtiness(f)->overdue);
    EXPECT_TRUE(log.dirtiness(f)->is_due(1));
    // Half of it is too young to be touched.
    config.compaction_lag_min_ms = kernel::ms_of(f.wall()) - (kLongAgo + 200);
    log.set_config(config);
    const auto half = log.dirtiness(f);
    EXPECT_GT(half->bound, Offset{10});
    EXPECT_LE(half->bound, Offset{42});
    const auto cleaned = log.clean(f, {});
    ASSERT_OK(cleaned);
    EXPECT_EQ(cleaned->to, half->bound);
    expect_compacted(records_of(f, log), half->bound);
    config.compaction_lag_min_ms = 1'000'000'000'000'000;
    log.set_config(config);
    EXPECT_EQ(log.dirtiness(f)->dirty_bytes, 0u);
  });
}

TEST_F(Compaction, leaves_each_segment_saying_how_far_it_reaches) {
  // A start that completes an exchange removes what the new segment stands for: a source that was missed would bring
  // back what had gone.
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    for (int i = 0; i < 60; ++i) ASSERT_OK(log.append(f, keyed_batch({{"a", fmt::format("x{}", i)}}), {}));
    ASSERT_OK(log.sync(f));
    ASSERT_OK(log.clean(f, {}));
    const auto segments = log.segments();
    ASSERT_GE(segments.size(), 3u);
    std::set<Offset> ends;
    for (const auto& header : headers_of(f, log)) ends.insert(header.next_offset());
    for (std::size_t i = 1; i < segments.size(); ++i) EXPECT_TRUE(ends.contains(segments[i].base)) << segments[i].base.raw();
    EXPECT_EQ(records_of(f, log).begin()->first, Offset{segments.back().base - 1}) << "and nothing else";
  });
}

TEST_F(Compaction, keeps_the_sequence_of_a_live_producer_over_a_restart) {
  const auto batch = [](std::string_view key, int sequence) {
    return keyed_batch({{std::string{key}, fmt::format("s{}", sequence)}},
                       {.producer = net::ProducerId{5}, .epoch = net::ProducerEpoch{0}, .sequence = sequence});
  };
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    for (int i = 0; i < 10; ++i) ASSERT_OK(log.append(f, batch("a", i), {}));
    for (int i = 0; i < 30; ++i) ASSERT_OK(log.append(f, keyed_batch({{"a", fmt::format("x{}", i)}}), {}));
    ASSERT_OK(log.sync(f));
    ASSERT_OK(log.clean(f, {}));
    ASSERT_GT(log.first_dirty(), Offset{12});
    EXPECT_EQ(headers_of(f, log).front().base_offset, Offset{9}) << "its last batch, empty";
    EXPECT_EQ(headers_of(f, log).front().records_count, 0);
  });
  run_on(world_, machine_, [](Fiber& f) {
    // Without the snapshots the log alone must tell.
    for (const std::string& name : names_in(f, kFolder))
      if (name.ends_with(".snapshot")) ASSERT_OK(f.node().disk().unlink(f, fmt::format("{}/{}", kFolder, name)));
    ASSERT_OK(f.node().disk().unlink(f, "/data/.kafka_cleanshutdown"));
    ASSERT_OK(f.node().disk().unlink(f, "/data/recovery-point-offset-checkpoint"));
  });
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    EXPECT_TRUE(log.append(f, batch("a", 9), {})->duplicate);
    EXPECT_TRUE(log.append(f, batch("a", 11), {}).error().is(LogReason::out_of_order_sequence));
    EXPECT_OK(log.append(f, batch("a", 10), {}));
  });
}

TEST_F(Compaction, does_not_touch_what_is_not_committed_or_of_an_open_transaction) {
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 25);
    const auto begun = log.append(f, keyed_batch({{"k0", "open"}}, {.producer = net::ProducerId{5}, .epoch = net::ProducerEpoch{0}, .sequence = 0, .transactional = true}), {.origin = AppendOrigin::coordinator});
    ASSERT_OK(begun);
    append(f, log, 40);
    const auto dirty = log.dirtiness(f);
    ASSERT_OK(dirty);
    EXPECT_LE(dirty->bound, begun->base_offset);
    EXPECT_GT(dirty->bound, Offset{0});
    ASSERT_OK(log.clean(f, {}));
    EXPECT_LE(log.first_dirty(), begun->base_offset);
    const auto ended = log.append(f, Buffer::copy_of(net::record::build_transaction_marker({.type = net::record::ControlType::abort, .producer_id = net::ProducerId{5}, .producer_epoch = net::ProducerEpoch{0}}, Offset{0}, net::LeaderEpoch{1})), {.origin = AppendOrigin::coordinator});
    ASSERT_OK(ended);
    append(f, log, 20);
    ASSERT_OK(log.clean(f, {}));
    EXPECT_GT(log.first_dirty(), ended->base_offset);
    const Seen left = records_of(f, log);
    EXPECT_FALSE(left.contains(begun->base_offset));
    EXPECT_EQ(fold(left), fold(sent_records_));
  });
}

TEST_F(Compaction, of_everything_a_reader_has_in_hand_leaves_it_readable) {
  LogConfig config = compacting();
  config.segment_bytes = 60'000;
  config.file_delete_delay_ms = 0;
  with_log(config, [&](Fiber& f, Ground&, Log& log) {
    for (int i = 0; i < 12; ++i) ASSERT_OK(log.append(f, keyed_batch({{"a", fmt::format("{}{}", i, std::string(30'000, 'x'))}}), {}));
    ASSERT_OK(log.sync(f));
    const auto slice = log.read(f, Offset{0}, {.bytes_max = 40'000});
    ASSERT_OK(slice);
    ASSERT_NE(slice->file, nullptr);
    const auto before = *kernel::read_exactly(f, *slice->file, slice->position, slice->size);
    ASSERT_OK(log.clean(f, {}));
    const auto after = kernel::read_exactly(f, *slice->file, slice->position, slice->size);
    ASSERT_OK(after);
    EXPECT_EQ(kernel::as_text(after->view()), kernel::as_text(before.view()));
    EXPECT_LE(records_of(f, log).size(), 2u);
  });
}

TEST_F(Compaction, goes_on_beside_appends_and_reads_and_loses_neither) {
  LogConfig config = compacting();
  config.file_delete_delay_ms = 50;
  with_log(config, [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 40);
    kernel::Scope scope{f};
    bool stop = false;
    int reads = 0;
    scope.spawn("appends", [&](Fiber& child) {
      for (int i = 0; i < 150; ++i) {
        append(child, log, 1);
        static_cast<void>(child.sleep(1ms));
      }
      stop = true;
    });
    scope.spawn("reads", [&](Fiber& child) {
      auto random = child.node().random(kernel::Domain::workload, 1);
      while (!stop) {
        const Offset from{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(log.committed().raw())))};
        const auto all = read_everything(child, log, from, log.committed(), 2000);
        ASSERT_OK(all);
        for (const auto& [offset, record] : records_of(*all)) EXPECT_EQ(record, sent_records_.at(offset));
        ++reads;
        static_cast<void>(child.sleep(500us));
      }
    });
    int cleanings = 0;
    while (!stop) {
      const auto cleaned = log.clean(f, {.chunk_bytes = 300});
      ASSERT_OK(cleaned);
      cleanings += cleaned->to > cleaned->from ? 1 : 0;
      ASSERT_OK(log.remove_leaving(f));
      ASSERT_OK(f.sleep(2ms));
    }
    ASSERT_OK(scope.join(f));
    EXPECT_GT(cleanings, 3);
    EXPECT_GT(reads, 20);
    EXPECT_EQ(fold(records_of(f, log)), fold(sent_records_));
  });
}

TEST_F(Compaction, keeps_to_its_rate_and_ends_at_once_when_the_log_ends) {
  run_on(world_, machine_, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, compacting()));
    append(f, *ground.log, 60);
    const std::uint64_t bytes = ground.log->size_bytes();
    cleaner::Throttle throttle;
    const kernel::Mono begun = f.now();
    std::uint64_t moved = 0;
    ASSERT_OK(ground.log->clean(f, {.chunk_bytes = 500, .rest = [&](kernel::Mono now, std::uint64_t n) {
      moved += n;
      return throttle.rest(now, n, 1000);
    }}));
    EXPECT_GT(moved, bytes);
    EXPECT_GE(f.now() - begun, std::chrono::seconds{moved / 1000 - 1});
    EXPECT_LE(f.now() - begun, std::chrono::seconds{moved / 1000 + 2});

    append(f, *ground.log, 60);
    kernel::Scope scope{f};
    scope.spawn("cleaner", [&](Fiber& child) {
      const auto cleaned = ground.log->clean(child, {.chunk_bytes = 500, .rest = [](kernel::Mono, std::uint64_t) { return kernel::Duration{1h}; }});
      EXPECT_TRUE(cleaned.error().is(kernel::Errc::closed)) << kernel::describe(cleaned.error());
    });
    ASSERT_OK(f.sleep(100ms));
    const kernel::Mono closing = f.now();
    ASSERT_OK(ground.log->close(f));
    EXPECT_LT(f.now() - closing, 1s);
    ASSERT_OK(scope.join(f));
    for (const std::string& name : names_in(f, kFolder)) EXPECT_FALSE(name.ends_with(".cleaned")) << name;
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
}

TEST_F(Compaction, of_a_full_disk_fails_without_a_trace_and_succeeds_later) {
  with_log(compacting(), [&](Fiber& f, Ground&, Log& log) {
    append(f, log, 60);
    machine_.disk().faults().full = true;
    EXPECT_TRUE(log.clean(f, {}).error().is(kernel::Errc::disk_full));
    machine_.disk().faults().full = false;
    for (const std::string& name : names_in(f, kFolder)) EXPECT_FALSE(name.ends_with(".cleaned")) << name;
    expect_compacted(records_of(f, log), Offset{0});
    ASSERT_OK(log.clean(f, {}));
    expect_compacted(records_of(f, log), log.first_dirty());
  });
}

TEST_F(Compaction, that_meets_damage_stops_for_good_and_says_so) {
  run_on(world_, machine_, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    std::shared_ptr<Log> log{*Log::open(f, *ground.shard, kOrders, compacting())};
    append(f, *log, 60);
    const auto file = f.node().disk().open(f, fmt::format("{}/{}", kFolder, segment_file_name(log->segments()[1].base, ".log")), kernel::OpenMode::read_write());
    ASSERT_OK(file);
    const std::array<Buffer, 1> rot{Buffer::copy_of("rot")};
    ASSERT_OK(kernel::write_all(f, **file, 80, rot));
    Upkeep upkeep{f.shard().metrics(), [&] { return std::vector{log}; },
                  [] { return UpkeepSettings{.retention_check = 1h, .map_bytes_max = 1 << 20, .chunk_bytes = 1000, .bytes_per_second = 1e12}; }};
    EXPECT_EQ(*upkeep.clean_all(f), 0u);
    EXPECT_EQ(upkeep.metrics().uncleanable_partitions.value(), 1);
    EXPECT_EQ(upkeep.metrics().cleanings_failed_total.value(), 1);
    EXPECT_EQ(*upkeep.clean_all(f), 0u);
    EXPECT_EQ(upkeep.metrics().cleanings_failed_total.value(), 1) << "it is not tried again";
    append(f, *log, 1);
    ASSERT_OK(log->close(f));
    log.reset();
    ASSERT_OK(ground.close(f));
  });
  EXPECT_GT(world_.error_lines(), 0u) << "nobody heard of it";
}

TEST_F(Compaction, runs_by_itself_and_shows_how_far_it_is) {
  LogConfig config = compacting();
  config.cleanable_ratio_min = 0.5;
  run_on(world_, machine_, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    std::shared_ptr<Log> log{*Log::open(f, *ground.shard, kOrders, config)};
    Upkeep upkeep{f.shard().metrics(), [&] { return std::vector{log}; },
                  [] { return UpkeepSettings{.retention_check = 1h, .cleaner_backoff = 1s, .map_bytes_max = 1 << 20, .chunk_bytes = 1000, .bytes_per_second = 1e12}; }};
    kernel::Scope scope{f};
    scope.spawn("cleaner", [&](Fiber& child) { upkeep.run_cleaner(child); });
    append(f, *log, 60);
    ASSERT_OK(f.sleep(3s));
    EXPECT_EQ(log->first_dirty(), log->segments().back().base);
    EXPECT_EQ(upkeep.metrics().cleanings_total.value(), 1);
    EXPECT_EQ(upkeep.metrics().cleaner_running.value(), 0);
    EXPECT_GT(upkeep.metrics().cleaner_records_removed_total.value(), 50);
    EXPECT_GT(upkeep.metrics().cleaner_bytes_before_total.value(), upkeep.metrics().cleaner_bytes_after_total.value());
    EXPECT_EQ(upkeep.metrics().cleaner_dirtiest_percent.value(), 0);
    const Seen before = records_of(f, *log);
    ASSERT_OK(f.sleep(5s));
    EXPECT_EQ(records_of(f, *log), before);
    scope.cancel();
    ASSERT_OK(scope.join(f));
    ASSERT_OK(log->close(f));
    log.reset();
    ASSERT_OK(ground.close(f));
  });
}

}  // namespace
}  // namespace broker::log
