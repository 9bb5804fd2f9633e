// Disks that fill up, fail a sync or rot, and what a log makes of it.
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;
using sim::CrashKind;

LogConfig segments_of_4000() { return {.segment_bytes = 4000, .index_interval_bytes = 300}; }
Buffer sequenced(int sequence) {
  return make_batch(fmt::format("s{}", sequence), {.timestamp_ms = 1'700'000'000'000, .producer = net::ProducerId{5},
                                                   .epoch = net::ProducerEpoch{0}, .sequence = sequence});
}

TEST(LogTroubleTest, a_full_disk_undoes_what_was_queued_and_nothing_else) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {.segment_bytes = 1 << 20}));
    Log& log = *ground.log;
    for (int i = 0; i < 3; ++i) ASSERT_OK(log.append(f, sequenced(i), {}));
    const ProducerState before = log.producers();
    const Offset end = log.next();
    machine.disk().faults().full = true;
    std::vector<Appended> doomed;
    for (int i = 3; i < 40; ++i) {
      const auto submitted = log.submit(make_batch("x", {.value_bytes = 3000}), {});
      ASSERT_OK(submitted);
      doomed.push_back(*submitted);
    }
    const auto retried = log.submit(sequenced(3), {});
    ASSERT_OK(retried);
    const auto again = log.submit(sequenced(3), {});
    ASSERT_OK(again);
    EXPECT_TRUE(again->duplicate);
    EXPECT_TRUE(log.wait_written(f, *again).error().is(kernel::Errc::disk_full)) << "a duplicate of what is not there";
    for (const Appended& a : doomed) EXPECT_TRUE(log.wait_written(f, a).error().is(kernel::Errc::disk_full));
    EXPECT_EQ(log.next(), end);
    EXPECT_EQ(log.producers(), before);
    EXPECT_TRUE(ground.shard->full());
    machine.disk().faults().full = false;
    const auto done = log.append(f, sequenced(3), {});
    ASSERT_OK(done);
    EXPECT_FALSE(ground.shard->full());
    EXPECT_EQ(done->base_offset, end);
    EXPECT_FALSE(done->duplicate);
    EXPECT_TRUE(log.wait_committed(f, doomed.front()).error().is(kernel::Errc::disk_full));
    ASSERT_OK(log.wait_committed(f, *done));
    ASSERT_OK(log.close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
  EXPECT_GT(world.marks().at("broker.log.disk_full_rolled_back"), 0u);
}

TEST(LogTroubleTest, a_want_of_file_descriptors_refuses_what_needs_one_and_passes) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {.segment_bytes = 4000}));
    Log& log = *ground.log;
    ASSERT_OK(log.append(f, make_batch("x", {.value_bytes = 3000}), {}));
    machine.disk().faults().no_descriptors = true;
    for (int i = 0; i < 3; ++i) {
      const auto submitted = log.submit(make_batch("x", {.value_bytes = 3000}), {});  // in a segment of its own
      ASSERT_OK(submitted);
      EXPECT_TRUE(log.wait_written(f, *submitted).error().is(kernel::Errc::too_many_files));
    }
    EXPECT_TRUE(ground.shard->online());
    EXPECT_EQ(log.next(), Offset{1});
    machine.disk().faults().no_descriptors = false;
    const auto done = log.append(f, make_batch("x", {.value_bytes = 3000}), {});
    ASSERT_OK(done);
    EXPECT_EQ(done->base_offset, Offset{1});
    ASSERT_OK(log.wait_committed(f, *done));
    ASSERT_OK(log.close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
  EXPECT_EQ(world.marks().at("broker.log.no_descriptor_rolled_back"), 3u);
  EXPECT_EQ(world.error_lines(), 0u);
}

