// What retention lets go of, and what it must not: age by the records' timestamps, size, the log start.
#include "broker/log/upkeep.h"
#include "tests/broker/log/cleaner/keyed_log.h"

namespace broker::log {
namespace {

using namespace testing;


/// About three batches a segment.
LogConfig expiring() { return {.segment_bytes = 700, .index_interval_bytes = 150, .deletes = true}; }

class Retention : public ::testing::Test {
 protected:
  /// Batches of one record each, `age_ms` old, all of them synced.
  static void append(Fiber& f, Log& log, int batches, std::int64_t age_ms, std::int64_t timestamp_ms = INT64_MIN) {
    const std::int64_t stamp = timestamp_ms == INT64_MIN ? kernel::ms_of(f.wall()) - age_ms : timestamp_ms;
    for (int i = 0; i < batches; ++i) {
      const auto done = log.append(f, make_batch(fmt::format("b{}", i), {.value_bytes = 150, .timestamp_ms = stamp}), {});
      ASSERT_OK(done);
      ASSERT_OK(log.wait_committed(f, *done));
    }
  }
  void with_log(const LogConfig& config, const std::function<void(Fiber&, Log&)>& body) {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, config);
      ASSERT_OK(log);
      ground.log = std::move(*log);
      body(f, *ground.log);
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
  }
  static std::vector<Offset> bases(const Log& log) {
    std::vector<Offset> out;
    for (const auto& segment : log.segments()) out.push_back(segment.base);
    return out;
  }
  static std::size_t files_ending(Fiber& f, std::string_view suffix) {
    const auto names = names_in(f, kFolder);
    return static_cast<std::size_t>(std::ranges::count_if(names, [&](const std::string& n) { return n.ends_with(suffix); }));
  }

  kernel::StackPool stacks_;
  sim::World world_{{.seed = 4}, stacks_};
  sim::Machine& machine_ = world_.add_machine("m");
};

TEST_F(Retention, by_time_takes_segments_of_which_every_record_is_too_old) {
  LogConfig config = expiring();
  config.retention_ms = 10'000;
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 9, 20'000);
    append(f, log, 6, 1'000);
    const auto before = bases(log);
    ASSERT_GE(before.size(), 5u);
    const auto done = log.apply_retention(f);
    ASSERT_OK(done);
    // The segment with the first young record stays as a whole.
    const Offset start = log.log_start();
    EXPECT_GT(done->segments, 0u);
    EXPECT_LE(start, Offset{9});
    EXPECT_GT(start, Offset{5});
    EXPECT_EQ(bases(log).front(), start);
    EXPECT_EQ(log.next(), Offset{15});
    EXPECT_OK(read_everything(f, log, start, Offset{15}));
    EXPECT_TRUE(log.read(f, Offset{0}, {}).error().is(LogReason::offset_out_of_range));
    const auto again = log.apply_retention(f);
    ASSERT_OK(again);
    EXPECT_EQ(again->segments, 0u);
  });
}

TEST_F(Retention, one_young_record_keeps_its_segment_and_all_behind_it) {
  LogConfig config = expiring();
  config.retention_ms = 10'000;
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 1, 0);
    append(f, log, 12, 100'000);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{0});
  });
}

TEST_F(Retention, rolls_the_active_segment_when_all_of_it_is_too_old) {
  LogConfig config = expiring();
  config.retention_ms = 10'000;
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 4, 20'000);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{4});
    EXPECT_EQ(log.segments().size(), 1u);
    EXPECT_EQ(log.size_bytes(), 0u);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(bases(log), std::vector{Offset{4}}) << "an empty log is not rolled";
    append(f, log, 1, 0);
    EXPECT_EQ(log.next(), Offset{5});
  });
  with_log(config, [](Fiber&, Log& log) {
    EXPECT_EQ(log.log_start(), Offset{4});
    EXPECT_EQ(log.next(), Offset{5});
  });
}

