#include "clients/cli/times.h"

#include <gtest/gtest.h>

#include "clients/cli/offsets_file.h"

namespace clients::cli {
namespace {

using namespace std::chrono_literals;

TEST(Datetime, is_read_with_and_without_parts) {
  EXPECT_EQ(parse_datetime_ms("1970-01-02"), 86'400'000);
  EXPECT_EQ(parse_datetime_ms("1970-01-01T00:01"), 60'000);
  EXPECT_EQ(parse_datetime_ms("2026-03-01T12:30:15.250"), 1'772'368'215'250);
  EXPECT_EQ(parse_datetime_ms("2026-03-01 12:30:15.250Z"), 1'772'368'215'250);
  EXPECT_EQ(parse_datetime_ms("2026-03-01T13:30:15.250+01:00"), 1'772'368'215'250);
  EXPECT_EQ(parse_datetime_ms("2026-03-01T07:00:15.250-0530"), 1'772'368'215'250);
  EXPECT_EQ(parse_datetime_ms("@1772368215250"), 1'772'368'215'250);
}

TEST(Datetime, that_makes_no_sense_is_none) {
  for (const char* text : {"", "@", "@-1", "2026", "2026-13-01", "2026-02-30", "2026-03-01T", "2026-03-01T25:00", "2026-03-01T12:30:15.2",
                           "2026-03-01T12:30X", "2026-03-01T12:30+1", "@12x"})
    EXPECT_FALSE(parse_datetime_ms(text)) << text;
}

TEST(Duration, is_read_as_people_and_as_kafkas_tools_write_it) {
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("2h30m"), 150min);
  EXPECT_EQ(parse_duration("7d"), 168h);
  EXPECT_EQ(parse_duration("P1DT2H30M5S"), 24h + 2h + 30min + 5s);
  EXPECT_EQ(parse_duration("PT15M"), 15min);
  for (const char* text : {"", "P", "PT", "90", "s", "-5s", "P1M", "5x", "PT1D", "99999999999999999999s", "9223372036854775807d"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Duration, is_printed_in_its_two_largest_units) {
  EXPECT_EQ(print_duration(250ms), "250ms");
  EXPECT_EQ(print_duration(59'999ms), "59s");
  EXPECT_EQ(print_duration(200s), "3m 20s");
  EXPECT_EQ(print_duration(52h), "2d 4h");
}

TEST(OffsetLine, is_read_in_both_forms_of_kafkas_tool) {
  const auto three = parse_offset_line("orders,2,17");
  ASSERT_TRUE(three);
  EXPECT_EQ(three->at, (core::TopicPartition{"orders", net::PartitionId{2}}));
  EXPECT_EQ(three->offset, 17);
  const auto four = parse_offset_line("\"billing\",\"orders\", 2, 17\r");
  ASSERT_TRUE(four);
  EXPECT_EQ(four->group, "billing");
  EXPECT_EQ(four->offset, 17);
  EXPECT_EQ(print_offset_line(three->at, net::Offset{17}), "orders,2,17\n");
  for (const char* line : {"", "orders", "orders,2", "orders,-1,3", "orders,x,3", ",2,3", "a,b,c,d,e", "orders,2,"})
    EXPECT_FALSE(parse_offset_line(line)) << line;
}

}  // namespace
}  // namespace clients::cli