TEST(LogTroubleTest, a_log_that_was_half_made_for_want_of_a_descriptor_is_durable_when_it_serves) {
  int failed = 0;
  for (std::uint64_t point = 0; point < 12; ++point) {
    SCOPED_TRACE(point);
    kernel::StackPool stacks;
    sim::World world{{.seed = 40 + point}, stacks};
    sim::Machine& machine = world.add_machine("m");
    // Otherwise one journal orders all names, and any later sync keeps this one too.
    machine.disk().image().set_personality(sim::Personality::strict);
    sim::DiskFaults& faults = machine.disk().faults();
    std::optional<std::uint64_t> opening_from;
    bool ended = false;
    world.boot(machine, 1, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      opening_from = machine.disk().operations_issued();
      auto log = Log::open(f, *ground.shard, kOrders, segments_of_4000());
      faults.no_descriptors = false;
      if (!log) {
        ++failed;
        EXPECT_TRUE(log.error().is(kernel::Errc::too_many_files));
        log = Log::open(f, *ground.shard, kOrders, segments_of_4000());
      }
      ASSERT_OK(log);
      ground.log = std::move(*log);
      const auto done = ground.log->append(f, make_batch("kept"), {});
      ASSERT_OK(done);
      ASSERT_OK(ground.log->wait_committed(f, *done));
      ended = true;
      static_cast<void>(f.sleep(1h));
    });
    while (!ended) {
      if (opening_from && !ended && machine.disk().operations_issued() == *opening_from + point) {
        faults.no_descriptors = true;
        opening_from.reset();
      }
      ASSERT_TRUE(world.step());
    }
    world.kill(machine, CrashKind::power_loss);
    run_on(world, machine, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, segments_of_4000());
      ASSERT_OK(log);
      EXPECT_EQ((*log)->next(), Offset{1});
      ASSERT_OK((*log)->close(f));
      log->reset();
      ASSERT_OK(ground.close(f));
    });
  }
  EXPECT_GE(failed, 6) << "descriptors ran out elsewhere";
}

TEST(LogTroubleTest, a_sync_without_a_descriptor_for_the_directory_waits_and_fails_nothing) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  sim::DiskFaults& faults = machine.disk().faults();
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_of_4000()));
    Log& log = *ground.log;
    ASSERT_OK(log.append(f, make_batch("x", {.value_bytes = 3000}), {}));
    const auto second = log.submit(make_batch("x", {.value_bytes = 3000}), {});  // in a segment of its own
    ASSERT_OK(second);
    while (log.segments().size() == 1) ASSERT_OK(f.sleep(1us));
    faults.no_descriptors = true;
    {
      const auto within = f.deadline_in(2s);
      const auto waited = log.wait_committed(f, *second);
      EXPECT_TRUE(!waited && waited.error().is(kernel::Errc::deadline));
    }
    EXPECT_TRUE(ground.shard->online());
    faults.no_descriptors = false;
    ASSERT_OK(log.wait_committed(f, *second));
    ASSERT_OK(log.close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
  EXPECT_GT(world.marks().at("broker.log.sync_waits_for_descriptor"), 5u);
}

TEST(LogTroubleTest, an_epoch_that_did_not_fit_the_disk_is_on_record_before_its_first_batch) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  sim::DiskFaults& faults = machine.disk().faults();
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {.segment_bytes = 1 << 20}));
    Log& log = *ground.log;
    ASSERT_OK(log.begin_epoch(f, net::LeaderEpoch{0}));
    ASSERT_OK(log.append(f, make_batch("x"), {}));
    const auto stored = [&] {
      const auto file = f.node().disk().open(f, "/data/orders-0/leader-epoch-checkpoint", {});
      return std::string{kernel::as_text(kernel::read_all(f, **file)->view())};
    };
    faults.full = true;
    const AppendOptions of_epoch_2{.leader_epoch = net::LeaderEpoch{2}};
    EXPECT_TRUE(log.append(f, make_batch("y"), of_epoch_2).error().is(kernel::Errc::disk_full));
    EXPECT_TRUE(log.begin_epoch(f, net::LeaderEpoch{2}).error().is(kernel::Errc::disk_full));
    EXPECT_EQ(stored(), "0\n1\n0 0\n");
    faults.full = false;
    ASSERT_OK(log.append(f, make_batch("y"), of_epoch_2));
    EXPECT_EQ(stored(), "0\n2\n0 0\n2 1\n");
    faults.full = true;
    EXPECT_TRUE(log.begin_epoch(f, net::LeaderEpoch{3}).error().is(kernel::Errc::disk_full));
    faults.full = false;
    ASSERT_OK(log.begin_epoch(f, net::LeaderEpoch{3}));
    EXPECT_EQ(stored(), "0\n3\n0 0\n2 1\n3 2\n") << "begun once in memory only";
    ASSERT_OK(log.close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
}

