#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "broker/log/offset_index.h"
#include "broker/log/time_index.h"

namespace broker::log {
namespace {

constexpr Offset kBase{1000};

std::vector<OffsetIndex::Entry> random_entries() {
  std::vector<OffsetIndex::Entry> entries;
  std::int64_t offset = kBase.raw() - 1;
  std::int32_t position = 0;
  for (auto n = *rc::gen::inRange(0, 40); n > 0; --n) {
    offset += *rc::gen::inRange(1, 10);
    position += *rc::gen::inRange(1, 5000);
    entries.push_back({Offset{offset}, position});
  }
  return entries;
}

OffsetIndex index_of(const std::vector<OffsetIndex::Entry>& entries, std::size_t entries_max = 100) {
  OffsetIndex index{kBase, entries_max};
  for (const auto& [offset, position] : entries) index.append(offset, position);
  return index;
}

TEST(OffsetIndex, finds_the_greatest_entry_not_above_as_a_search_through_all_does) {
  EXPECT_TRUE(rc::check([] {
    const auto entries = random_entries();
    const OffsetIndex index = index_of(entries);
    for (std::int64_t target = 990; target < 1450; ++target) {
      OffsetIndex::Entry expected{kBase, 0};
      for (const auto& entry : entries)
        if (entry.offset.raw() <= target) expected = entry;
      RC_ASSERT(index.lookup(Offset{target}) == expected);
    }
  }));
}

TEST(OffsetIndex, is_parsed_back_and_cut_as_a_list_of_its_entries) {
  EXPECT_TRUE(rc::check([] {
    auto entries = random_entries();
    OffsetIndex index = OffsetIndex::parse(kBase, index_of(entries).encode(), 100).value();
    const Offset end{*rc::gen::inRange(990, 1450)};
    index.truncate(end);
    std::erase_if(entries, [&](const auto& entry) { return entry.offset >= end; });
    RC_ASSERT(index.size() == entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) RC_ASSERT(index.at(i) == entries[i]);
    RC_ASSERT(index.last().has_value() == !entries.empty());
  }));
}

TEST(OffsetIndex, has_the_bytes_that_the_format_says) {
  const auto bytes = index_of({{Offset{1005}, 0x01020304}}).encode();
  const std::vector<int> expected{0, 0, 0, 5, 1, 2, 3, 4};
  ASSERT_EQ(bytes.size(), expected.size());
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(static_cast<int>(bytes[i]), expected[i]);
}

TEST(OffsetIndex, is_full_at_its_capacity) {
  OffsetIndex index{kBase, 2};
  index.append(Offset{1000}, 10);
  EXPECT_FALSE(index.is_full());
  index.append(Offset{1001}, 20);
  EXPECT_TRUE(index.is_full());
}

TEST(OffsetIndex, refuses_files_that_cannot_be_one) {
  const auto parse = [](const std::vector<std::byte>& file) { return OffsetIndex::parse(kBase, file, 100); };
  auto file = index_of({{Offset{1001}, 10}, {Offset{1002}, 20}}).encode();
  EXPECT_TRUE(parse({file.begin(), file.end() - 1}).error().is(Reason::bad_size));
  auto zeros = file;
  zeros.resize(24);  // a preallocated file that was not trimmed
  EXPECT_TRUE(parse(zeros).error().is(Reason::bad_entry));
  EXPECT_EQ(parse(zeros).error().detail, 2);
  auto negative = file;
  negative[0] = std::byte{0x80};
  EXPECT_EQ(parse(negative).error().detail, 0);
  auto position_back = file;
  kernel::store_be(position_back.data() + 12, 10);
  EXPECT_EQ(parse(position_back).error().detail, 1);
}

TEST(OffsetIndex, dies_when_an_entry_would_go_back_or_not_fit) {
  OffsetIndex index = index_of({{Offset{1005}, 50}}, 2);
  EXPECT_DEATH(index.append(Offset{1005}, 60), "relative >");
  EXPECT_DEATH(index.append(Offset{1006}, 50), "position >");
  EXPECT_DEATH(index.append(kBase + (std::int64_t{1} << 31), 60), "relative <=");
  index.append(Offset{1006}, 60);
  EXPECT_DEATH(index.append(Offset{1007}, 70), "is_full");
}

TEST(TimeIndex, agrees_with_a_list_of_what_was_offered) {
  EXPECT_TRUE(rc::check([] {
    TimeIndex index{kBase, 100};
    std::vector<TimeIndex::Entry> kept;
    std::int64_t offset = kBase.raw();
    for (auto n = *rc::gen::inRange(0, 40); n > 0; --n) {
      const auto time = *rc::gen::inRange<std::int64_t>(-1, 200);
      offset += *rc::gen::inRange(0, 5);
      const bool fresh = time > (kept.empty() ? -1 : kept.back().timestamp_ms);
      RC_ASSERT(index.append(time, Offset{offset}) == fresh);
      if (fresh) kept.push_back({time, Offset{offset}});
    }
    index = TimeIndex::parse(kBase, index.encode(), 100).value();
    for (std::int64_t target = -2; target < 202; ++target) {
      TimeIndex::Entry expected{-1, kBase};
      for (const auto& entry : kept)
        if (entry.timestamp_ms <= target) expected = entry;
      RC_ASSERT(index.lookup(target) == expected);
    }
    const Offset end{*rc::gen::inRange(995, 1200)};
    index.truncate(end);
    std::erase_if(kept, [&](const auto& entry) { return entry.offset >= end; });
    RC_ASSERT(index.size() == kept.size());
  }));
}

TEST(TimeIndex, keeps_a_slot_for_the_closing_entry) {
  TimeIndex index{kBase, 2};
  EXPECT_TRUE(index.append(5, kBase));
  EXPECT_TRUE(index.is_full());
  EXPECT_FALSE(index.append(5, kBase + 1, /*closing=*/true));
  EXPECT_TRUE(index.append(6, kBase + 1, /*closing=*/true));
}

TEST(TimeIndex, that_was_closed_too_early_is_closed_again_in_the_same_slot) {
  TimeIndex index{kBase, 2};
  EXPECT_TRUE(index.append(5, kBase));
  EXPECT_TRUE(index.append(6, kBase + 1, /*closing=*/true));
  EXPECT_TRUE(index.append(7, kBase + 2, /*closing=*/true));
  ASSERT_EQ(index.size(), 2u);
  EXPECT_EQ(index.last()->timestamp_ms, 7);
  EXPECT_EQ(index.at(0).timestamp_ms, 5);
}

TEST(TimeIndex, refuses_files_that_cannot_be_one) {
  TimeIndex index{kBase, 10};
  index.append(5, kBase + 1);
  index.append(6, kBase + 2);
  const auto file = index.encode();
  EXPECT_TRUE(TimeIndex::parse(kBase, kernel::ByteView{file}.first(23), 10).error().is(Reason::bad_size));
  for (const auto& [at, value] : {std::pair<std::size_t, int>{12 + 7, 5}, {12 + 11, 0}}) {
    auto bad = file;
    bad[at] = static_cast<std::byte>(value);
    const auto parsed = TimeIndex::parse(kBase, bad, 10);
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().detail, 1);
  }
}

}  // namespace
}  // namespace broker::log
