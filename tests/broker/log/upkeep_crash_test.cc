// Power loss at every single I/O of retention and of compaction, on both personalities of the simulated disk: what a
// start then finds is what was before or what is new, never a mixture, and nothing committed that had to stay is gone.
#include <gtest/gtest-spi.h>

#include <set>

#include "tests/broker/log/cleaner/keyed_log.h"

namespace broker::log {
namespace {

using namespace testing;
using sim::CrashKind;
using sim::Personality;

const net::ProducerId kAnna{5};

/// What the story was promised, kept outside of the world.
struct UpkeepLedger {
  Seen submitted;              ///< every record, under the offset it got
  Offset committed{0};         ///< all below must be accounted for
  Offset start{0};             ///< the log start may be anything from here
  Offset start_asked{0};       ///< up to here
  std::int32_t sequence = 0;   ///< the next one
  std::int32_t sequence_committed = 0;
  bool compacts = false;
  bool tombstones_may_go = false;
};

struct UpkeepStory {
  std::string_view name;
  LogConfig config;
  void (*tell)(Fiber&, Log&, UpkeepLedger&, const LogConfig&);
};

/// Each batch writes one of three keys, and sometimes a key of its own, which a later one deletes for good.
void append_some(Fiber& f, Log& log, UpkeepLedger& ledger, int batches) {
  for (int i = 0; i < batches; ++i) {
    const int n = ledger.sequence;
    std::vector<KeyedRecord> records;
    const std::int64_t stamp = kernel::ms_of(f.wall());
    if (n % 10 == 8) {
      records.push_back({fmt::format("own{}", n / 6 * 6 - 6), std::nullopt, stamp});
    } else {
      records.push_back({fmt::format("k{}", n % 3), n % 14 == 6 ? std::nullopt : std::optional{fmt::format("v{}", n)}, stamp});
    }
    records.push_back({n % 6 == 0 ? fmt::format("own{}", n) : "shared", fmt::format("w{}", n), stamp});
    const auto done = log.submit(keyed_batch(records, {.producer = kAnna, .epoch = net::ProducerEpoch{0}, .sequence = n}),
                                 {.leader_epoch = net::LeaderEpoch{1}});
    ASSERT_OK(done);
    for (int j = 0; j < 2; ++j) ledger.submitted[done->base_offset + j] = {records[j].key, records[j].value, stamp};
    ledger.sequence += 2;
    ASSERT_OK(log.wait_committed(f, *done));
    ledger.committed = done->next_offset;
    ledger.sequence_committed = ledger.sequence;
  }
}

void tell_retention(Fiber& f, Log& log, UpkeepLedger& ledger, const LogConfig& config) {
  append_some(f, log, ledger, 14);
  ASSERT_OK(f.sleep(30ms));
  ledger.start_asked = Offset{28};
  LogConfig small = config;
  small.retention_bytes = 600;
  log.set_config(small);
  ASSERT_OK(log.apply_retention(f));
  ledger.start = log.log_start();
  ASSERT_GT(ledger.start, Offset{0});
  append_some(f, log, ledger, 2);
  // Everything goes, the active segment as well.
  ledger.start_asked = ledger.committed;
  small.retention_bytes = 0;
  log.set_config(small);
  ASSERT_OK(log.apply_retention(f));
  ASSERT_EQ(log.log_start(), ledger.committed);
  ledger.start = log.log_start();
  ASSERT_OK(f.sleep(60ms));
  ASSERT_OK(log.remove_leaving(f));
  append_some(f, log, ledger, 3);
}

void tell_compaction(Fiber& f, Log& log, UpkeepLedger& ledger, const LogConfig& config) {
  append_some(f, log, ledger, 15);
  ASSERT_OK(f.sleep(30ms));
  ledger.tombstones_may_go = true;
  auto cleaned = log.clean(f, {.chunk_bytes = 300});
  ASSERT_OK(cleaned);
  ASSERT_GT(cleaned->to, cleaned->from);
  append_some(f, log, ledger, 6);
  ASSERT_OK(f.sleep(60ms));
  ASSERT_OK(log.remove_leaving(f));
  // The tombstones' time is over, and several segments become one.
  LogConfig large = config;
  large.segment_bytes = 5000;
  log.set_config(large);
  const std::size_t segments = log.segments().size();
  ASSERT_GE(segments, 4u);
  cleaned = log.clean(f, {.chunk_bytes = 300});
  ASSERT_OK(cleaned);
  ASSERT_GT(cleaned->tombstones_removed, 0u);
  ASSERT_EQ(log.segments().size(), 2u);
  append_some(f, log, ledger, 2);
}

void tell_both(Fiber& f, Log& log, UpkeepLedger& ledger, const LogConfig& config) {
  append_some(f, log, ledger, 12);
  ledger.tombstones_may_go = true;
  ASSERT_OK(log.clean(f, {.chunk_bytes = 300}));
  append_some(f, log, ledger, 4);
  ledger.start_asked = ledger.committed;
  LogConfig small = config;
  small.retention_bytes = 600;
  log.set_config(small);
  ASSERT_OK(log.apply_retention(f));
  ledger.start = log.log_start();
  append_some(f, log, ledger, 4);
  ASSERT_OK(log.clean(f, {.chunk_bytes = 300}));
  append_some(f, log, ledger, 1);
}

constexpr LogConfig kDeleting{.segment_bytes = 500, .index_interval_bytes = 150, .deletes = true};
constexpr LogConfig kDeletingLater{.segment_bytes = 500, .index_interval_bytes = 150, .deletes = true, .file_delete_delay_ms = 50};
constexpr LogConfig kCompacting{.segment_bytes = 600, .index_interval_bytes = 150, .compacts = true,
                                .delete_retention_ms = 50, .cleanable_ratio_min = 0};
constexpr LogConfig kCompactingLater{.segment_bytes = 600, .index_interval_bytes = 150, .compacts = true,
                                     .file_delete_delay_ms = 50, .delete_retention_ms = 50, .cleanable_ratio_min = 0};
constexpr LogConfig kBoth{.segment_bytes = 600, .index_interval_bytes = 150, .compacts = true, .deletes = true,
                          .file_delete_delay_ms = 50, .delete_retention_ms = 50, .cleanable_ratio_min = 0};

constexpr UpkeepStory kUpkeepStories[] = {{"retention", kDeleting, tell_retention},
                              {"retention_with_delay", kDeletingLater, tell_retention},
                              {"compaction", kCompacting, tell_compaction},
                              {"compaction_with_delay", kCompactingLater, tell_compaction},
                              {"both", kBoth, tell_both}};

void judge(Fiber& f, Log& log, const UpkeepLedger& ledger, bool compacts) {
  EXPECT_GE(log.log_start(), ledger.start);
  EXPECT_LE(log.log_start(), std::max(ledger.start, ledger.start_asked));
  EXPECT_GE(log.written_end(), ledger.committed);
  EXPECT_LE(log.first_dirty(), log.written_end());
  const Seen found = records_of(f, log);
  std::map<std::string, Offset> last;
  for (const auto& [offset, record] : found) {
    const auto sent = ledger.submitted.find(offset);
    ASSERT_TRUE(sent != ledger.submitted.end()) << "nobody sent what stands at " << offset.raw();
    EXPECT_EQ(record, sent->second) << "other content at " << offset.raw();
    last[record.key] = offset;
  }
  std::map<std::string, Offset> newest;
  for (const auto& [offset, record] : ledger.submitted) {
    if (offset >= ledger.committed || offset < log.log_start()) continue;
    newest[record.key] = offset;
    if (found.contains(offset)) continue;
    EXPECT_TRUE(compacts) << "lost: " << offset.raw();
    const bool superseded = last.contains(record.key) && last[record.key] > offset;
    const bool tombstone = !record.value && ledger.tombstones_may_go;
    const bool before_tombstone = std::ranges::any_of(ledger.submitted, [&](const auto& later) {
      return later.first > offset && later.second.key == record.key && !later.second.value && ledger.tombstones_may_go;
    });
    EXPECT_TRUE(superseded || tombstone || before_tombstone) << "lost: " << offset.raw() << " of " << record.key;
  }
  for (const auto& [key, offset] : newest) {
    if (ledger.submitted.at(offset).value || found.contains(offset)) continue;
    EXPECT_TRUE(!last.contains(key) || last[key] > offset) << key << " came back from the dead at " << last[key].raw();
  }
  const ProducerEntry* anna = log.producers().find(kAnna);
  if (ledger.sequence_committed > 0) {
    ASSERT_NE(anna, nullptr);
    EXPECT_GE(anna->last_sequence(), ledger.sequence_committed - 1);
  }
  for (const std::string& name : names_in(f, kFolder))
    for (const std::string_view suffix : {".cleaned", ".swap", ".deleted"}) EXPECT_FALSE(name.ends_with(suffix)) << name;
}

struct UpkeepPoint {
  UpkeepStory story;
  Personality personality;
};

class UpkeepCrashTest : public ::testing::TestWithParam<UpkeepPoint> {};

Result<> open_all(Fiber& f, Ground& ground, const LogConfig& config) {
  TRY(ground.open(f));
  ground.log = TRY(Log::open(f, *ground.shard, kOrders, config));
  return {};
}

/// Runs `body` until the disk has been asked `operations` times. False when it ended before.
bool run_until(sim::World& world, sim::Machine& machine, std::uint64_t operations,
               const std::function<void(Fiber&, Ground&)>& body) {
  bool ended = false;
  world.boot(machine, 1, [&](Fiber& f) {
    Ground ground{f};
    body(f, ground);
    ended = true;
    static_cast<void>(f.sleep(1h));
  });
  const std::uint64_t stop = machine.disk().operations_issued() + operations;
  while (!ended && machine.disk().operations_issued() < stop) {
    if (!world.step()) break;
  }
  return !ended;
}

/// Tells the story once for every I/O in it and judges what comes after. `plant` is of the mutants build only.
void play(const UpkeepStory& story, Personality personality, std::string plant = {}, std::uint64_t first_seed = 1000) {
  for (std::uint64_t point = 1;; ++point) {
    SCOPED_TRACE(fmt::format("{} point {}", story.name, point));
    kernel::StackPool stacks;
    sim::World world{{.seed = first_seed + point, .planted_bug = plant}, stacks};
    sim::Machine& machine = world.add_machine("m");
    machine.disk().image().set_personality(personality);
    UpkeepLedger ledger;
    const bool crashed = run_until(world, machine, point, [&](Fiber& f, Ground& ground) {
      ASSERT_OK(open_all(f, ground, story.config));
      story.tell(f, *ground.log, ledger, story.config);
    });
    world.kill(machine, CrashKind::power_loss);
    // Every third time the start is cut short as well.
    if (point % 3 == 0) {
      run_until(world, machine, 1 + point % 40, [&](Fiber& f, Ground& g) { static_cast<void>(open_all(f, g, story.config)); });
      world.kill(machine, point % 2 == 0 ? CrashKind::power_loss : CrashKind::process_kill);
    }
    run_and_crash(world, machine, CrashKind::process_kill, [&](Fiber& f, Ground& ground) {
      ASSERT_OK(open_all(f, ground, story.config));
      judge(f, *ground.log, ledger, story.config.compacts);
      // And it goes on as if nothing had been.
      ASSERT_OK(ground.log->append(f, keyed_batch({{"k0", "after"}}), {.leader_epoch = net::LeaderEpoch{2}}));
      ASSERT_OK(ground.log->sync(f));
      if (story.config.compacts) ASSERT_OK(ground.log->clean(f, {}));
      ASSERT_OK(ground.log->apply_retention(f));
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
    EXPECT_EQ(world.error_lines(), 0u);
    if (!plant.empty()) {
      if (!crashed) return;
      continue;
    }
    if (::testing::Test::HasFailure() || !crashed) return;
  }
}

TEST_P(UpkeepCrashTest, what_had_to_stay_is_there_and_what_had_to_go_does_not_come_back) {
  play(GetParam().story, GetParam().personality);
}

INSTANTIATE_TEST_SUITE_P(Stories, UpkeepCrashTest, ::testing::ValuesIn([] {
                           std::vector<UpkeepPoint> all;
                           for (const UpkeepStory& story : kUpkeepStories) {
                             for (const Personality p : {Personality::ordered, Personality::strict}) all.push_back({story, p});
                           }
                           return all;
                         }()),
                         [](const auto& info) {
                           return fmt::format("{}_{}", info.param.story.name,
                                              info.param.personality == Personality::strict ? "strict" : "ordered");
                         });

#ifdef KALDA_MUTANTS
// That the stories above would see these: each planted bug fails one of them.
class UpkeepPlantTest : public ::testing::TestWithParam<const char*> {};

TEST_P(UpkeepPlantTest, is_found) {
  ::testing::TestPartResultArray failures;
  for (std::uint64_t seed = 1000; seed < 5000 && failures.size() == 0; seed += 1000) {
    for (const UpkeepStory& story : kUpkeepStories) {
      for (const Personality personality : {Personality::strict, Personality::ordered}) {
        ::testing::ScopedFakeTestPartResultReporter intercept{
            ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures};
        if (failures.size() == 0) play(story, personality, GetParam(), seed);
      }
    }
  }
  EXPECT_GT(failures.size(), 0) << "nobody noticed";
}

INSTANTIATE_TEST_SUITE_P(Plants, UpkeepPlantTest,
                         ::testing::Values("log.start_not_noted", "log.swap_not_synced", "log.swapped_out_not_synced"));
#endif

}  // namespace
}  // namespace broker::log