TEST(LogTroubleTest, a_removal_that_failed_leaves_a_log_that_is_nobodys) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  sim::DiskFaults& faults = machine.disk().faults();
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {}));
    ASSERT_OK(ground.log->append(f, make_batch("x"), {}));
    ASSERT_OK(ground.log->sync(f));
    faults.read_only = true;
    EXPECT_TRUE(ground.log->remove(f).error().is(kernel::Errc::read_only));
    ground.log.reset();
    faults.read_only = false;
    // A topic of the same name is another one; it is told so, and the broker goes on.
    const LogIdentity again{.topic = "orders", .partition = net::PartitionId{0}, .topic_id = net::TopicId{{8, 8}}};
    EXPECT_TRUE(Log::open(f, *ground.shard, again, {}).error().is(LogReason::foreign_topic_id));
    ASSERT_OK(ground.close(f));
    EXPECT_FALSE(kernel::exists(f, f.node().disk(), "/data/.kafka_cleanshutdown").value()) << "it was not closed";
  });
}

TEST(LogTroubleTest, a_failed_sync_takes_the_directory_offline_on_every_shard_and_commits_nothing) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    kernel::Shard& other = *f.node().shards()[1];
    kernel::call_on(f, other, [&](Fiber& there) {
      Ground elsewhere{there};
      elsewhere.shard = std::move(*ground.directory->on_shard(there, elsewhere.scope));
      elsewhere.log = std::move(*Log::open(there, *elsewhere.shard, {"other", net::PartitionId{0}, net::TopicId{{1, 1}}}, {}));
      kernel::call_on(there, f.shard(), [&](Fiber& home) {
        ground.log = std::move(*Log::open(home, *ground.shard, kOrders, {}));
        EXPECT_OK(ground.log->begin_epoch(home, net::LeaderEpoch{0}));
        EXPECT_OK(home.sleep(100ms));
        machine.disk().faults().sync_error_ppm = 1'000'000;
        const auto done = ground.log->append(home, make_batch("x"), {});
        EXPECT_OK(done);
        EXPECT_TRUE(ground.log->wait_committed(home, *done).error().is(LogReason::directory_offline));
        EXPECT_EQ(ground.log->committed(), Offset{0});
        machine.disk().faults().sync_error_ppm = 0;
        EXPECT_TRUE(ground.log->submit(make_batch("y"), {}).error().is(LogReason::directory_offline));
        EXPECT_TRUE(ground.log->sync(home).error().is(LogReason::directory_offline));
        EXPECT_OK(home.sleep(1s));
        return true;
      });
      EXPECT_FALSE(elsewhere.shard->online());
      EXPECT_TRUE(elsewhere.log->submit(make_batch("z"), {}).error().is(LogReason::directory_offline));
      EXPECT_OK(elsewhere.log->wait_idle(there));
      elsewhere.log.reset();
      EXPECT_OK(elsewhere.shard->close(there));
      EXPECT_OK(elsewhere.scope.join(there));
      return true;
    });
    EXPECT_FALSE(ground.directory->online());
    EXPECT_OK(ground.log->wait_idle(f));
    ground.log.reset();
    EXPECT_OK(ground.close(f));
    EXPECT_FALSE(kernel::exists(f, f.node().disk(), "/data/.kafka_cleanshutdown").value());
  }, 2);
}

