// Power loss at every single I/O of a few stories, on both personalities of the simulated disk: afterwards the log
// opens, holds everything that was committed, once and with equal bytes, and what is derived from it equals a rebuild.
#include <gtest/gtest-spi.h>

#include <iostream>
#include <map>
#include <set>

#include "broker/log/recovery.h"
#include "net/record/control.h"
#include "tests/broker/log/log_harness.h"

namespace broker::log {
namespace {

using namespace testing;
using sim::CrashKind;
using sim::Personality;

/// What the story was promised, kept outside of the world.
struct Ledger {
  std::map<Offset, std::string> committed;  ///< base offset -> the batch
  std::set<std::string> submitted;          ///< bytes of every batch that may be there
  Offset start{0};                          ///< no record below was promised to stay
  Offset start_asked{0};
  std::optional<Offset> cut_asked;          ///< truncation under way or done: above, anything goes
  bool removed = false;
  net::LeaderEpoch epoch{-1};
};

LogConfig tiny() { return {.segment_bytes = 700, .index_interval_bytes = 150}; }

struct Story {
  std::string_view name;
  void (*tell)(Fiber&, Ground&, Ledger&);
};

Result<> open_all(Fiber& f, Ground& ground) {
  TRY(ground.open(f));
  ground.log = TRY(Log::open(f, *ground.shard, kOrders, tiny()));
  return {};
}

/// Appends `count` batches of an idempotent producer, in pairs so that groups form; the committed go to the ledger.
Result<> append_some(Fiber& f, Log& log, Ledger& ledger, int count, std::string_view tag, int first_sequence = 0) {
  for (int i = 0; i < count; i += 2) {
    std::vector<std::pair<Appended, Buffer>> pair;
    for (int j = i; j < std::min(i + 2, count); ++j) {
      Buffer batch = make_batch(fmt::format("{}{}", tag, j),
                                {.records = 2, .value_bytes = 30, .timestamp_ms = 1'700'000'000'000 + 10 * j,
                                 .producer = net::ProducerId{5}, .epoch = net::ProducerEpoch{0},
                                 .sequence = first_sequence + 2 * j});
      const Appended done = TRY(log.submit(batch, {.leader_epoch = net::LeaderEpoch{1}}));
      ledger.submitted.emplace(kernel::as_text(batch.view()));  // with its offsets stamped
      pair.emplace_back(done, std::move(batch));
    }
    for (const auto& [done, batch] : pair) {
      TRY(log.wait_committed(f, done));
      ledger.committed[done.base_offset] = std::string{kernel::as_text(batch.view())};
    }
  }
  return {};
}

void tell_append_and_roll(Fiber& f, Ground& ground, Ledger& ledger) {
  ASSERT_OK(open_all(f, ground));
  ASSERT_OK(ground.log->begin_epoch(f, net::LeaderEpoch{1}));
  ledger.epoch = net::LeaderEpoch{1};
  ASSERT_OK(append_some(f, *ground.log, ledger, 14, "a"));
  ASSERT_OK(f.sleep(30ms));  // the watermark is written
  ASSERT_OK(append_some(f, *ground.log, ledger, 6, "b", 28));
  ASSERT_OK(ground.directory->checkpoint(f));
  ASSERT_OK(append_some(f, *ground.log, ledger, 6, "c", 40));
}

void tell_truncate(Fiber& f, Ground& ground, Ledger& ledger) {
  ASSERT_OK(open_all(f, ground));
  ASSERT_OK(append_some(f, *ground.log, ledger, 16, "a"));
  ASSERT_OK(f.sleep(30ms));
  ASSERT_OK(ground.directory->checkpoint(f));
  ledger.cut_asked = Offset{10};
  std::erase_if(ledger.committed, [](const auto& item) { return item.first >= Offset{10}; });
  ASSERT_OK(ground.log->truncate(f, Offset{10}));
  EXPECT_EQ(ground.log->next(), Offset{10});
  ledger.cut_asked.reset();
  // What was above is gone for good: only what comes now may be there.
  std::erase_if(ledger.submitted, [](const std::string& bytes) {
    return net::record::BatchHeader::parse(kernel::as_bytes(bytes))->base_offset >= Offset{10};
  });
  ASSERT_OK(append_some(f, *ground.log, ledger, 8, "x", 10));
}

void tell_advance_start(Fiber& f, Ground& ground, Ledger& ledger) {
  ASSERT_OK(open_all(f, ground));
  ASSERT_OK(append_some(f, *ground.log, ledger, 16, "a"));
  for (const Offset to : {Offset{7}, Offset{20}}) {
    ledger.start = to;
    ASSERT_OK(ground.log->advance_start(f, to));
    ledger.start_asked = to;
    ASSERT_OK(append_some(f, *ground.log, ledger, 2, fmt::format("s{}", to.raw()), to == Offset{7} ? 32 : 36));
  }
}

void tell_close(Fiber& f, Ground& ground, Ledger& ledger) {
  ASSERT_OK(open_all(f, ground));
  ASSERT_OK(append_some(f, *ground.log, ledger, 8, "a"));
  ASSERT_OK(ground.log->close(f));
  ground.log.reset();
  ASSERT_OK(ground.close(f));
  {
    Ground again{f};
    ASSERT_OK(open_all(f, again));
    EXPECT_TRUE(again.directory->was_clean());
    ASSERT_OK(append_some(f, *again.log, ledger, 4, "b", 16));
    ASSERT_OK(again.log->close(f));
    again.log.reset();
    ASSERT_OK(again.close(f));
  }
}

void tell_remove(Fiber& f, Ground& ground, Ledger& ledger) {
  ASSERT_OK(open_all(f, ground));
  ASSERT_OK(append_some(f, *ground.log, ledger, 4, "a"));
  ledger.committed.clear();
  ledger.removed = true;
  ASSERT_OK(ground.log->remove(f));
  ground.log.reset();
}

/// One batch of our own, or of what a coordinator writes.
Result<> append_ours(Fiber& f, Log& log, Ledger& ledger, Buffer batch) {
  const Appended done = TRY(log.submit(batch, {.leader_epoch = net::LeaderEpoch{1}, .origin = AppendOrigin::coordinator}));
  ledger.submitted.emplace(kernel::as_text(batch.view()));
  TRY(log.wait_committed(f, done));
  ledger.committed[done.base_offset] = std::string{kernel::as_text(batch.view())};
  return {};
}

/// Three producers: in each turn one aborts, one commits and one leaves its transaction open for the next turn.
void tell_transactions(Fiber& f, Ground& ground, Ledger& ledger) {
  ASSERT_OK(open_all(f, ground));
  for (int turn = 0; turn < 6; ++turn) {
    for (std::int64_t producer = 0; producer < 3; ++producer) {
      ASSERT_OK(append_ours(f, *ground.log, ledger,
                            make_batch(fmt::format("t{}p{}", turn, producer),
                                       {.producer = net::ProducerId{producer}, .epoch = net::ProducerEpoch{0},
                                        .sequence = turn, .transactional = true})));
    }
    for (std::int64_t producer = 0; producer < 3; ++producer) {
      if ((turn + producer) % 3 == 2) continue;
      const auto type = (turn + producer) % 3 == 0 ? net::record::ControlType::abort : net::record::ControlType::commit;
      // No two of them are equal by the epoch of their coordinator.
      const std::int32_t number = 10 * turn + static_cast<std::int32_t>(producer);
      ASSERT_OK(append_ours(f, *ground.log, ledger,
                            Buffer::copy_of(net::record::build_transaction_marker(
                                {.type = type, .producer_id = net::ProducerId{producer}, .producer_epoch = net::ProducerEpoch{0},
                                 .coordinator_epoch = number, .timestamp_ms = 5},
                                Offset{0}, net::LeaderEpoch{1}))));
    }
    if (turn == 3) ASSERT_OK(ground.directory->checkpoint(f));
  }
  ASSERT_OK(ground.log->close(f));
  ground.log.reset();
  ASSERT_OK(ground.close(f));
}

constexpr Story kStories[] = {{"append_and_roll", tell_append_and_roll}, {"truncate", tell_truncate},
                              {"advance_start", tell_advance_start},     {"close", tell_close},
                              {"remove", tell_remove},                   {"transactions", tell_transactions}};

/// The log against the ledger, and what is derived from it against a rebuild.
void judge(Fiber& f, Ground& ground, const Ledger& ledger) {
  Log& log = *ground.log;
  EXPECT_EQ(log.committed(), log.written_end());
  EXPECT_GE(log.log_start(), ledger.start_asked);
  EXPECT_LE(log.log_start(), ledger.start);
  const auto all = read_everything(f, log, log.log_start(), log.written_end());
  ASSERT_OK(all);
  std::map<Offset, std::string> found;
  ProducerState producers;
  Offset next = log.log_start();
  net::record::BatchReader reader{kernel::as_bytes(*all)};
  while (const auto batch = reader.next().value()) {
    EXPECT_LE(batch->header.base_offset, next) << "a gap";
    next = batch->header.next_offset();
    const std::string bytes{kernel::as_text(batch->bytes)};
    EXPECT_TRUE(ledger.submitted.contains(bytes)) << "never submitted: offset " << batch->header.base_offset.raw();
    found[batch->header.base_offset] = bytes;
  }
  EXPECT_EQ(next, log.written_end());
  std::set<std::string_view> once;
  for (const auto& [offset, bytes] : found) EXPECT_TRUE(once.insert(std::string_view{bytes}.substr(61)).second) << "twice";
  for (const auto& [offset, bytes] : ledger.committed) {
    if (offset + 2 <= ledger.start) continue;
    const auto at = found.find(offset);
    ASSERT_TRUE(at != found.end()) << "lost: offset " << offset.raw() << ", the end is " << log.written_end().raw();
    EXPECT_EQ(at->second, bytes);
  }
  if (ledger.epoch.raw() >= 0) {
    EXPECT_EQ(log.epochs().latest()->epoch, ledger.epoch);
  }

  // Derived state. Of producers, a snapshot keeps the last batch: compare what it would keep.
  std::vector<SegmentRef> segments;
  std::vector<AbortedTransaction> aborted;
  for (const Log::SegmentInfo& info : log.segments()) {
    const auto segment = std::make_shared<Segment>("/data/orders-0", info.base, 10u << 20, 0);
    ASSERT_OK(segment->adopt_size(f));
    EXPECT_EQ(segment->size_bytes(), info.size_bytes);
    auto index = segment;
    ASSERT_OK(index->load_indexes(f));
    Segment fresh{"/data/orders-0", info.base, 10u << 20, 0};
    fresh.begin_rebuild();
    BatchScan scan{segment->file(f).value(), 0, info.size_bytes};
    while (const auto item = scan.next_whole(f).value()) {
      fresh.note_batch(item->header, item->position, tiny().index_interval_bytes);
      if (item->header.base_offset < log.log_start()) continue;
      const auto ended = apply_batch(producers, item->header, item->bytes.view());
      ASSERT_OK(ended);
      if (*ended && (*ended)->aborted) aborted.push_back(AbortedTransaction::of(**ended));
    }
    // The file may lack the newest entries of a log in use, but what it has is right.
    for (std::size_t i = 0; i < segment->index().size(); ++i) {
      ASSERT_LT(i, fresh.index().size()) << "index entries without batches in segment " << info.base.raw();
      EXPECT_EQ(segment->index().at(i), fresh.index().at(i));
    }
    for (const auto& [offset, bytes] : found) {
      if (offset < info.base || offset >= info.end) continue;
      const auto at = segment->find(f, net::record::BatchHeader::parse(kernel::as_bytes(bytes))->last_offset());
      ASSERT_TRUE(at && *at);
      EXPECT_EQ((*at)->header.base_offset, offset);
    }
  }
  if (log.log_start() == Offset{0}) {
    EXPECT_TRUE(log.producers().encode_snapshot() == producers.encode_snapshot()) << "producers";
    EXPECT_EQ(log.last_stable_offset(), producers.first_open().value_or(log.committed()));
    const auto told = log.aborted_transactions(f, Offset{0}, log.written_end());
    ASSERT_OK(told);
    std::ranges::sort(aborted, {}, &AbortedTransaction::first);
    EXPECT_EQ(*told, aborted);
  }
}

struct Point {
  Story story;
  Personality personality;
};

class CrashTest : public ::testing::TestWithParam<Point> {};

/// Tells the story until the disk has been asked `operations` times, then cuts the power. False when it ended before.
bool tell_until(sim::World& world, sim::Machine& machine, const Story& story, Ledger& ledger, std::uint64_t operations) {
  bool ended = false;
  world.boot(machine, 1, [&](Fiber& f) {
    Ground ground{f};
    story.tell(f, ground, ledger);
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
void play(const Story& story, Personality personality, CrashKind kind, std::string plant = {}, std::uint64_t first_seed = 1000) {
  for (std::uint64_t point = 1;; ++point) {
    SCOPED_TRACE(fmt::format("{} point {}", story.name, point));
    kernel::StackPool stacks;
    sim::World world{{.seed = first_seed + point, .nudges = kind == CrashKind::process_kill, .planted_bug = plant}, stacks};
    sim::Machine& machine = world.add_machine("m");
    machine.disk().image().set_personality(personality);
    Ledger ledger;
    const bool crashed = tell_until(world, machine, story, ledger, point);
    world.kill(machine, kind);
    // Every third time the recovery is cut short as well, by a kill or the power again.
    if (point % 3 == 0) {
      Ledger ignored;
      constexpr Story kOpen{"open", [](Fiber& f, Ground& g, Ledger&) { static_cast<void>(open_all(f, g)); }};
      tell_until(world, machine, kOpen, ignored, 1 + point % 40);
      world.kill(machine, point % 2 == 0 ? CrashKind::power_loss : CrashKind::process_kill);
    }
    bool missed = false;
    run_and_crash(world, machine, CrashKind::process_kill, [&](Fiber& f, Ground& ground) {
      ASSERT_OK(ground.open(f));
      ASSERT_OK(ground.directory->partitions(f));
      auto log = Log::open(f, *ground.shard, kOrders, tiny());
      if (ledger.removed && !log) {
        // Under its old id it is missed where a watermark speaks of it; a topic that is made anew has another one.
        EXPECT_TRUE(log.error().is(LogReason::damaged));
        missed = true;
        ASSERT_OK(ground.close(f));
        return;
      }
      ASSERT_OK(log);
      ground.log = std::move(*log);
      if (!ledger.removed) judge(f, ground, ledger);
      ASSERT_OK(ground.log->append(f, make_batch("after"), {.leader_epoch = net::LeaderEpoch{2}}));
      ASSERT_OK(ground.log->sync(f));
      ASSERT_OK(ground.log->close(f));
      ground.log.reset();
      ASSERT_OK(ground.close(f));
    });
    EXPECT_EQ(world.error_lines(), missed ? 1u : 0u);
    if (!plant.empty()) {
      if (!crashed) return;
      continue;
    }
    if (::testing::Test::HasFailure() || !crashed) return;
  }
}

TEST_P(CrashTest, nothing_committed_is_lost_at_any_point) {
  play(GetParam().story, GetParam().personality, CrashKind::power_loss);
}

// Here indexes, aborted transactions and producers lag behind the log in whatever way the nudges make them.
TEST_P(CrashTest, nothing_is_lost_when_the_process_is_killed_at_any_point) {
  play(GetParam().story, GetParam().personality, CrashKind::process_kill);
}

INSTANTIATE_TEST_SUITE_P(Stories, CrashTest, ::testing::ValuesIn([] {
                           std::vector<Point> all;
                           for (const Story& story : kStories) {
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
class PlantTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PlantTest, is_found) {
  ::testing::TestPartResultArray failures;
  for (std::uint64_t seed = 1000; seed < 5000 && failures.size() == 0; seed += 1000) {
    for (const Story& story : kStories) {
      for (const CrashKind kind : {CrashKind::power_loss, CrashKind::process_kill}) {
        const Personality personality = seed % 2000 == 0 ? Personality::ordered : Personality::strict;
        ::testing::ScopedFakeTestPartResultReporter intercept{
            ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures};
        play(story, personality, kind, GetParam(), seed);
        if (failures.size() > 0) break;
      }
      if (failures.size() > 0) break;
    }
  }
  ASSERT_GT(failures.size(), 0) << "nobody noticed";
  std::cout << GetParam() << ": " << failures.GetTestPartResult(0).message() << "\n";
}

INSTANTIATE_TEST_SUITE_P(Plants, PlantTest,
                         ::testing::Values("log.skip_sync", "log.ack_before_sync", "log.skip_directory_sync",
                                           "log.recovery_off_by_one", "log.index_ahead_of_log",
                                           "log.producer_state_not_rebuilt", "log.tail_behind_index_forgotten",
                                           "log.tail_forgets_aborted", "log.stale_high_watermark_after_restart"));
#endif

}  // namespace
}  // namespace broker::log
