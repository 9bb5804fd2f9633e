#include "clients/cli/refusal.h"

#include <gtest/gtest.h>

#include <vector>

namespace clients::cli {
namespace {

using producer::Delivery;
using producer::Refusal;

const Delivery kFailed{.outcome = Delivery::Outcome::failed};
const Delivery kUnknown{.outcome = Delivery::Outcome::unknown};

TEST(Refusal, the_line_that_the_broker_blames_is_named_first_and_what_it_takes_with_it) {
  const std::vector<std::uint64_t> lines{7, 8, 9, 12};
  const Refusal refusal{.message = "rejected", .records = {{2, "no key"}}};
  EXPECT_EQ(what_failed(lines, kFailed, refusal),
            "line 9: the record was refused, and with it 3 others of the same batch, lines 7 to 12 (the lines before 7 were acknowledged)");
  EXPECT_EQ(said_by_broker(lines, refusal), "no key");
}

TEST(Refusal, several_lines_are_named_and_very_many_are_counted) {
  const std::vector<std::uint64_t> lines{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(what_failed(lines, kFailed, {.records = {{1, "a"}, {3, "b"}}}),
            "lines 2, 4: the records were refused, and with them 6 others of the same batch, lines 1 to 8");
  Refusal all;
  for (int i = 0; i < 8; ++i) all.records.push_back({i, ""});
  EXPECT_EQ(what_failed(lines, kFailed, all), "lines 1, 2, 3, 4, 5 and 3 more: the records were refused");
}

TEST(Refusal, where_nobody_is_blamed_it_is_the_batch_from_its_first_line) {
  const std::vector<std::uint64_t> lines{4, 5};
  EXPECT_EQ(what_failed(lines, kFailed, {.message = "too large"}),
            "line 4: the record was not written, nor 1 other of the same batch, to line 5 (the lines before 4 were acknowledged)");
  EXPECT_EQ(said_by_broker(lines, {.message = "too large"}), "too large");
  EXPECT_EQ(said_by_broker(lines, {.message = "rejected", .records = {{0, ""}}}), "rejected");
  EXPECT_EQ(what_failed(std::vector<std::uint64_t>{1}, kFailed, {}), "line 1: the record was not written");
}

TEST(Refusal, an_unknown_outcome_is_never_called_a_refusal) {
  const std::vector<std::uint64_t> lines{4, 5};
  EXPECT_EQ(what_failed(lines, kUnknown, {.records = {{1, "x"}}}),
            "line 4: the record may or may not be on the log, and so 1 other of the same batch, to line 5 (the lines before 4 were acknowledged)");
}

TEST(Refusal, a_broker_that_blames_records_which_are_not_there_blames_nobody) {
  const std::vector<std::uint64_t> lines{4};
  const Refusal refusal{.message = "odd", .records = {{-1, "a"}, {1, "b"}, {INT32_MAX, "c"}}};
  EXPECT_EQ(what_failed(lines, kFailed, refusal), "line 4: the record was not written (the lines before 4 were acknowledged)");
  EXPECT_EQ(said_by_broker(lines, refusal), "odd");
}

}  // namespace
}  // namespace clients::cli