TEST(LogTroubleTest, a_close_that_fails_leaves_nobody_at_work_on_the_log) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 5}, stacks};
  sim::Machine& machine = world.add_machine("m");
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {.durability = Durability::relaxed}));
    ASSERT_OK(ground.log->append(f, make_batch("x"), {}));
    ASSERT_OK(f.sleep(100ms));
    machine.disk().faults().slow_factor = 10'000;
    kernel::Scope scope{f};
    scope.spawn("trouble", [&](Fiber& child) {
      static_cast<void>(child.sleep(10ms));  // close() waits for its sync then
      ground.shard->go_offline(child, kernel::fail(kernel::Errc::io).error(), "elsewhere");
    });
    EXPECT_TRUE(ground.log->close(f).error().is(LogReason::directory_offline));
    ASSERT_OK(scope.join(f));
    ground.log.reset();
    machine.disk().faults().slow_factor = 1;
    ASSERT_OK(ground.close(f));
  });
}

TEST(LogTroubleTest, only_a_start_that_has_looked_at_every_log_turns_an_unclean_stop_into_a_clean_one) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 8}, stacks};
  sim::Machine& machine = world.add_machine("m");
  run_and_crash(world, machine, CrashKind::process_kill, [&](Fiber& f, Ground& ground) {
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_of_4000()));
    ASSERT_OK(ground.log->append(f, make_batch("x"), {}));
  });
  const auto start_and_stop = [&](bool with_log) {
    bool marked = false;
    run_on(world, machine, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      if (with_log) {
        ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_of_4000()));
        ASSERT_OK(ground.log->close(f));
        ground.log.reset();
      }
      ASSERT_OK(ground.close(f));
      marked = kernel::exists(f, f.node().disk(), "/data/.kafka_cleanshutdown").value();
    });
    return marked;
  };
  EXPECT_FALSE(start_and_stop(false)) << "the log was never recovered";
  EXPECT_TRUE(start_and_stop(true));
  EXPECT_TRUE(start_and_stop(false)) << "nothing was touched";
}

/// Twenty batches synced and below the watermark, then the power goes; `spoil` may change the file meanwhile.
void after_power_loss(std::function<void(Fiber&, kernel::File&)> spoil, std::function<void(Fiber&, Ground&)> look) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 8}, stacks};
  sim::Machine& machine = world.add_machine("m");
  run_and_crash(world, machine, CrashKind::power_loss, [&](Fiber& f, Ground& ground) {
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, segments_of_4000()));
    for (int i = 0; i < 20; ++i) ASSERT_OK(ground.log->append(f, make_batch(fmt::format("b{}", i)), {}));
    ASSERT_OK(ground.log->sync(f));
    ASSERT_OK(f.sleep(200ms));
  });
  run_on(world, machine, [&](Fiber& f) {
    const auto file = f.node().disk().open(f, "/data/orders-0/00000000000000000000.log", kernel::OpenMode::read_write());
    ASSERT_OK(file);
    spoil(f, **file);
    ASSERT_OK((*file)->datasync(f));
  });
  run_on(world, machine, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    look(f, ground);
    if (ground.log != nullptr) {
      EXPECT_OK(ground.log->close(f));
      ground.log.reset();
    }
    ASSERT_OK(ground.close(f));
  });
}

