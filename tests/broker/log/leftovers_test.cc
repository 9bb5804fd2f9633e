// What Kafka leaves in a partition's directory when it is killed in the middle of something: files on their way out,
// compactions half done, indexes with room for entries that never came.
#include "broker/log/batch_scan.h"
#include "broker/log/watermark_file.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;

constexpr int kLeftoverBatches = 30;

LogConfig leftover_segments() { return {.segment_bytes = 3000, .index_interval_bytes = 600}; }

std::string text_of(Fiber& f, const std::string& path) {
  const auto file = f.node().disk().open(f, path, kernel::OpenMode::read_only());
  EXPECT_TRUE(file.has_value()) << path;
  return file ? std::string{kernel::as_text(kernel::read_all(f, **file)->view())} : std::string{};
}
void put_file(Fiber& f, const std::string& path, std::string_view bytes) {
  EXPECT_OK(kernel::replace_file(f, f.node().disk(), path, kernel::as_bytes(bytes)));
}
std::vector<std::string> names(Fiber& f) {
  std::vector<std::string> out;
  const auto entries = f.node().disk().list(f, std::string{kFolder});
  for (const auto& entry : *entries) out.push_back(entry.name);
  return out;
}

/// A log of thirty batches in several segments, and the bases of those. Kafka, which had it last, was killed.
class Leftovers : public ::testing::Test {
 protected:
  explicit Leftovers(std::uint64_t seed = 3) : world_{{.seed = seed}, stacks_} {}
  void SetUp() override {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      ground.log = std::move(*Log::open(f, *ground.shard, kOrders, leftover_segments()));
      for (int i = 0; i < kLeftoverBatches; ++i)
        ASSERT_OK(ground.log->append(f, make_batch(fmt::format("b{}", i), {.value_bytes = 200, .timestamp_ms = 1000 + i}), {}));
      for (const auto& segment : ground.log->segments()) bases_.push_back(segment.base);
      all_ = *read_everything(f, *ground.log, Offset{0}, Offset{kLeftoverBatches});
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
      ASSERT_OK(f.node().disk().unlink(f, "/data/.kafka_cleanshutdown"));
    });
    ASSERT_GE(bases_.size(), 3u);
  }
  /// The bytes of these batches of the log, as a segment holds them.
  std::string batches(std::int64_t from, std::int64_t end, std::int64_t step = 1) const {
    std::string out;
    net::record::BatchReader reader{kernel::as_bytes(all_)};
    while (const auto batch = *reader.next()) {
      const std::int64_t at = batch->header.base_offset.raw();
      if (at >= from && at < end && (at - from) % step == 0) out += kernel::as_text(batch->bytes);
    }
    return out;
  }
  void change(const std::function<void(Fiber&)>& body) { run_on(world_, machine_, body); }
  /// Opens the log, which then holds exactly `expected` up to the last batch, takes one more, and closes.
  void expect_log(std::string_view expected, const std::function<void(Fiber&, Log&)>& look = {}) {
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, leftover_segments());
      ASSERT_OK(log);
      ground.log = std::move(*log);
      EXPECT_EQ(ground.log->next(), Offset{kLeftoverBatches});
      const auto read = read_everything(f, *ground.log, Offset{0}, Offset{kLeftoverBatches});
      ASSERT_OK(read);
      EXPECT_EQ(read->size(), expected.size());
      EXPECT_TRUE(*read == expected);
      for (const std::string& name : names(f))
        for (const std::string_view suffix : {".deleted", ".cleaned", ".swap", ".tmp"})
          EXPECT_FALSE(name.ends_with(suffix)) << name;
      ASSERT_OK(ground.log->append(f, make_batch("more"), {}));
      if (look) look(f, *ground.log);
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
  }

  kernel::StackPool stacks_;
  sim::World world_;
  sim::Machine& machine_ = world_.add_machine("m");
  std::vector<Offset> bases_;
  std::string all_;
};