TEST_F(Retention, of_records_without_timestamps_goes_by_when_they_were_written) {
  LogConfig config = expiring();
  config.retention_ms = 10'000;
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 9, 0, -1);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{0});
    ASSERT_OK(f.sleep(11s));
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{9});
  });
}

TEST_F(Retention, reads_ages_of_segments_that_a_start_has_not_loaded) {
  LogConfig config = expiring();
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 9, 20'000);
    append(f, log, 6, 1'000);
  });
  config.retention_ms = 10'000;
  with_log(config, [](Fiber& f, Log& log) {
    ASSERT_OK(log.apply_retention(f));
    EXPECT_GT(log.log_start(), Offset{5});
    EXPECT_LE(log.log_start(), Offset{9});
  });
}

TEST_F(Retention, by_size_leaves_at_least_the_bound) {
  LogConfig config = expiring();
  config.retention_bytes = 1500;
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 20, 0);
    const std::uint64_t before = log.size_bytes();
    ASSERT_GT(before, 3000u);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_GE(log.size_bytes(), 1500u);
    EXPECT_LT(log.size_bytes(), 1500u + 700u);
  });
}

TEST_F(Retention, leaves_alone_what_a_policy_without_delete_holds) {
  LogConfig config = expiring();
  config.deletes = false;
  config.compacts = true;
  config.retention_ms = 1;
  config.retention_bytes = 0;
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 12, 20'000);
    const auto before = bases(log);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(bases(log), before);
    // Below the log start nothing is held, whatever the policy.
    ASSERT_OK(log.advance_start(f, before[2]));
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(bases(log).front(), before[2]);
  });
}

TEST_F(Retention, of_all_that_a_producer_wrote_leaves_it_known_over_two_unclean_starts) {
  const auto crash = [&] {
    run_on(world_, machine_, [](Fiber& f) {
      ASSERT_OK(f.node().disk().unlink(f, "/data/.kafka_cleanshutdown"));
      static_cast<void>(f.node().disk().unlink(f, "/data/recovery-point-offset-checkpoint"));
    });
  };
  const auto batch = [] { return make_batch("p", {.producer = net::ProducerId{5}, .epoch = net::ProducerEpoch{0}, .sequence = 0}); };
  LogConfig config{.segment_bytes = 500};
  with_log(config, [&](Fiber& f, Log& log) {
    ASSERT_OK(log.append(f, batch(), {}));
    for (int i = 0; i < 40; ++i) ASSERT_OK(log.append(f, make_batch(fmt::format("{}", i)), {}));
  });
  crash();
  config.retention_bytes = 1000;
  config.deletes = true;
  with_log(config, [&](Fiber& f, Log& log) {
    ASSERT_OK(log.apply_retention(f));
    ASSERT_GT(log.log_start(), Offset{1});
  });
  crash();
  with_log(config, [&](Fiber& f, Log& log) { EXPECT_TRUE(log.append(f, batch(), {})->duplicate); });
}

