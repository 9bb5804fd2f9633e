// The ledger judges hand-made histories: each anomaly is seen, and what only looks like one is not.
#include "scenarios/oracles/ledger.h"

#include <gtest/gtest.h>

#include <set>

#include "kernel/random.h"
#include "scenarios/run.h"
#include "tests/scenarios/oracles/broken_rules.h"

namespace scenarios {
namespace {

using net::Offset;

constexpr std::uint64_t kSeed = 5;

PartitionName here() { return {"orders", 2}; }
Identity record(std::uint64_t sequence, std::uint32_t producer = 1) {
  return {.producer = producer,
          .incarnation = 1,
          .sequence = sequence,
          .topic_hash = kernel::hash64(here().topic),
          .partition = here().partition};
}

/// A history as it is told to the ledger.
class History {
 public:
  void sent(const Identity& id, bool exactly_once = true) { ledger.sent(here(), id, exactly_once); }
  void acknowledged(const Identity& id, std::int64_t offset, Acknowledged how = Acknowledged::all) {
    ledger.acknowledged(here(), id, Offset{offset}, how);
  }
  void refused(const Identity& id) { ledger.refused(here(), id); }
  void reader_starts(std::int64_t offset, std::uint64_t reader = 1) {
    ledger.reader_starts(here(), reader, Offset{offset});
  }
  void read(std::int64_t offset, const Identity& id, std::uint64_t reader = 1) {
    ledger.read(here(), Offset{offset}, encode_value(id, kSeed, 10), reader);
  }
  /// Everything is read once more; `there` is what the log holds.
  void at_the_end(const std::vector<std::pair<std::int64_t, Identity>>& there) {
    ledger.begin_final_read();
    std::int64_t end = 0;
    for (const auto& [offset, id] : there) {
      read(offset, id, 99);
      end = offset + 1;
    }
    ledger.end_final_read({{here(), Offset{end}}});
  }
  std::string broken() { return broken_rules(run_); }

 private:
  kernel::StackPool stacks_;
  Run run_{{.seed = kSeed}, stacks_};

