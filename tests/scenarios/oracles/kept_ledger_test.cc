// The judge of retention and compaction is told hand-made histories: each thing that may not be is seen, and what only
// looks like one is not.
#include "scenarios/oracles/kept_ledger.h"

#include <gtest/gtest.h>

#include "kernel/random.h"
#include "net/record/batch_builder.h"
#include "net/record/batch_reader.h"
#include "tests/scenarios/oracles/broken_rules.h"

namespace scenarios {
namespace {

using net::Offset;
using namespace std::chrono_literals;

constexpr std::uint64_t kKeptSeed = 5;

class KeptHistory {
 public:
  explicit KeptHistory(KeptRules rules) : ledger{run_, (rules.topic = "compacted", rules), machine_} {}
  /// Written and acknowledged at the next offset.
  void wrote(std::string key, bool tombstone = false, std::int64_t age_ms = 0) {
    const std::int64_t offset = std::ssize(records_);
    KeptRecord record{.id = {.producer = 1, .incarnation = 1, .sequence = static_cast<std::uint64_t>(offset + 1)},
                      .key = std::move(key),
                      .tombstone = tombstone,
                      .timestamp_ms = kernel::ms_of(machine_.clock().latest_wall()) - age_ms};
    records_.push_back(record);
    ledger.sent({record}, 100);
    ledger.acknowledged({record.id}, net::ProducerId{1}, Offset{offset});
  }
  void read(KeptLedger::Pass& pass, std::int64_t offset, std::string_view value_in_place_of = {}) {
    const KeptRecord& record = records_[static_cast<std::size_t>(offset)];
    const auto id = encode_value(record.id, kKeptSeed, 0);
    const net::record::RecordHeader headers[] = {{kIdentityHeader, kernel::ByteView{id}}};
    net::record::BatchBuilder builder{{.base_offset = Offset{offset}}};
    net::record::NewRecord made{.timestamp_ms = record.timestamp_ms, .key = kernel::as_bytes(record.key), .value = {}, .headers = headers};
    if (!record.tombstone) made.value = kernel::ByteView{id};
    if (!value_in_place_of.empty()) made.value = kernel::as_bytes(value_in_place_of);
    builder.append(made);
    const auto bytes = builder.build();
    net::record::BatchReader reader{kernel::ByteView{bytes}};
    const auto batch = *reader.next();
    const auto region = net::record::RecordRegion::open(batch->header, batch->records(), 1 << 20);
    auto records = region->iterate();
    ledger.read(pass, **records.next(), run_.world().now());
  }
  /// A reading from the start that finds these.
  KeptLedger::Pass read_all(std::initializer_list<std::int64_t> offsets) {
    KeptLedger::Pass pass{.next = ledger.start()};
    for (const std::int64_t offset : offsets) read(pass, offset);
    ledger.read_to(pass, Offset{std::ssize(records_)});
    return pass;
  }
  [[nodiscard]] std::int64_t wall_of_first() const { return records_.front().timestamp_ms; }
  [[nodiscard]] kernel::Mono now() { return run_.world().now(); }
  void wait(kernel::Duration time) { run_.until([] { return false; }, time); }
  std::string broken() { return broken_rules(run_); }

 private:
  kernel::StackPool stacks_;
  Run run_{{.seed = kKeptSeed}, stacks_};
  sim::Machine& machine_ = run_.world().add_machine("broker");
  std::vector<KeptRecord> records_;

