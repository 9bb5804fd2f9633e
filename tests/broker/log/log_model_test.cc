// Random histories of a log against a naive model: a list of batches.
#include <algorithm>

#include "broker/log/dump.h"
#include "kernel/console.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;
using sim::CrashKind;

struct ModelBatch {
  Offset base, next;
  std::string bytes;
  std::vector<std::int64_t> timestamps;
};

struct Model {
  std::vector<ModelBatch> batches;
  Offset start{0};
  std::int32_t sequence = 0;  ///< of the idempotent producer, next one
  std::int64_t clock = 1'700'000'000'000;
  [[nodiscard]] Offset end() const { return batches.empty() ? start : batches.back().next; }

  void cut(Offset at) {
    while (!batches.empty() && batches.back().next > at) batches.pop_back();
  }
  [[nodiscard]] std::optional<TimestampedOffset> first_at(std::int64_t timestamp, Offset limit) const {
    for (const ModelBatch& b : batches) {
      for (std::size_t i = 0; i < b.timestamps.size(); ++i) {
        const Offset offset = b.base + static_cast<std::int64_t>(i);
        if (offset >= start && offset < limit && b.timestamps[i] >= timestamp) return TimestampedOffset{b.timestamps[i], offset, net::LeaderEpoch{0}};
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<TimestampedOffset> largest(Offset limit) const {
    std::optional<TimestampedOffset> best;
    for (const ModelBatch& b : batches) {
      for (std::size_t i = 0; i < b.timestamps.size(); ++i) {
        const Offset offset = b.base + static_cast<std::int64_t>(i);
        if (offset >= start && offset < limit && (!best || b.timestamps[i] > best->timestamp_ms)) best = TimestampedOffset{b.timestamps[i], offset, net::LeaderEpoch{0}};
      }
    }
    return best;
  }
};

bool same(const std::optional<TimestampedOffset>& a, const std::optional<TimestampedOffset>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || (a->offset == b->offset && a->timestamp_ms == b->timestamp_ms);
}

class History {
 public:
  History(std::uint64_t seed, LogConfig config) : random_{seed, kernel::Domain::workload, 7}, config_{config} {}

  Result<> open(Fiber& f, Ground& ground) {
    TRY(ground.open(f));
    ground.log = TRY(Log::open(f, *ground.shard, kOrders, config_));
    EXPECT_EQ(ground.log->next(), model_.end());
    EXPECT_EQ(ground.log->log_start(), model_.start);
    return {};
  }

  /// A stretch of operations; afterwards everything is synced.
  void live(Fiber& f, Log& log, int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      switch (random_.below(12)) {
        case 0: case 1: case 2: case 3: append(f, log); break;
        case 4: idempotent(f, log); break;
        case 5: case 6: read(f, log); break;
        case 7: timestamps(f, log); break;
        case 8: if (random_.below(4) == 0) truncate(f, log); break;
        case 9: if (random_.below(4) == 0) advance(f, log); break;
        case 10: ASSERT_OK(log.sync(f)); break;
        default: ASSERT_OK(f.sleep(std::chrono::milliseconds{random_.below(30)})); break;
      }
    }
    ASSERT_OK(log.sync(f));
    const auto all = read_everything(f, log, model_.start, log.written_end(), 1 + random_.below(3000));
    ASSERT_OK(all);
    std::string expected;
    for (const ModelBatch& b : model_.batches) {
      if (b.next > model_.start) expected += b.bytes;
    }
    EXPECT_TRUE(*all == expected);
  }

 private:
  BatchShape shape() {
    // Timestamps mostly rise, and sometimes lie far back.
    model_.clock += static_cast<std::int64_t>(random_.below(20));
    return {.records = 1 + static_cast<int>(random_.below(5)),
            .value_bytes = 10 + random_.heavy_tail(3000, 2),
            .timestamp_ms = model_.clock - static_cast<std::int64_t>(random_.below(8) == 0 ? random_.below(500) : 0),
            .codec = static_cast<net::record::Codec>(random_.below(5))};
  }
  void note(const Buffer& batch, const Appended& done, const BatchShape& s) {
    ModelBatch noted{done.base_offset, done.next_offset, std::string{kernel::as_text(batch.view())}, {}};
    for (int i = 0; i < s.records; ++i) noted.timestamps.push_back(s.timestamp_ms + i);
    EXPECT_EQ(done.base_offset, model_.end());
    model_.batches.push_back(std::move(noted));
  }
  void append(Fiber& f, Log& log) {
    std::vector<Appended> all;
    for (std::uint64_t i = 1 + random_.below(4); i > 0; --i) {
      const BatchShape s = shape();
      Buffer batch = make_batch(fmt::format("m{}", count_++), s);
      const auto done = log.submit(batch, {});
      ASSERT_OK(done);
      note(batch, *done, s);
      all.push_back(*done);
    }
    EXPECT_EQ(log.next(), model_.end());
    if (random_.below(2) == 0) {
      ASSERT_OK(log.wait_committed(f, all.back()));
      EXPECT_GE(log.committed(), all.back().next_offset);
    } else {
      ASSERT_OK(log.wait_written(f, all.back()));
    }
  }
  void idempotent(Fiber& f, Log& log) {
    BatchShape s = shape();
    s.producer = net::ProducerId{3};
    s.epoch = net::ProducerEpoch{0};
    s.sequence = model_.sequence;
    const std::string tag = fmt::format("p{}", count_++);
    Buffer batch = make_batch(tag, s);
    const auto done = log.append(f, batch, {});
    ASSERT_OK(done);
    note(batch, *done, s);
    const auto again = log.submit(make_batch(tag, s), {});
    ASSERT_OK(again);
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->base_offset, done->base_offset);
    model_.sequence += s.records;
    s.sequence = model_.sequence + 1;
    EXPECT_TRUE(log.submit(make_batch("gap", s), {}).error().is(LogReason::out_of_order_sequence));
  }
  void read(Fiber& f, Log& log) {
    if (model_.end() == model_.start) return;
    const Offset from = model_.start + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(model_.end() - model_.start)));
    const Offset end = from + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(log.written_end() - from) + 1));
    const std::size_t bytes_max = 1 + random_.heavy_tail(20'000, 1);
    const auto slice = log.read(f, from, {.bytes_max = bytes_max, .end = end});
    ASSERT_OK(slice);
    std::string got{kernel::as_text(slice->bytes.view())};
    if (slice->file != nullptr) got = kernel::as_text(kernel::read_exactly(f, *slice->file, slice->position, slice->size)->view());
    EXPECT_EQ(got.size(), slice->size);
    // A prefix of what the model has from there, within the bounds, and not empty when something fits.
    std::string expected;
    bool first = true;
    for (const ModelBatch& b : model_.batches) {
      if (b.next <= from) continue;
      if (b.next > end || (!first && expected.size() + b.bytes.size() > bytes_max)) break;
      expected += b.bytes;
      first = false;
    }
    EXPECT_TRUE(expected.starts_with(got)) << "from " << from.raw() << " end " << end.raw();
    EXPECT_EQ(got.empty(), expected.empty());
    // What a waiting fetch counts is at least what is there.
    if (from < log.committed()) {
      std::size_t there = 0;
      for (const ModelBatch& b : model_.batches) {
        if (b.next > from && b.next <= log.committed()) there += b.bytes.size();
      }
      EXPECT_GE(log.readable_bytes(from, 1u << 30), there);
      EXPECT_EQ(log.readable_bytes(from, 5), 5u);
    }
  }
  void timestamps(Fiber& f, Log& log) {
    const Offset end = random_.below(2) == 0 ? log.written_end() : model_.start + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(log.written_end() - model_.start) + 1));
    const std::int64_t wanted = model_.clock - static_cast<std::int64_t>(random_.below(600)) + 5;
    const auto found = log.find_by_timestamp(f, wanted, end);
    ASSERT_OK(found);
    EXPECT_TRUE(same(*found, model_.first_at(wanted, end))) << "at " << wanted << " below " << end.raw();
    const auto largest = log.max_timestamp(f, end);
    ASSERT_OK(largest);
    EXPECT_TRUE(same(*largest, model_.largest(end))) << "largest below " << end.raw() << " start " << model_.start.raw()
        << " got " << (*largest ? (*largest)->offset.raw() : -1) << " want " << (model_.largest(end) ? model_.largest(end)->offset.raw() : -1);
  }
  void truncate(Fiber& f, Log& log) {
    const Offset at = model_.end() - static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(model_.end() - model_.start) / 3 + 1));
    ASSERT_OK(log.truncate(f, at));
    model_.cut(std::max(at, model_.start));
    EXPECT_EQ(log.next(), model_.end());
    const ProducerEntry* entry = log.producers().find(net::ProducerId{3});
    model_.sequence = entry == nullptr ? 0 : net::record::sequence_after(entry->last_sequence(), 1);
  }
  void advance(Fiber& f, Log& log) {
    const Offset to = model_.start + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(log.committed() - model_.start) + 1));
    ASSERT_OK(log.advance_start(f, to));
    model_.start = to;
    EXPECT_EQ(log.log_start(), to);
  }

  kernel::Random random_;
  LogConfig config_;
  Model model_;
  int count_ = 0;
};