TEST_F(Retention, a_log_that_lost_its_end_below_its_start_knows_its_producers) {
  // Relaxed: what was deleted up to was never safe. Seed 1712 of broker-survives.
  const auto batch = [] { return make_batch("p", {.producer = net::ProducerId{5}, .epoch = net::ProducerEpoch{0}, .sequence = 0}); };
  std::uint64_t first_batch_bytes = 0;
  with_log({}, [&](Fiber& f, Log& log) {
    ASSERT_OK(log.append(f, batch(), {}));
    ASSERT_OK(log.sync(f));
    first_batch_bytes = log.size_bytes();
    for (int i = 0; i < 5; ++i) ASSERT_OK(log.append(f, make_batch("x"), {}));
    ASSERT_OK(log.sync(f));
    ASSERT_OK(log.advance_start(f, Offset{4}));
  });
  run_on(world_, machine_, [&](Fiber& f) {
    kernel::Disk& disk = f.node().disk();
    ASSERT_OK(disk.unlink(f, "/data/.kafka_cleanshutdown"));
    ASSERT_OK(disk.unlink(f, "/data/recovery-point-offset-checkpoint"));
    const auto entries = disk.list(f, "/data");
    ASSERT_OK(entries);
    for (const auto& entry : *entries) {
      if (entry.name.starts_with(kWatermarkFile)) ASSERT_OK(disk.unlink(f, "/data/" + entry.name));
      if (!entry.is_directory) continue;
      const auto files = disk.list(f, "/data/" + entry.name);
      ASSERT_OK(files);
      for (const auto& file : *files) {
        const std::string path = "/data/" + entry.name + "/" + file.name;
        if (file.name.ends_with(".snapshot")) ASSERT_OK(disk.unlink(f, path));
        if (!file.name.ends_with(".log")) continue;
        const auto log = disk.open(f, path, kernel::OpenMode::read_write());
        ASSERT_OK(log);
        ASSERT_OK((*log)->truncate(f, first_batch_bytes));
      }
    }
  });
  for (const bool first_start : {true, false}) {
    with_log({}, [&](Fiber& f, Log& log) {
      EXPECT_EQ(log.log_start(), Offset{4});
      EXPECT_EQ(log.next(), Offset{first_start ? 4 : 5});
      const auto again = log.append(f, batch(), {});
      ASSERT_OK(again);
      EXPECT_TRUE(again->duplicate);
      if (first_start) ASSERT_OK(log.append(f, make_batch("y"), {}));
    });
    run_on(world_, machine_, [](Fiber& f) { static_cast<void>(f.node().disk().unlink(f, "/data/.kafka_cleanshutdown")); });
  }
}

TEST_F(Retention, a_start_whose_client_gives_up_is_in_nobodys_way) {
  // The wait for a file may end in the middle of its making: seed 1331 of broker-survives.
  with_log({}, [&](Fiber& f, Log& log) {
    for (int i = 0; i < 200; ++i) {
      ASSERT_OK(log.append(f, make_batch("x"), {}));
      ASSERT_OK(log.begin_epoch(f, net::LeaderEpoch{2 * i}));
      ASSERT_OK(log.append(f, make_batch("y"), {.leader_epoch = net::LeaderEpoch{2 * i}}));
      ASSERT_OK(log.sync(f));
      {
        const auto within = f.deadline_in(std::chrono::microseconds{5 * i});
        static_cast<void>(log.advance_start(f, Offset{2 * i + 1}));
      }
      ASSERT_OK(log.begin_epoch(f, net::LeaderEpoch{2 * i + 1}));
    }
  });
}

TEST_F(Retention, never_passes_what_is_committed) {
  LogConfig config = expiring();
  config.retention_bytes = 0;
  with_log(config, [&](Fiber& f, Log& log) {
    append(f, log, 6, 0);
    machine_.disk().faults().slow_factor = 500;
    kernel::Scope scope{f};
    scope.spawn("appends", [&](Fiber& child) {
      for (int i = 0; i < 9; ++i) EXPECT_OK(log.append(child, make_batch(fmt::format("s{}", i), {.value_bytes = 150}), {}));
    });
    for (int i = 0; i < 200 && log.written_end() <= log.committed(); ++i) ASSERT_OK(f.sleep(1ms));
    const Offset committed = log.committed();
    ASSERT_OK(log.apply_retention(f));
    EXPECT_LE(log.log_start(), std::max(committed, log.committed()));
    EXPECT_LE(log.log_start(), log.committed());
    machine_.disk().faults().slow_factor = 1;
    ASSERT_OK(scope.join(f));
  });
}

TEST_F(Retention, takes_a_changed_setting_at_the_next_look) {
  with_log(expiring(), [](Fiber& f, Log& log) {
    append(f, log, 12, 20'000);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{0});
    LogConfig config = expiring();
    config.retention_ms = 1000;
    log.set_config(config);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{12});
  });
}