TEST(LogTroubleTest, damage_below_the_synced_watermark_is_refused_and_left_as_it_is) {
  std::string spoiled;
  after_power_loss(
      [&](Fiber& f, kernel::File& file) {
        const std::array<Buffer, 1> rot{Buffer::copy_of("rot")};
        ASSERT_OK(kernel::write_all(f, file, 700, rot));
        const auto bytes = kernel::read_all(f, file);
        spoiled = kernel::as_text(bytes->view());
      },
      [&](Fiber& f, Ground& ground) {
        for (int attempt = 0; attempt < 2; ++attempt) {
          const auto log = Log::open(f, *ground.shard, kOrders, segments_of_4000());
          ASSERT_FALSE(log.has_value());
          EXPECT_TRUE(log.error().is(LogReason::damaged)) << kernel::describe(log.error());
        }
        const auto file = f.node().disk().open(f, "/data/orders-0/00000000000000000000.log", {});
        EXPECT_EQ(kernel::as_text(kernel::read_all(f, **file)->view()), spoiled);
      });
}

TEST(LogTroubleTest, bytes_missing_below_the_synced_watermark_are_damage_too) {
  after_power_loss([](Fiber& f, kernel::File& file) { ASSERT_OK(file.truncate(f, 0)); },
                   [](Fiber& f, Ground& ground) {
                     const auto log = Log::open(f, *ground.shard, kOrders, segments_of_4000());
                     ASSERT_FALSE(log.has_value());
                     EXPECT_TRUE(log.error().is(LogReason::damaged)) << kernel::describe(log.error());
                   });
}

TEST(LogTroubleTest, garbage_behind_the_last_batch_is_a_torn_tail) {
  after_power_loss(
      [](Fiber& f, kernel::File& file) {
        const std::array<Buffer, 1> tail{Buffer::copy_of(std::string(500, 'g'))};
        ASSERT_OK(kernel::write_all(f, file, *file.size(f), tail));
      },
      [](Fiber& f, Ground& ground) {
        auto log = Log::open(f, *ground.shard, kOrders, segments_of_4000());
        ASSERT_OK(log);
        ground.log = std::move(*log);
        EXPECT_EQ(ground.log->next(), Offset{20});
        EXPECT_OK(read_everything(f, *ground.log, Offset{0}, Offset{20}));
      });
}

TEST(LogTroubleTest, other_valid_batches_of_a_later_epoch_void_the_watermark) {
  after_power_loss(
      [](Fiber& f, kernel::File& file) {
        // Another broker cut the log and wrote five other batches.
        ASSERT_OK(file.truncate(f, 0));
        std::uint64_t at = 0;
        for (int i = 0; i < 30; ++i) {
          Buffer batch = make_batch(fmt::format("o{}", i));
          net::record::stamp_base_offset(batch.stamp(), Offset{i});
          net::record::stamp_leader_epoch(batch.stamp(), net::LeaderEpoch{1});
          ASSERT_OK(kernel::write_all(f, file, at, {&batch, 1}));
          at += batch.size();
        }
      },
      [](Fiber& f, Ground& ground) {
        auto log = Log::open(f, *ground.shard, kOrders, segments_of_4000());
        ASSERT_OK(log);
        ground.log = std::move(*log);
        EXPECT_EQ(ground.log->next(), Offset{30});
      });
}

TEST(LogTroubleTest, a_directory_that_is_in_use_or_of_another_cluster_is_refused) {
  run([](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    EXPECT_TRUE(LogDirectory::open(f, "/data", {.node_id = 1}).error().is(kernel::Errc::locked));
    ASSERT_OK(ground.close(f));
    EXPECT_TRUE(LogDirectory::open(f, "/data", {.cluster_id = "x", .node_id = 1}).error().is(LogDirectoryReason::foreign_cluster));
    EXPECT_TRUE(LogDirectory::open(f, "/data", {.node_id = 2}).error().is(LogDirectoryReason::foreign_node));
    ASSERT_OK(ground.open(f));
    EXPECT_TRUE(ground.directory->was_clean());
    EXPECT_EQ(ground.directory->previous_broker_epoch(), 3);
    ASSERT_OK(ground.close(f));
  });
}

}  // namespace
}  // namespace broker::log