TEST_F(Leftovers, that_were_to_be_deleted_go_and_the_log_is_as_it_was) {
  change([&](Fiber& f) {
    for (const std::string_view suffix : {".log.deleted", ".index.deleted", ".timeindex.deleted", ".snapshot.deleted"})
      put_file(f, in_folder(Offset{0}, suffix), "gone");
    put_file(f, fmt::format("{}/leader-epoch-checkpoint.tmp", kFolder), "half");
  });
  expect_log(all_);
}

TEST_F(Leftovers, of_a_cleaning_that_had_not_ended_go_with_all_it_was_about_to_swap_in) {
  change([&](Fiber& f) {
    // The segments from the second on were being split; only part of them had been made.
    put_file(f, in_folder(bases_[1], ".log.cleaned"), batches(bases_[1].raw(), bases_[1].raw() + 1));
    put_file(f, in_folder(bases_[1], ".index.cleaned"), "");
    put_file(f, in_folder(bases_[2], ".log.swap"), batches(bases_[2].raw(), bases_[2].raw() + 1));
  });
  expect_log(all_);
}

TEST_F(Leftovers, of_a_compaction_that_had_ended_replace_the_segments_they_were_made_of) {
  const std::int64_t end = bases_[2].raw();
  // The last batch stays whatever it holds, as Kafka's cleaner leaves it.
  const std::string compacted = batches(0, end - 1, 3) + batches(end - 1, end);
  change([&](Fiber& f) {
    put_file(f, in_folder(Offset{0}, ".log.swap"), compacted);
    put_file(f, in_folder(Offset{0}, ".index.swap"), "");
    put_file(f, in_folder(Offset{0}, ".timeindex.swap"), "");
  });
  expect_log(compacted + batches(end, kLeftoverBatches), [&](Fiber& f, Log& log) {
    EXPECT_EQ(log.segments()[1].base, bases_[2]);
    const auto left = names(f);
    EXPECT_EQ(std::ranges::find(left, segment_file_name(bases_[1], ".log")), left.end());
    EXPECT_EQ(std::ranges::find(left, segment_file_name(bases_[1], ".index")), left.end());
  });
}

TEST_F(Leftovers, of_swapping_in_are_swapped_in_and_what_had_its_name_already_stays) {
  // The first segment became two: one has its name already, though its index has not, the other has not.
  const std::int64_t half = bases_[1].raw() / 2;
  change([&](Fiber& f) {
    put_file(f, in_folder(Offset{0}, ".log"), batches(0, half));
    ASSERT_OK(f.node().disk().unlink(f, in_folder(Offset{0}, ".index")));
    put_file(f, in_folder(Offset{0}, ".index.swap"), "");
    put_file(f, in_folder(Offset{half}, ".log.swap"), batches(half, bases_[1].raw()));
    put_file(f, in_folder(Offset{half}, ".index.swap"), "");
    put_file(f, in_folder(Offset{half}, ".timeindex.swap"), "");
  });
  expect_log(all_, [&](Fiber&, Log& log) { EXPECT_EQ(log.segments()[1].base, Offset{half}); });
}

/// A world each, because what a power loss takes is drawn from the seed.
class InterruptedSwap : public Leftovers, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  InterruptedSwap() : Leftovers{GetParam()} { machine_.disk().image().set_personality(sim::Personality::strict); }
};

TEST_P(InterruptedSwap, by_a_power_loss_leaves_either_what_was_or_what_is_new) {
  const std::int64_t end = bases_[2].raw();
  const std::string compacted = batches(0, end - 1, 3) + batches(end - 1, end);
  const std::string swap = in_folder(Offset{0}, ".log.swap");
  change([&](Fiber& f) { put_file(f, swap, compacted); });
  world_.boot(machine_, 1, [](Fiber& f) {
    Ground ground{f};
    EXPECT_OK(ground.open(f));
    ground.log = *Log::open(f, *ground.shard, kOrders, leftover_segments());
    static_cast<void>(f.sleep(1h));
  });
  world_.run_until([&] { return !machine_.disk().image().find(swap); }, 10s);
  EXPECT_FALSE(machine_.disk().image().find(swap));
  world_.kill(machine_, sim::CrashKind::power_loss);
  expect_log(compacted + batches(end, kLeftoverBatches),
             [&](Fiber&, Log& log) { EXPECT_EQ(log.segments()[1].base, bases_[2]) << "what was replaced came back"; });
}
INSTANTIATE_TEST_SUITE_P(Seeds, InterruptedSwap, ::testing::Range<std::uint64_t>(1, 25));

