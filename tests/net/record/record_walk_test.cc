#include "net/record/record_walk.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/record/varint.h"
#include "tests/net/record/random_records.h"

namespace net::record {
namespace {

using testing::build;
using testing::OwnedRecord;
using testing::random_pieces;
using testing::random_records;

void append_varint(std::vector<std::byte>& out, std::signed_integral auto value) {
  std::byte bytes[10];
  out.insert(out.end(), bytes, put_varint(bytes, value));
}

struct Region {
  BatchHeader header;
  std::vector<std::byte> records;
  [[nodiscard]] kernel::Result<Walked> walk(WalkRules rules = {}) const {
    const ByteView view{records};
    return walk_records(header, {&view, 1}, rules);
  }
};

Region region_of(const std::vector<OwnedRecord>& records) {
  const auto batch = build(records, {});
  return {BatchHeader::parse(batch).value(), {batch.begin() + kHeaderBytes, batch.end()}};
}

bool failed_at(const kernel::Result<Walked>& walked, Reason reason, std::int64_t index) {
  return !walked && walked.error().is(reason) && walked.error().detail == index;
}

/// What the iterator, which shares no code with the walk but the varints, says of the same bytes.
bool iterator_accepts(const Region& region) {
  RecordIterator iterator{region.header, region.records};
  for (std::int32_t expected = 0;; ++expected) {
    const auto record = iterator.next();
    if (!record) return false;
    if (!*record) return true;
    if ((*record)->offset_delta != expected) return false;
  }
}

TEST(RecordWalk, takes_what_the_builder_makes_and_finds_the_first_largest_timestamp) {
  EXPECT_TRUE(rc::check([] {
    const auto records = random_records();
    const Walked walked = region_of(records).walk().value();
    std::int64_t largest = -1;
    std::int32_t index = 0;
    for (std::size_t i = 0; i < records.size(); ++i)
      if (records[i].timestamp_ms > largest) {
        largest = records[i].timestamp_ms;
        index = static_cast<std::int32_t>(i);
      }
    RC_ASSERT(walked.timestamp_ms_max == largest);
    RC_ASSERT(walked.timestamp_ms_max_index == index);
  }));
}

TEST(RecordWalk, accepts_damaged_records_exactly_when_the_iterator_does) {
  EXPECT_TRUE(rc::check([] {
    Region region = region_of(random_records(5));
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
      region.records[*rc::gen::inRange<std::size_t>(0, region.records.size())] =
          static_cast<std::byte>(*rc::gen::inRange(0, 256));
    RC_ASSERT(region.walk().has_value() == iterator_accepts(region));
  }));
}

TEST(RecordWalk, says_the_same_however_the_bytes_are_cut) {
  EXPECT_TRUE(rc::check([] {
    Region region = region_of(random_records(8));
    if (*rc::gen::arbitrary<bool>())
      region.records[*rc::gen::inRange<std::size_t>(0, region.records.size())] =
          static_cast<std::byte>(*rc::gen::inRange(0, 256));
    const auto whole = region.walk();
    std::vector<std::vector<ByteView>> cuts{random_pieces(region.records), {}};
    for (std::size_t i = 0; i < region.records.size(); ++i) cuts[1].push_back(ByteView{region.records}.subspan(i, 1));
    for (const auto& pieces : cuts) {
      const auto walked = walk_records(region.header, pieces, {});
      RC_ASSERT(walked.has_value() == whole.has_value());
      if (!whole) {
        RC_ASSERT(walked.error().detail == whole.error().detail);
        continue;
      }
      RC_ASSERT(walked->timestamp_ms_max == whole->timestamp_ms_max);
      RC_ASSERT(walked->timestamp_ms_max_index == whole->timestamp_ms_max_index);
    }
  }));
}

TEST(RecordWalk, of_records_cut_at_any_byte_fails) {
  Region region = region_of({{1, "key", "value", {{"h", "x"}}}, {2, std::nullopt, "value", {}}});
  for (const std::vector<std::byte> all = region.records; !region.records.empty();) {
    region.records.pop_back();
    region.records.shrink_to_fit();
    EXPECT_FALSE(region.walk().has_value());
  }
}

TEST(RecordWalk, names_the_record_and_the_rule_it_breaks) {
  const auto with = [](std::vector<std::pair<NewRecord, std::int32_t>> records, std::int32_t count) {
    Region region = region_of({{0, "k", "v", {}}});
    region.records.clear();
    for (const auto& [record, delta] : records) append_record(region.records, record, delta, record.timestamp_ms);
    region.header.records_count = count;
    return region;
  };
  const NewRecord keyed{.timestamp_ms = 5, .key = ByteView{}};
  const NewRecord bare{.timestamp_ms = 5};
  EXPECT_TRUE(with({{keyed, 0}, {keyed, 1}}, 2).walk().has_value());
  EXPECT_TRUE(failed_at(with({{keyed, 0}, {keyed, 2}}, 2).walk(), Reason::offset_gap, 1));
  EXPECT_TRUE(failed_at(with({{keyed, 1}}, 1).walk(), Reason::offset_gap, 0));
  EXPECT_TRUE(failed_at(with({{keyed, 0}, {bare, 1}}, 2).walk({.keys_required = true}), Reason::key_missing, 1));
  EXPECT_TRUE(failed_at(with({{keyed, 0}, {keyed, 1}}, 1).walk(), Reason::trailing_bytes, 1));
  EXPECT_TRUE(failed_at(with({{keyed, 0}}, 2).walk(), Reason::bad_record, 1));
  const Region timed = with({{keyed, 0}, {NewRecord{.timestamp_ms = 9}, 1}, {NewRecord{.timestamp_ms = -1}, 2}}, 3);
  EXPECT_TRUE(timed.walk({.timestamp_ms_min = 5, .timestamp_ms_max = 9}).has_value());
  EXPECT_TRUE(failed_at(timed.walk({.timestamp_ms_min = 5, .timestamp_ms_max = 8}), Reason::timestamp_out_of_range, 1));
  EXPECT_TRUE(failed_at(timed.walk({.timestamp_ms_min = 6}), Reason::timestamp_out_of_range, 0));
}

TEST(RecordWalk, refuses_null_header_keys_and_negative_lengths) {
  const auto after_value = [](std::vector<std::int32_t> numbers) {
    std::vector<std::byte> body{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte{1}};
    for (const std::int32_t number : numbers) append_varint(body, number);
    Region region = region_of({{0, "k", "v", {}}});
    region.records.clear();
    append_varint(region.records, static_cast<std::int32_t>(body.size()));
    region.records.insert(region.records.end(), body.begin(), body.end());
    return region;
  };
  EXPECT_TRUE(after_value({0}).walk().has_value());
  EXPECT_TRUE(after_value({1, 0, -1}).walk().has_value());
  EXPECT_TRUE(failed_at(after_value({1, -1, -1}).walk(), Reason::bad_record, 0));
  EXPECT_TRUE(failed_at(after_value({1, 0, -2}).walk(), Reason::bad_record, 0));
  EXPECT_TRUE(failed_at(after_value({-1}).walk(), Reason::bad_record, 0));
  EXPECT_TRUE(failed_at(after_value({1'000'000'000}).walk(), Reason::bad_record, 0));
  EXPECT_TRUE(failed_at(after_value({0, 0}).walk(), Reason::bad_record, 0));
}

TEST(RecordWalk, of_compressed_records_is_that_of_the_plain_ones) {
  EXPECT_TRUE(rc::check([] {
    const auto records = random_records();
    const auto batch = build(records, {.codec = testing::random_codec()});
    const BatchHeader header = BatchHeader::parse(batch).value();
    const auto walked = walk_compressed_records(header, ByteView{batch}.subspan(kHeaderBytes), 1 << 20, {});
    RC_ASSERT(walked->timestamp_ms_max == region_of(records).walk()->timestamp_ms_max);
  }));
}

TEST(RecordWalk, of_compressed_records_stops_at_the_bound_and_at_bad_streams) {
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const auto batch = build({{1, "k", std::string(100'000, 'x'), {}}}, {.codec = codec});
    const BatchHeader header = BatchHeader::parse(batch).value();
    const ByteView records = ByteView{batch}.subspan(kHeaderBytes);
    EXPECT_TRUE(walk_compressed_records(header, records, 200'000, {}).has_value());
    EXPECT_TRUE(failed_at(walk_compressed_records(header, records, 99'999, {}), Reason::too_large_uncompressed, 0) ||
                walk_compressed_records(header, records, 99'999, {}).error().is(Reason::too_large_uncompressed));
    EXPECT_TRUE(walk_compressed_records(header, records.first(records.size() - 1), 200'000, {})
                    .error().is(Reason::bad_compression));
  }
}

/// What the iterator would find: record by record, in the plainest way.
std::optional<FoundRecord> found_by_iterator(const Region& region, const RecordSearch& search) {
  const RecordRegion unpacked = RecordRegion::open(region.header, region.records, 1u << 20).value();
  RecordIterator iterator = unpacked.iterate();
  std::optional<FoundRecord> best;
  while (const auto record = iterator.next().value()) {
    if (record->offset_delta < search.offset_delta_min || record->offset_delta >= search.offset_delta_end) continue;
    if (record->timestamp_ms < search.timestamp_ms_min) continue;
    if (!best || (search.largest && record->timestamp_ms > best->timestamp_ms)) best = {record->offset_delta, record->timestamp_ms};
  }
  return best;
}

TEST(RecordSearch, finds_what_a_look_at_each_record_finds) {
  EXPECT_TRUE(rc::check([] {
    const auto records = random_records();
    const auto batch = build(records, {.codec = *rc::gen::element(Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd)});
    Region region{BatchHeader::parse(batch).value(), {batch.begin() + kHeaderBytes, batch.end()}};
    if (*rc::gen::arbitrary<bool>()) {  // the log stamped it: one time for all
      region.header.attributes |= 0x08;
      region.header.max_timestamp_ms = 5000;
    }
    RecordSearch search{.largest = *rc::gen::arbitrary<bool>()};
    search.offset_delta_min = *rc::gen::inRange(0, 25);
    search.offset_delta_end = *rc::gen::inRange(0, 25);
    if (*rc::gen::arbitrary<bool>()) search.timestamp_ms_min = records[*rc::gen::inRange<std::size_t>(0, records.size())].timestamp_ms;
    const auto found = search_records(region.header, region.records, 1u << 20, search);
    RC_ASSERT(found.has_value());
    const auto expected = found_by_iterator(region, search);
    RC_ASSERT(found->has_value() == expected.has_value());
    if (!expected) return;
    RC_ASSERT((*found)->offset_delta == expected->offset_delta);
    RC_ASSERT((*found)->timestamp_ms == expected->timestamp_ms);
  }));
}

TEST(RecordSearch, tells_of_damage_and_of_what_unpacks_to_too_much) {
  Region region = region_of(std::vector<OwnedRecord>(3, OwnedRecord{.timestamp_ms = 7, .value = "value"}));
  const auto whole = region.records;
  region.records.pop_back();
  EXPECT_TRUE(search_records(region.header, region.records, 1000, {}).error().is(Reason::bad_record));
  region.records = whole;
  region.records.push_back(std::byte{0});
  EXPECT_TRUE(search_records(region.header, region.records, 1000, {}).error().is(Reason::trailing_bytes));
  const auto batch = build({OwnedRecord{.value = std::string(5000, 'v')}}, {.codec = Codec::zstd});
  const Region packed{BatchHeader::parse(batch).value(), {batch.begin() + kHeaderBytes, batch.end()}};
  EXPECT_TRUE(search_records(packed.header, packed.records, 4000, {}).error().is(Reason::too_large_uncompressed));
}

TEST(Varint, round_trips_and_refuses_what_does_not_fit) {
  EXPECT_TRUE(rc::check([](std::int64_t value) {
    const std::int64_t scaled = value >> *rc::gen::inRange(0, 63);
    std::vector<std::byte> bytes;
    append_varint(bytes, scaled);
    RC_ASSERT(bytes.size() == varint_bytes(scaled));
    const std::byte* p = bytes.data();
    std::int64_t back = 0;
    RC_ASSERT(read_varint(p, bytes.data() + bytes.size(), back));
    RC_ASSERT(back == scaled);
    p = bytes.data();
    RC_ASSERT(!read_varint(p, bytes.data() + bytes.size() - 1, back));
    std::int32_t narrow = 0;
    p = bytes.data();
    const bool fits = scaled >= INT32_MIN && scaled <= INT32_MAX;
    RC_ASSERT(read_varint(p, bytes.data() + bytes.size(), narrow) == fits);
    if (fits) RC_ASSERT(narrow == scaled);
  }));
  const std::vector<std::byte> endless(20, std::byte{0x80});
  const std::byte* p = endless.data();
  std::int64_t value = 0;
  EXPECT_FALSE(read_varint(p, endless.data() + endless.size(), value));
}

}  // namespace
}  // namespace net::record
