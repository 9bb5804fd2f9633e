// What stays of single batches, without a log: a story of batches goes through collector and filter as a cleaning
// takes them.
#include "broker/log/cleaner/batch_filter.h"

#include "broker/log/cleaner/key_collector.h"
#include "tests/broker/log/cleaner/keyed_log.h"

namespace broker::log::cleaner {
namespace {

using namespace testing;

const std::int64_t kThen = KeyedRecord{}.timestamp_ms;
constexpr std::int64_t kNow = 1'800'000'000'000;
constexpr std::int64_t kDay = 24ll * 3600 * 1000;
const net::ProducerId kAnna{7};

struct Cleaning {
  std::int64_t now_ms = kNow;
  LastOfProducers last_of_producers;
  std::optional<Offset> to;
  std::uint64_t map_bytes = 1 << 20;
};
struct CleanedStory {
  std::string bytes;
  std::vector<BatchHeader> headers;
  Offset end{0};
  FilterCounts counts;
  [[nodiscard]] Seen seen() const { return records_of(bytes); }
};

/// Batches one after the other get the offsets they have in their headers; `from`: how far it was cleaned before.
CleanedStory clean(const std::vector<Buffer>& story, const Cleaning& how = {}, Offset from = Offset{0}) {
  Offset to{0};
  for (const Buffer& batch : story) to = BatchHeader::parse(batch.view())->next_offset();
  to = how.to.value_or(to);
  OffsetMap map{{1, 2}, {.bytes_max = how.map_bytes, .load_factor = 0.9, .keys_expected = 1000}};
  KeyCollector keys{map, from};
  for (const Buffer& batch : story) {
    const auto header = *BatchHeader::parse(batch.view());
    if (header.next_offset() <= from) continue;
    if (header.base_offset >= to) break;
    const auto more = keys.take(header, batch.view());
    EXPECT_TRUE(more.has_value());
    if (!more || !*more) break;
  }
  CleanedStory out;
  out.end = keys.end(to);
  BatchFilter filter{{.map = map, .end = out.end, .now_ms = how.now_ms, .delete_retention_ms = kDay,
                      .aborted = keys.aborted(), .last_of_producers = how.last_of_producers}};
  FilteredBatches left;
  for (const Buffer& batch : story) EXPECT_OK(filter.take(*BatchHeader::parse(batch.view()), batch.view(), left));
  out.bytes = kernel::as_text(left.bytes);
  out.headers = left.headers;
  out.counts = filter.counts();
  net::record::BatchReader reader{left.bytes};
  for (const BatchHeader& header : left.headers) {
    const auto batch = *reader.next();
    EXPECT_EQ(batch->header, header) << "the header that is told is not the one that was written";
    const kernel::ByteView whole = batch->bytes;
    EXPECT_EQ(net::record::compute_crc({&whole, 1}), header.crc);
  }
  EXPECT_TRUE(reader.rest().empty());
  return out;
}

std::vector<Buffer> split(const CleanedStory& story) {
  std::vector<Buffer> batches;
  net::record::BatchReader reader{kernel::as_bytes(story.bytes)};
  while (const auto batch = *reader.next()) batches.push_back(Buffer::copy_of(batch->bytes));
  return batches;
}

Buffer marker(net::record::ControlType type, std::int64_t offset) {
  return Buffer::copy_of(net::record::build_transaction_marker(
      {.type = type, .producer_id = kAnna, .producer_epoch = net::ProducerEpoch{0}, .timestamp_ms = 5},
      Offset{offset}, net::LeaderEpoch{1}));
}
KeyedShape of_anna(std::int64_t base_offset, bool transactional = true) {
  return {.producer = kAnna, .epoch = net::ProducerEpoch{0}, .sequence = static_cast<std::int32_t>(base_offset),
          .transactional = transactional, .base_offset = base_offset};
}

TEST(BatchFilterTest, the_last_record_of_each_key_stays_under_its_offset_with_its_content) {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const auto cleaned = clean({keyed_batch({{"a", "1", 100}, {"b", "1", 300}, {"c", "1", 200}}, {.codec = codec}),
                                keyed_batch({{"a", "2", 400}, {"a", "3", 350}}, {.codec = codec, .base_offset = 3})});
    EXPECT_EQ(cleaned.seen(), (Seen{{Offset{1}, {"b", "1", 300}}, {Offset{2}, {"c", "1", 200}}, {Offset{4}, {"a", "3", 350}}}));
    ASSERT_EQ(cleaned.headers.size(), 2u);
    EXPECT_EQ(cleaned.headers[0].base_offset, Offset{0}) << "a batch keeps its borders";
    EXPECT_EQ(cleaned.headers[0].last_offset(), Offset{2});
    EXPECT_EQ(cleaned.headers[0].codec(), codec);
    EXPECT_EQ(cleaned.headers[0].max_timestamp_ms, 300);
    EXPECT_EQ(cleaned.headers[1].max_timestamp_ms, 350) << "of what is left";
    EXPECT_EQ(cleaned.counts.records_removed, 2u);
  }
}

TEST(BatchFilterTest, append_time_stays_that_of_the_batch) {
  Buffer batch = keyed_batch({{"a", "1", 100}, {"b", "1", 200}});
  net::record::stamp_timestamps(batch.stamp(), net::record::TimestampType::log_append_time, 777);
  const auto cleaned = clean({batch, keyed_batch({{"b", "2", 900}}, {.base_offset = 2})});
  EXPECT_EQ(cleaned.headers[0].max_timestamp_ms, 777);
  EXPECT_EQ(cleaned.seen().at(Offset{0}).timestamp_ms, 777);
}

TEST(BatchFilterTest, a_batch_of_which_nothing_is_removed_stays_byte_by_byte) {
  const Buffer batch = keyed_batch({{"a", "1"}, {"b", "1"}}, {.codec = Codec::lz4});
  EXPECT_EQ(clean({batch}).bytes, kernel::as_text(batch.view()));
}

TEST(BatchFilterTest, records_without_a_key_go) {
  net::record::BatchBuilder builder{{}};
  builder.append({.timestamp_ms = 1, .value = kernel::as_bytes("no key")});
  builder.append({.timestamp_ms = 1, .key = kernel::as_bytes(""), .value = kernel::as_bytes("an empty key is one")});
  const auto cleaned = clean({Buffer::copy_of(builder.build())});
  ASSERT_EQ(cleaned.seen().size(), 1u);
  EXPECT_TRUE(cleaned.seen().contains(Offset{1}));
}

TEST(BatchFilterTest, a_tombstone_stays_until_its_horizon_which_the_first_cleaning_sets) {
  const std::vector<Buffer> story{keyed_batch({{"a", "1", 100}}), keyed_batch({{"a", std::nullopt, 150}, {"b", "1", 160}}, {.base_offset = 1})};
  // Its own timestamp is long past: it does not count.
  const auto first = clean(story);
  EXPECT_EQ(first.seen(), (Seen{{Offset{1}, {"a", std::nullopt, 150}}, {Offset{2}, {"b", "1", 160}}}));
  ASSERT_EQ(first.headers.size(), 1u);
  EXPECT_TRUE(first.headers[0].has_delete_horizon());
  EXPECT_EQ(first.headers[0].base_timestamp_ms, kNow + kDay);
  EXPECT_EQ(first.headers[0].max_timestamp_ms, 160);

  const auto later = clean(split(first), {.now_ms = kNow + kDay - 1});
  EXPECT_EQ(later.bytes, first.bytes) << "a second cleaning does not begin the time anew";
  const auto past = clean(split(first), {.now_ms = kNow + kDay});
  EXPECT_EQ(past.seen(), (Seen{{Offset{2}, {"b", "1", 160}}}));
  EXPECT_EQ(past.counts.tombstones_removed, 1u);
}

TEST(BatchFilterTest, nothing_at_or_above_the_end_changes_or_counts) {
  const Buffer above = keyed_batch({{"a", "9"}, {"b", std::nullopt}, {"b", "9"}}, {.base_offset = 2});
  const auto cleaned = clean({keyed_batch({{"a", "1"}, {"b", "1"}}), above}, {.to = Offset{2}});
  EXPECT_EQ(cleaned.end, Offset{2});
  EXPECT_EQ(cleaned.seen().size(), 5u);
  EXPECT_TRUE(cleaned.bytes.ends_with(kernel::as_text(above.view())));
}

TEST(BatchFilterTest, what_does_not_fit_into_memory_is_left_for_another_time) {
  std::vector<Buffer> story;
  for (int i = 0; i < 20; ++i) story.push_back(keyed_batch({{fmt::format("k{}", i % 10), fmt::to_string(i)}, {"same", fmt::to_string(i)}}, {.base_offset = 2 * i}));
  auto all = clean(story).seen();
  EXPECT_EQ(all.size(), 11u);
  Offset done{0};
  int rounds = 0;
  for (; done < Offset{40} && rounds < 100; ++rounds) {
    const auto part = clean(story, {.map_bytes = 5 * OffsetMap::kEntryBytes}, done);
    ASSERT_GT(part.end, done) << "no progress";
    story = split(part);
    done = part.end;
  }
  EXPECT_GT(rounds, 5);
  const auto parts = clean(story, {}, Offset{40}).seen();
  EXPECT_EQ(fold(parts), fold(all));
}

TEST(BatchFilterTest, the_last_batch_of_a_live_producer_stays_empty_with_its_sequence) {
  const std::vector<Buffer> story{keyed_batch({{"a", "1", 9}}, of_anna(0, false)),
                                  keyed_batch({{"a", "2", 8}, {"a", "3", 7}}, of_anna(1, false)),
                                  keyed_batch({{"a", "4", 6}}, {.base_offset = 3})};
  const LastOfProducers live{{kAnna, {net::ProducerEpoch{0}, Offset{2}}}};
  const auto cleaned = clean(story, {.last_of_producers = live});
  ASSERT_EQ(cleaned.headers.size(), 2u);
  const BatchHeader& kept = cleaned.headers[0];
  EXPECT_EQ(kept.records_count, 0);
  EXPECT_EQ(kept.size_bytes(), net::record::kHeaderBytes);
  EXPECT_EQ(kept.base_offset, Offset{1});
  EXPECT_EQ(kept.last_offset(), Offset{2});
  EXPECT_EQ(kept.base_sequence, 1);
  EXPECT_EQ(kept.last_sequence(), 2);
  EXPECT_EQ(kept.base_timestamp_ms, -1);
  EXPECT_EQ(kept.max_timestamp_ms, 8);
  ProducerState state;
  state.apply(kept);
  ProducerState original;
  original.apply(*BatchHeader::parse(story[1].view()));
  EXPECT_EQ(state, original);
  EXPECT_EQ(clean(split(cleaned), {.last_of_producers = live}).bytes, cleaned.bytes) << "cleaned again";
  EXPECT_EQ(clean(split(cleaned)).headers.size(), 1u) << "the producer is forgotten, and so is its batch";
}

TEST(BatchFilterTest, records_of_an_aborted_transaction_go_and_supersede_nothing) {
  const std::vector<Buffer> story{keyed_batch({{"a", "good"}}), keyed_batch({{"a", "bad"}}, of_anna(1)),
                                  marker(net::record::ControlType::abort, 2)};
  const auto cleaned = clean(story);
  EXPECT_EQ(cleaned.seen(), (Seen{{Offset{0}, {"a", "good", kThen}}}));
  ASSERT_EQ(cleaned.headers.size(), 2u) << "the marker stays as long as anything may need it";
  EXPECT_FALSE(cleaned.headers[1].has_delete_horizon()) << "its data was there a moment ago";
  const auto second = clean(split(cleaned));
  ASSERT_EQ(second.headers.size(), 2u);
  EXPECT_TRUE(second.headers[1].has_delete_horizon());
  EXPECT_EQ(clean(split(second), {.now_ms = kNow + kDay - 1}).headers.size(), 2u);
  EXPECT_EQ(clean(split(second), {.now_ms = kNow + kDay}).headers.size(), 1u);
}

TEST(BatchFilterTest, a_commit_marker_stays_while_a_record_of_its_transaction_does) {
  std::vector<Buffer> story{keyed_batch({{"a", "1"}}), keyed_batch({{"a", "2"}}, of_anna(1)),
                            marker(net::record::ControlType::commit, 2)};
  auto cleaned = clean(story);
  EXPECT_EQ(cleaned.seen(), (Seen{{Offset{1}, {"a", "2", kThen}}}));
  cleaned = clean(split(cleaned), {.now_ms = kNow + 2 * kDay});
  ASSERT_EQ(cleaned.headers.size(), 2u);
  EXPECT_FALSE(cleaned.headers[1].has_delete_horizon());
}

TEST(BatchFilterTest, a_key_that_looks_like_a_marker_takes_no_marker_away) {
  const std::vector<std::byte> key = net::record::control_key(net::record::ControlType::commit);
  const std::string text{kernel::as_text(key)};
  const auto cleaned = clean({keyed_batch({{"a", "1"}}, of_anna(0)), marker(net::record::ControlType::commit, 1),
                              keyed_batch({{text, "x"}}, {.base_offset = 2})});
  EXPECT_EQ(cleaned.headers.size(), 3u);
}

TEST(BatchFilterTest, an_abort_marker_stays_while_an_empty_batch_of_its_transaction_does) {
  const LastOfProducers live{{kAnna, {net::ProducerEpoch{0}, Offset{0}}}};
  const auto first = clean({keyed_batch({{"a", "1"}}, of_anna(0)), marker(net::record::ControlType::abort, 1),
                            keyed_batch({{"a", "2"}}, {.base_offset = 2})},
                           {.last_of_producers = live});
  ASSERT_EQ(first.headers.size(), 3u);
  EXPECT_EQ(first.headers[0].records_count, 0);
  // Who reads the log from its start would else think the transaction open for ever.
  auto later = first;
  for (int round = 1; round <= 3; ++round) {
    later = clean(split(later), {.now_ms = kNow + round * 2 * kDay, .last_of_producers = live}, Offset{3});
    EXPECT_EQ(later.bytes, first.bytes);
  }
  // Nothing of it is left once the producer is forgotten.
  for (int round = 4; round <= 6; ++round) later = clean(split(later), {.now_ms = kNow + round * 2 * kDay}, Offset{3});
  EXPECT_EQ(later.headers.size(), 1u);
}

TEST(BatchFilterTest, what_an_undecided_transaction_began_is_not_cleaned) {
  const auto cleaned = clean({keyed_batch({{"a", "1"}}), keyed_batch({{"b", "1"}}, {.base_offset = 1}),
                              keyed_batch({{"a", "2"}}, of_anna(2)), keyed_batch({{"c", "1"}}, {.base_offset = 3})});
  EXPECT_EQ(cleaned.end, Offset{2});
  EXPECT_EQ(cleaned.seen().size(), 4u) << "nothing may supersede before it is committed";
}

TEST(BatchFilterTest, damage_is_told_and_not_written_anew) {
  Buffer batch = keyed_batch({{"a", "1"}, {"b", "1"}});
  batch.stamp()[70] ^= std::byte{1};
  OffsetMap map{{1, 2}, {}};
  const std::vector<AbortedTransaction> none;
  const LastOfProducers nobody;
  BatchFilter filter{{.map = map, .end = Offset{10}, .aborted = none, .last_of_producers = nobody}};
  FilteredBatches left;
  EXPECT_TRUE(filter.take(*BatchHeader::parse(batch.view()), batch.view(), left).error().is(net::record::Reason::bad_crc));
  EXPECT_TRUE(left.bytes.empty());
}

}  // namespace
}  // namespace broker::log::cleaner