 public:
  KeptLedger ledger;
};

constexpr KeptRules kCompacts{.compacts = true, .delete_retention_ms = 1000};

TEST(KeptLedger, lets_go_what_a_later_record_of_its_key_supersedes) {
  KeptHistory history{kCompacts};
  for (const char* key : {"a", "b", "a"}) history.wrote(key);
  history.ledger.judge(history.read_all({1, 2}));
  EXPECT_EQ(history.broken(), "");
}

TEST(KeptLedger, misses_the_last_record_of_a_key) {
  KeptHistory history{kCompacts};
  for (const char* key : {"a", "b", "a"}) history.wrote(key);
  history.ledger.judge(history.read_all({0, 1}));
  EXPECT_EQ(history.broken(), "C2 C3");
}

TEST(KeptLedger, misses_what_went_before_that_which_supersedes_it_was_sent) {
  KeptHistory history{kCompacts};
  for (const char* key : {"a", "b"}) history.wrote(key);
  history.read_all({1});
  history.wait(10ms);
  history.wrote("a");
  history.ledger.judge(history.read_all({1, 2}));
  EXPECT_EQ(history.broken(), "C2");
}

TEST(KeptLedger, grants_tombstones_their_time_and_no_more) {
  for (const bool waits : {true, false}) {
    KeptHistory history{kCompacts};
    history.wrote("a", /*tombstone=*/true);
    history.wrote("b");
    if (waits) history.wait(1001ms);
    history.ledger.judge(history.read_all({1}));
    EXPECT_EQ(history.broken(), waits ? "" : "C2 C3");
  }
}

TEST(KeptLedger, sees_what_comes_back) {
  KeptHistory history{kCompacts};
  for (const char* key : {"a", "b", "a"}) history.wrote(key);
  history.read_all({1, 2});
  history.wait(1ms);
  history.read_all({0, 1, 2});
  EXPECT_EQ(history.broken(), "C5");
}

TEST(KeptLedger, sees_a_record_that_is_not_what_it_was) {
  KeptHistory history{kCompacts};
  history.wrote("a");
  KeptLedger::Pass pass;
  history.read(pass, 0, "something else");
  EXPECT_EQ(history.broken(), "L6");
}

TEST(KeptLedger, without_compaction_misses_every_record) {
  KeptHistory history{{.retention_bytes = 100}};
  for (const char* key : {"a", "a", "a"}) history.wrote(key);
  history.read_all({0, 2});
  EXPECT_EQ(history.broken(), "L3");
}

TEST(KeptLedger, holds_the_start_to_what_retention_leaves) {
  for (const std::int64_t start : {1, 2, 3}) {
    KeptHistory history{{.retention_bytes = 200}};
    for (const char* key : {"a", "a", "a", "a"}) history.wrote(key);
    history.ledger.told_start(Offset{0}, Offset{start});
    EXPECT_EQ(history.broken(), start <= 2 ? "" : "C1") << start;
  }
  for (const std::int64_t start : {1, 2}) {
    KeptHistory history{{.retention_ms = 500}};
    history.wrote("a", false, 600);
    history.wrote("a", false, 400);
    history.ledger.told_start(Offset{0}, Offset{start});
    history.ledger.judge(history.read_all({}));
    EXPECT_EQ(history.broken().contains("C1"), start == 2) << start;
  }
  KeptHistory compacts{kCompacts};
  compacts.wrote("a");
  compacts.ledger.told_start(Offset{0}, Offset{1});
  EXPECT_EQ(compacts.broken(), "C1") << "nothing lets it move";
  KeptHistory returns{{.retention_bytes = 0}};
  returns.wrote("a");
  returns.ledger.told_start(Offset{1}, Offset{0});
  EXPECT_EQ(returns.broken(), "C1") << "never back";
}

TEST(KeptLedger, questions_by_time_get_the_first_record_that_is_not_older) {
  const auto ask = [](std::int64_t answer, std::int64_t wanted_age_ms) {
    KeptHistory history{{.retention_bytes = 1'000'000}};
    for (const std::int64_t age : {50, 20, 40, 10}) history.wrote("a", false, age);
    history.wait(1ms);
    const std::int64_t now = history.wall_of_first() + 50;
    const std::int64_t told = answer < 0 ? -1 : now - std::array{50, 20, 40, 10}[static_cast<std::size_t>(answer)];
    history.ledger.told_time(history.now(), Offset{0}, wanted_age_ms < 0 ? KeptLedger::kNewest : now - wanted_age_ms, Offset{answer}, told);
    return history.broken();
  };
  EXPECT_EQ(ask(1, 30), "");
  EXPECT_EQ(ask(2, 30), "C6") << "older than asked for, and not the first";
  EXPECT_EQ(ask(3, 30), "C6") << "not the first";
  EXPECT_EQ(ask(-1, 30), "C6") << "there is one";
  EXPECT_EQ(ask(-1, 5), "");
  EXPECT_EQ(ask(3, -1), "");
  EXPECT_EQ(ask(1, -1), "C6") << "not the newest";
}

}  // namespace
}  // namespace scenarios
