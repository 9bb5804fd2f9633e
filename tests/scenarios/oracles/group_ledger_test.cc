// The judge of groups is told hand-made histories.
#include "scenarios/oracles/group_ledger.h"
#include "tests/scenarios/oracles/broken_rules.h"

#include <gtest/gtest.h>

namespace scenarios {
namespace {

using net::ErrorCode;
using net::Offset;

class GroupHistory {
 public:
  /// A generation in which "a" has partition 0.
  void generation(std::int32_t number) { ledger.assigned(number, "a", ledger.assigning(number, {{"a", {0}}}), {0}); }
  std::uint64_t commit(std::int32_t generation, std::int64_t offset, std::optional<ErrorCode> answer = ErrorCode::none) {
    const std::uint64_t number = ledger.committing(0, generation, Offset{offset});
    ledger.committed(number, answer);
    return number;
  }
  void fetch(std::int64_t offset, std::uint64_t commit) { ledger.fetched(0, ledger.now(), Offset{offset}, GroupLedger::metadata_of(commit)); }
  std::string broken() { return broken_rules(run_); }

 private:
  kernel::StackPool stacks_;
  Run run_{{.seed = 5}, stacks_};

 public:
  GroupLedger ledger{run_};
};

TEST(GroupLedger, an_honest_history_breaks_nothing) {
  GroupHistory h;
  h.generation(1);
  h.ledger.processed(0, Offset{0}, Offset{10});
  h.ledger.beat_taken(1, 1, "a");
  h.fetch(7, h.commit(1, 7));
  EXPECT_EQ(h.broken(), "");
}

TEST(GroupLedger, two_assignments_in_one_generation_are_seen) {
  GroupHistory h;
  h.generation(1);
  h.generation(1);
  EXPECT_EQ(h.broken(), "G1");
}

TEST(GroupLedger, who_was_replaced_may_not_go_on) {
  GroupHistory h;
  h.generation(1);
  h.generation(2);
  h.ledger.beat_taken(1, 2, "a");
  EXPECT_EQ(h.broken(), "G2");
  GroupHistory commits;
  commits.generation(2);
  commits.commit(1, 3);
  EXPECT_EQ(commits.broken(), "G4");
}

TEST(GroupLedger, a_committed_offset_is_a_register_above_what_nobody_processed) {
  GroupHistory h;
  h.generation(1);
  h.ledger.processed(0, Offset{0}, Offset{10});
  const auto first = h.commit(1, 3);
  h.commit(1, 5);
  h.fetch(3, first);
  EXPECT_EQ(h.broken(), "G5");
  GroupHistory far;
  far.generation(1);
  far.ledger.processed(0, Offset{0}, Offset{4});
  far.fetch(5, far.commit(1, 5));
  EXPECT_EQ(far.broken(), "G6");
  GroupHistory gone;
  gone.generation(1);
  gone.ledger.processed(0, Offset{0}, Offset{4});
  gone.commit(1, 4);
  gone.ledger.fetched(0, gone.ledger.now(), Offset{-1}, "");
  EXPECT_EQ(gone.broken(), "G7");
}

TEST(GroupLedger, what_was_not_answered_may_be_there_or_not) {
  GroupHistory h;
  h.generation(1);
  h.ledger.processed(0, Offset{0}, Offset{10});
  const auto first = h.commit(1, 3);
  const auto unknown = h.commit(1, 5, std::nullopt);
  h.fetch(3, first);
  h.fetch(5, unknown);
  EXPECT_EQ(h.broken(), "");
}

}  // namespace
}  // namespace scenarios