TEST_F(Leftovers, of_a_power_loss_that_emptied_the_first_segment_do_not_move_the_start_of_the_log) {
  change([&](Fiber& f) {
    put_file(f, in_folder(bases_[0], ".log"), "");
    const auto entries = f.node().disk().list(f, "/data");
    for (const auto& entry : *entries) {  // it was not synced, so nothing says that it was
      if (entry.name == "recovery-point-offset-checkpoint" || entry.name.starts_with(kWatermarkFile))
        EXPECT_OK(f.node().disk().unlink(f, "/data/" + entry.name));
    }
  });
  run_on(world_, machine_, [&](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    auto log = Log::open(f, *ground.shard, kOrders, leftover_segments());
    ASSERT_OK(log);
    ground.log = std::move(*log);
    EXPECT_EQ(ground.log->log_start(), Offset{0});
    ASSERT_OK(ground.log->close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
  });
}

TEST_F(Leftovers, of_preallocation_in_indexes_are_cut_and_found_things_stay_found) {
  for (const bool clean : {false, true}) {
    change([&](Fiber& f) {
      for (const Offset base : bases_) {
        for (const std::string_view suffix : {".index", ".timeindex"}) {
          std::string index = text_of(f, in_folder(base, suffix));
          const std::size_t entry = suffix == ".index" ? 8 : 12;
          index.resize(index.size() + 1000 * entry, '\0');
          put_file(f, in_folder(base, suffix), index);
        }
      }
      if (clean) put_file(f, "/data/.kafka_cleanshutdown", format_clean_shutdown(5));
    });
    run_on(world_, machine_, [&](Fiber& f) {
      Ground ground{f};
      ASSERT_OK(ground.open(f));
      auto log = Log::open(f, *ground.shard, kOrders, leftover_segments());
      ASSERT_OK(log);
      ground.log = std::move(*log);
      for (int i = 0; i < kLeftoverBatches; ++i) {
        const auto slice = ground.log->read(f, Offset{i}, {.bytes_max = 1, .end = Offset{kLeftoverBatches}});
        ASSERT_OK(slice);
        EXPECT_GT(slice->size, 0u) << i;
        const auto found = ground.log->find_by_timestamp(f, 1000 + i, Offset{kLeftoverBatches});
        ASSERT_OK(found);
        ASSERT_TRUE(found->has_value()) << i;
        EXPECT_EQ((*found)->offset, Offset{i});
      }
      ASSERT_OK(ground.log->close(f));
      const Offset active = ground.log->segments().back().base;
      ground.log.reset();
      ASSERT_OK(ground.close(f));
      const std::string index = text_of(f, in_folder(active, ".index"));
      EXPECT_LT(index.size(), 1000u) << "the room is still in it";
      EXPECT_TRUE(OffsetIndex::parse(active, kernel::as_bytes(index), 10'000).has_value()) << index.size();
      const std::string times = text_of(f, in_folder(active, ".timeindex"));
      EXPECT_LT(times.size(), 1000u) << "the room is still in it";
      EXPECT_TRUE(TimeIndex::parse(active, kernel::as_bytes(times), 10'000).has_value()) << times.size();
      if (!clean) EXPECT_OK(f.node().disk().unlink(f, "/data/.kafka_cleanshutdown"));
    });
  }
}

}  // namespace
}  // namespace broker::log