 public:
  Ledger ledger{run_};
};

TEST(Ledger, an_honest_history_breaks_nothing) {
  History h;
  h.reader_starts(0);
  for (std::uint64_t i = 0; i < 3; ++i) {
    h.sent(record(i));
    h.acknowledged(record(i), static_cast<std::int64_t>(i));
    h.read(static_cast<std::int64_t>(i), record(i));
  }
  h.at_the_end({{0, record(0)}, {1, record(1)}, {2, record(2)}});
  EXPECT_EQ(h.broken(), "");
}

TEST(Ledger, sees_acknowledged_records_that_are_gone_from_the_end_or_the_middle) {
  for (const std::vector<std::uint64_t>& left : {std::vector<std::uint64_t>{0, 1}, {0, 2}, {1, 2}, {}}) {
    History h;
    for (std::uint64_t i = 0; i < 3; ++i) {
      h.sent(record(i));
      h.acknowledged(record(i), static_cast<std::int64_t>(i));
    }
    std::vector<std::pair<std::int64_t, Identity>> there;
    for (const std::uint64_t i : left) there.emplace_back(static_cast<std::int64_t>(i), record(i));
    h.at_the_end(there);
    EXPECT_EQ(h.broken(), "D1");
  }
}

TEST(Ledger, sees_a_lost_record_whose_offset_the_client_was_not_told) {
  History h;
  h.sent(record(0));
  h.acknowledged(record(0), -1);
  h.at_the_end({});
  EXPECT_EQ(h.broken(), "D1");
}

TEST(Ledger, sees_a_shown_record_that_is_gone_though_nobody_acknowledged_it) {
  History h;
  h.sent(record(0));
  h.read(0, record(0));
  h.at_the_end({});
  EXPECT_EQ(h.broken(), "D1");
}

TEST(Ledger, owes_nothing_for_what_nobody_acknowledged) {
  History h;
  for (std::uint64_t i = 0; i < 2; ++i) h.sent(record(i), /*exactly_once=*/false);
  h.refused(record(1));
  h.at_the_end({});
  EXPECT_EQ(h.broken(), "");
}

TEST(Ledger, what_the_leader_alone_acknowledged_outlives_a_kill_and_not_the_power) {
  for (const sim::CrashKind kind : {sim::CrashKind::process_kill, sim::CrashKind::power_loss}) {
    History h;
    for (std::uint64_t i = 0; i < 2; ++i) h.sent(record(i), /*exactly_once=*/false);
    h.acknowledged(record(0), 0, Acknowledged::leader);
    h.ledger.crashed(kind, {});
    h.acknowledged(record(1), 0);  // the offset goes to another record
    h.at_the_end({{0, record(1)}});
    EXPECT_EQ(h.broken(), kind == sim::CrashKind::process_kill ? "D1" : "");
  }
}

TEST(Ledger, a_power_failure_excuses_in_a_relaxed_topic_what_the_disk_has_lost_and_nothing_more) {
  for (const std::int64_t survived : {1, 2}) {
    History h;
    h.ledger.relax(here().topic);
    for (std::uint64_t i = 0; i < 2; ++i) {
      h.sent(record(i));
      h.acknowledged(record(i), static_cast<std::int64_t>(i));
      h.read(static_cast<std::int64_t>(i), record(i));
    }
    h.ledger.crashed(sim::CrashKind::power_loss, {{to_string(here()), Offset{survived}}});
    h.at_the_end({{0, record(0)}});
    EXPECT_EQ(h.broken(), survived == 1 ? "" : "D1");
  }
}

TEST(Ledger, a_durable_topic_loses_nothing_to_the_power) {
  History h;
  h.sent(record(0));
  h.acknowledged(record(0), 0);
  h.ledger.crashed(sim::CrashKind::power_loss, {});
  h.at_the_end({});
  EXPECT_EQ(h.broken(), "D1");
}

TEST(Ledger, sees_an_end_below_what_was_shown_acknowledged_or_told_before_the_question) {
  const auto told_zero_after = [](auto&& what) {
    History h;
    h.sent(record(0));
    what(h);
    h.ledger.told_end(here(), h.ledger.known_end(here()), h.ledger.era(), Offset{0});
    return h.broken();
  };
  EXPECT_EQ(told_zero_after([](History& h) { h.read(0, record(0)); }), "R2");
  EXPECT_EQ(told_zero_after([](History& h) { h.acknowledged(record(0), 0); }), "R2");
  EXPECT_EQ(told_zero_after([](History& h) { h.ledger.told_end(here(), Offset{0}, h.ledger.era(), Offset{1}); }), "R2");
  EXPECT_EQ(told_zero_after([](History&) {}), "");
}

TEST(Ledger, sees_a_phantom) {
  History nobody;
  nobody.ledger.read(here(), Offset{0}, kernel::as_bytes(std::string_view{"where do I come from?"}), 1);
  EXPECT_EQ(nobody.broken(), "D3");

  History early;
  early.read(0, record(0));
  EXPECT_EQ(early.broken(), "D3");

  History elsewhere;
  Identity stranger = record(0);
  stranger.partition = 1;
  elsewhere.ledger.sent({here().topic, 1}, stranger, true);
  elsewhere.read(0, stranger);
  EXPECT_EQ(elsewhere.broken(), "D3");

  History bent;
  bent.sent(record(0));
  std::vector<std::byte> value = encode_value(record(0), kSeed, 10);
  value[value.size() / 2] ^= std::byte{1};
  bent.ledger.read(here(), Offset{0}, value, 1);
  EXPECT_EQ(bent.broken(), "D3");
}

TEST(Ledger, sees_a_record_of_an_idempotent_producer_twice) {
  History h;
  h.sent(record(0));
  h.read(0, record(0));
  h.read(1, record(0));
  EXPECT_EQ(h.broken(), "I1 L5");
}

TEST(Ledger, lets_a_plain_producer_repeat_itself_and_change_its_order) {
  History h;
  for (std::uint64_t i = 0; i < 2; ++i) h.sent(record(i), /*exactly_once=*/false);
  h.read(0, record(1));
  h.read(1, record(0));
  h.read(2, record(1));
  EXPECT_EQ(h.broken(), "");
}

TEST(Ledger, sees_a_producers_records_in_the_wrong_order_from_either_side) {
  History forwards;
  for (std::uint64_t i = 0; i < 3; ++i) forwards.sent(record(i));
  forwards.read(0, record(0));
  forwards.read(1, record(2));
  forwards.read(2, record(1));
  EXPECT_EQ(forwards.broken(), "L5");

  History backwards;
  for (std::uint64_t i = 0; i < 2; ++i) backwards.sent(record(i));
  backwards.read(1, record(0), 1);
  backwards.read(0, record(1), 2);
  EXPECT_EQ(backwards.broken(), "L5");
}

TEST(Ledger, lets_two_producers_mix_and_one_skip_what_failed) {
  History h;
  for (std::uint64_t i = 0; i < 4; ++i) h.sent(record(i, 1));
  for (std::uint64_t i = 0; i < 2; ++i) h.sent(record(i, 2));
  h.read(0, record(0, 1));
  h.read(1, record(0, 2));
  h.read(2, record(3, 1));
  h.read(3, record(1, 2));
  EXPECT_EQ(h.broken(), "");
}

TEST(Ledger, sees_an_offset_that_names_two_records) {
  History told;
  told.sent(record(0));
  told.sent(record(0, 2));
  told.acknowledged(record(0), 0);
  told.acknowledged(record(0, 2), 0);
  EXPECT_EQ(told.broken(), "L1");

  History shown;
  shown.sent(record(0));
  shown.sent(record(0, 2));
  shown.acknowledged(record(0), 7);
  shown.read(7, record(0, 2));
  EXPECT_EQ(shown.broken(), "L1");
}

TEST(Ledger, lets_the_same_be_heard_and_read_many_times) {
  History h;
  h.sent(record(0));
  h.acknowledged(record(0), 0);
  h.acknowledged(record(0), 0);
  for (std::uint64_t reader = 1; reader < 5; ++reader) {
    h.reader_starts(0, reader);
    h.read(0, record(0), reader);
  }
  h.at_the_end({{0, record(0)}});
  EXPECT_EQ(h.broken(), "");
}

TEST(Ledger, sees_a_refused_record) {
  History h;
  h.sent(record(0));
  h.refused(record(0));
  h.read(0, record(0));
  EXPECT_EQ(h.broken(), "D4");
}

TEST(Ledger, sees_a_reader_that_is_shown_a_gap_or_a_record_again) {
  for (const std::int64_t next : {2, 0}) {
    History h;
    for (std::uint64_t i = 0; i < 3; ++i) h.sent(record(i));
    h.reader_starts(0);
    h.read(0, record(0));
    h.read(next, record(static_cast<std::uint64_t>(next)));
    EXPECT_EQ(h.broken(), "L4");
  }
}

TEST(Ledger, lets_a_reader_begin_anew_anywhere) {
  History h;
  for (std::uint64_t i = 0; i < 3; ++i) h.sent(record(i));
  h.reader_starts(0);
  h.read(0, record(0));
  h.reader_starts(2);
  h.read(2, record(2));
  h.reader_starts(0);
  h.read(0, record(0));
  EXPECT_EQ(h.broken(), "");
}

TEST(Ledger, owes_nothing_of_a_deleted_topic) {
  History h;
  h.sent(record(0));
  h.acknowledged(record(0), 0);
  h.ledger.forget(here().topic);
  h.at_the_end({});
  EXPECT_EQ(h.broken(), "");
}

TEST(Ledger, a_record_lies_behind_every_end_that_was_known_when_it_was_sent) {
  for (const std::int64_t offset : {3, 4}) {
    History h;
    h.ledger.told_end(here(), Offset{0}, h.ledger.era(), Offset{4});
    h.sent(record(1));
    h.acknowledged(record(1), offset);
    EXPECT_EQ(h.broken(), offset < 4 ? "D6" : "");
  }
}

TEST(Ledger, what_damage_took_is_owed_no_more_and_its_place_is_free) {
  History h;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    h.sent(record(i), false);
    h.acknowledged(record(i), static_cast<std::int64_t>(i) - 1);
  }
  h.ledger.damaged(here(), Offset{2});
  h.sent(record(5), false);
  h.acknowledged(record(5), 2);
  h.at_the_end({{0, record(1)}, {1, record(2)}, {2, record(5)}});
  EXPECT_EQ(h.broken(), "");
}

}  // namespace
}  // namespace scenarios