class LogModelTest : public ::testing::TestWithParam<int> {};

TEST_P(LogModelTest, the_log_is_the_list_of_its_batches) {
  for (int seed = GetParam(); seed < GetParam() + 25; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const auto number = static_cast<std::uint64_t>(seed);
    kernel::StackPool stacks;
    sim::World world{{.seed = number, .policy = static_cast<sim::PolicyKind>(seed % 4), .nudges = true}, stacks};
    sim::Machine& machine = world.add_machine("m");
    machine.disk().image().set_personality(seed % 2 == 0 ? sim::Personality::strict : sim::Personality::ordered);
    machine.disk().faults().short_io_ppm = seed % 3 == 0 ? 100'000 : 0;
    History history{number, {.segment_bytes = 20'000, .segment_index_bytes = seed % 5 == 0 ? 60u : 10u << 20,
                             .index_interval_bytes = 500,
                             .durability = seed % 4 == 1 ? Durability::relaxed : Durability::durable}};
    for (int life = 0; life < 5; ++life) {
      const bool clean = (seed + life) % 3 == 0;
      run_and_crash(world, machine, life % 2 == 0 ? CrashKind::power_loss : CrashKind::process_kill, [&](Fiber& f, Ground& ground) {
        ASSERT_OK(history.open(f, ground));
        history.live(f, *ground.log, 60);
        if (!clean) return;
        ASSERT_OK(ground.log->close(f));
        ground.log.reset();
        ASSERT_OK(ground.close(f));
      });
      for (const sim::LogLine& line : world.errors()) ADD_FAILURE() << line.text;
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogModelTest, ::testing::Values(0, 100, 200, 300));

TEST(LogDumpTest, every_file_of_a_directory_is_understood) {
  run([](Fiber& f) {
    Ground ground{f};
    ASSERT_OK(ground.open(f));
    ground.log = std::move(*Log::open(f, *ground.shard, kOrders, {.segment_bytes = 2000, .index_interval_bytes = 300}));
    for (int i = 0; i < 50; ++i) ASSERT_OK(ground.log->append(f, make_batch("d"), {.leader_epoch = net::LeaderEpoch{1}}));
    ASSERT_OK(ground.log->close(f));
    ground.log.reset();
    ASSERT_OK(ground.close(f));
    EXPECT_OK(dump(f, {.paths = {"/data"}, .form = DumpOptions::Form::json, .records = true}));
    EXPECT_OK(dump(f, {.paths = {"/data/orders-0"}}));
    ASSERT_OK(kernel::replace_file(f, f.node().disk(), "/data/orders-0/leader-epoch-checkpoint", kernel::as_bytes("x")));
    EXPECT_TRUE(dump(f, {.paths = {"/data"}}).error().is(kernel::Errc::corrupt));
  });
}

}  // namespace
}  // namespace broker::log