TEST_F(Retention, keeps_files_for_a_while_under_another_name_and_readers_keep_theirs) {
  LogConfig config = expiring();
  config.retention_bytes = 0;
  config.file_delete_delay_ms = 5000;
  with_log(config, [](Fiber& f, Log& log) {
    append(f, log, 30, 0);
    const std::string before = *read_everything(f, log, Offset{0}, Offset{30});
    const auto slice = log.read(f, Offset{0}, {.bytes_max = 1, .end = Offset{3}});
    ASSERT_OK(slice);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(log.log_start(), Offset{30});
    EXPECT_GT(files_ending(f, ".log.deleted"), 5u);
    EXPECT_EQ(files_ending(f, ".log"), 1u);
    ASSERT_OK(log.remove_leaving(f));
    EXPECT_GT(files_ending(f, ".log.deleted"), 5u) << "too early";
    ASSERT_OK(f.sleep(5s));
    EXPECT_LE(log.next_leaving(), f.now());
    ASSERT_OK(log.remove_leaving(f));
    EXPECT_EQ(files_ending(f, ".deleted"), 0u);
    EXPECT_EQ(log.next_leaving(), kernel::kNever);
  });
}

TEST_F(Retention, of_a_segment_that_is_being_read_leaves_the_reader_its_file) {
  LogConfig config = expiring();
  config.segment_bytes = 60'000;
  config.retention_bytes = 0;
  with_log(config, [](Fiber& f, Log& log) {
    for (int i = 0; i < 12; ++i) ASSERT_OK(log.append(f, make_batch(fmt::format("b{}", i), {.value_bytes = 30'000}), {}));
    ASSERT_OK(log.sync(f));
    const auto slice = log.read(f, Offset{0}, {.bytes_max = 40'000});
    ASSERT_OK(slice);
    ASSERT_NE(slice->file, nullptr) << "a copy shows nothing";
    const auto expected = kernel::read_exactly(f, *slice->file, slice->position, slice->size);
    ASSERT_OK(log.apply_retention(f));
    EXPECT_EQ(files_ending(f, ".log"), 1u);
    const auto still = kernel::read_exactly(f, *slice->file, slice->position, slice->size);
    ASSERT_OK(still);
    EXPECT_EQ(kernel::as_text(still->view()), kernel::as_text(expected->view()));
  });
}

TEST_F(Retention, runs_by_itself_and_counts_what_it_does) {
  LogConfig config = expiring();
  config.retention_ms = 10'000;
  config.file_delete_delay_ms = 3000;
  run_on(world_, machine_, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    std::shared_ptr<Log> log{*Log::open(f, *ground.shard, kOrders, config)};
    append(f, *log, 9, 0);
    Upkeep upkeep{f.shard().metrics(), [&] { return std::vector{log}; },
                  [] { return UpkeepSettings{.retention_check = 1s}; }};
    kernel::Scope scope{f};
    scope.spawn("retention", [&](Fiber& child) { upkeep.run_retention(child); });
    ASSERT_OK(f.sleep(8s));
    EXPECT_EQ(log->log_start(), Offset{0});
    ASSERT_OK(f.sleep(4s));
    EXPECT_EQ(log->log_start(), Offset{9});
    EXPECT_EQ(upkeep.metrics().retention_segments_total.value(), 3);
    EXPECT_GT(upkeep.metrics().retention_bytes_total.value(), 1000);
    ASSERT_OK(f.sleep(4s));
    EXPECT_EQ(files_ending(f, ".deleted"), 0u);
    scope.cancel();
    ASSERT_OK(scope.join(f));
    ASSERT_OK(log->close(f));
    log.reset();
    ASSERT_OK(ground.close(f));
  });
}

}  // namespace
}  // namespace broker::log
