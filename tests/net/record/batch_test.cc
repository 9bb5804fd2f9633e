#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/record/batch_builder.h"
#include "net/record/batch_reader.h"
#include "net/record/control.h"
#include "net/record/validate.h"
#include "tests/net/record/random_records.h"

namespace net::record {
namespace {

using testing::build;
using testing::OwnedRecord;
using testing::random_codec;
using testing::random_records;
using testing::read;

BatchView only_batch(ByteView bytes) { return BatchReader{bytes}.next().value().value(); }

kernel::Result<BatchHeader> judge(ByteView bytes) { return validate_client_batch({&bytes, 1}); }

/// A batch whose header was changed and whose checksum fits the change.
std::vector<std::byte> with_header(std::vector<std::byte> batch, auto change) {
  BatchHeader header = BatchHeader::parse(batch).value();
  change(header);
  header.write(batch);
  const ByteView whole{batch};
  header.crc = compute_crc({&whole, 1});
  header.write(batch);
  return batch;
}

std::vector<std::byte> sample() {
  return build({{1000, "k", "v", {}}, {1001, std::nullopt, "", {{"h", std::nullopt}}}}, {});
}

TEST(Batch, is_read_back_as_it_was_built_with_every_codec) {
  EXPECT_TRUE(rc::check([] {
    const auto records = random_records();
    const auto bytes = build(records, {.codec = random_codec(), .base_offset = Offset{*rc::gen::inRange(0, 1000)}});
    const ByteView view{bytes};
    RC_ASSERT(judge(view).has_value());
    RC_ASSERT(read(only_batch(view)).value() == records);
  }));
}

// Bytes written out by hand from the format's definition.
TEST(Batch, has_the_bytes_that_the_format_says) {
  const std::string value = "hi";
  BatchBuilder builder{{.base_offset = Offset{5}, .leader_epoch = LeaderEpoch{3}, .producer_id = ProducerId{9},
                        .producer_epoch = ProducerEpoch{1}, .base_sequence = 7}};
  const std::vector<RecordHeader> headers{{"h", std::nullopt}};
  builder.append({.timestamp_ms = 1000, .value = kernel::as_bytes(value), .headers = headers});
  builder.append({.timestamp_ms = 1002, .key = ByteView{}, .value = kernel::as_bytes(value)});
  const std::vector<std::byte> batch = builder.build();
  const std::vector<int> expected{
      0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 70, 0, 0, 0, 3, 2, -1, -1, -1, -1, 0, 0, 0, 0, 0, 1,
      0, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 0, 3, 0xea, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 7, 0, 0, 0, 2,
      22, 0, 0, 0, 1, 4, 'h', 'i', 2, 2, 'h', 1,
      16, 0, 4, 2, 0, 4, 'h', 'i', 0};
  ASSERT_EQ(batch.size(), expected.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (expected[i] == -1) continue;  // the checksum
    EXPECT_EQ(static_cast<int>(batch[i]), expected[i]) << i;
  }
}

TEST(Batch, keeps_null_and_empty_apart) {
  const std::vector<OwnedRecord> records{{1, std::nullopt, "", {{"", std::nullopt}, {"", ""}}},
                                         {1, "", std::nullopt, {}}};
  EXPECT_EQ(read(only_batch(build(records, {}))).value(), records);
}

TEST(Batch, cut_at_any_byte_is_incomplete_and_never_misread) {
  EXPECT_TRUE(rc::check([] {
    const auto bytes = build(random_records(4), {.codec = random_codec()});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      // A copy of its own, so that a sanitizer sees a read past its end.
      const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      BatchReader reader{cut};
      RC_ASSERT(!reader.next().value().has_value());
      RC_ASSERT(reader.rest().size() == size);
      RC_ASSERT(judge(cut).error().is(Reason::incomplete));
    }
  }));
}

TEST(Batch, with_any_bit_flipped_is_refused_unless_the_bit_is_stamped_by_the_leader) {
  EXPECT_TRUE(rc::check([] {
    auto bytes = build(random_records(4), {.codec = random_codec()});
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] ^= static_cast<std::byte>(1 << *rc::gen::inRange(0, 8));
    const bool leaders = at < 8 || (at >= 12 && at < 16);
    RC_ASSERT(judge(bytes).has_value() == leaders);
  }));
}

TEST(Batch, records_cut_or_garbled_give_an_error_or_other_records_but_no_overread) {
  EXPECT_TRUE(rc::check([] {
    const auto codec = random_codec();
    const auto bytes = build(random_records(6), {.codec = codec});
    const BatchView batch = only_batch(bytes);
    auto region = std::vector<std::byte>(batch.records().begin(), batch.records().end());
    if (*rc::gen::arbitrary<bool>()) region.resize(*rc::gen::inRange<std::size_t>(0, region.size()));
    else region[*rc::gen::inRange<std::size_t>(0, region.size())] ^= std::byte{*rc::gen::inRange<unsigned char>(1, 255)};
    const auto opened = RecordRegion::open(batch.header, region, 1 << 20);
    if (!opened) return;
    RecordIterator iterator = opened->iterate();
    for (int i = 0; i <= batch.header.records_count; ++i) {
      const auto next = iterator.next();
      if (!next || !*next) return;
      RC_ASSERT((*next)->headers.to_vector().size() == static_cast<std::size_t>((*next)->headers.size()));
    }
    RC_FAIL("more records than the header counts");
  }));
}

TEST(Batch, cut_short_inside_its_records_has_a_bad_record) {
  const auto bytes = build({{1, "k", "v", {{"h", "x"}}}}, {});
  const BatchView batch = only_batch(bytes);
  for (std::size_t size = 0; size < batch.records().size(); ++size) {
    const std::vector<std::byte> cut(batch.records().begin(), batch.records().begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(RecordIterator(batch.header, cut).next().error().is(Reason::bad_record)) << size;
  }
}

TEST(BatchReader, yields_batches_in_order_and_leaves_the_incomplete_tail) {
  const auto a = build({{1, "a", "1", {}}}, {});
  const auto b = build({{2, "b", "2", {}}, {3, "c", "3", {}}}, {.base_offset = Offset{1}});
  std::vector<std::byte> run = a;
  run.insert(run.end(), b.begin(), b.end());
  run.insert(run.end(), a.begin(), a.end() - 1);
  BatchReader reader{run};
  EXPECT_EQ(reader.next().value()->header.last_offset(), Offset{0});
  EXPECT_EQ(reader.next().value()->header.last_offset(), Offset{2});
  EXPECT_FALSE(reader.next().value().has_value());
  EXPECT_EQ(reader.rest().size(), a.size() - 1);
}

TEST(BatchHeader, of_an_old_or_unknown_format_is_named_so) {
  auto batch = sample();
  for (const int magic : {0, 1}) {
    batch[16] = static_cast<std::byte>(magic);
    EXPECT_TRUE(judge(batch).error().is(Reason::old_magic));
    // Old messages may be shorter than the header of a batch.
    EXPECT_TRUE(judge(ByteView{batch}.first(26)).error().is(Reason::old_magic));
  }
  for (const int magic : {3, 0x82, 0xff}) {
    batch[16] = static_cast<std::byte>(magic);
    EXPECT_TRUE(judge(batch).error().is(Reason::unknown_magic));
  }
}

TEST(BatchHeader, with_an_impossible_length_is_refused_at_once) {
  for (const std::int32_t length : {0, -1, 48, std::numeric_limits<std::int32_t>::min()}) {
    auto batch = sample();
    kernel::store_be(batch.data() + 8, length);
    EXPECT_TRUE(BatchHeader::parse(batch).error().is(Reason::bad_length)) << length;
  }
}

TEST(BatchHeader, writes_what_it_parsed) {
  const auto batch = build({{7, "k", "v", {}}}, {.producer_id = ProducerId{3}, .producer_epoch = ProducerEpoch{2},
                                                  .base_sequence = 9, .transactional = true});
  std::vector<std::byte> copy(kHeaderBytes);
  BatchHeader::parse(batch).value().write(copy);
  EXPECT_TRUE(std::equal(copy.begin(), copy.end(), batch.begin()));
}

TEST(Stamping, keeps_offset_and_epoch_outside_the_checksum_and_corrects_it_for_timestamps) {
  EXPECT_TRUE(rc::check([] {
    auto batch = build(random_records(), {.codec = random_codec()});
    const auto time = *rc::gen::arbitrary<std::int64_t>();
    stamp_base_offset(batch, Offset{4711});
    stamp_leader_epoch(batch, LeaderEpoch{12});
    stamp_timestamps(batch, TimestampType::log_append_time, time);
    const BatchHeader header = BatchHeader::parse(batch).value();
    const ByteView whole{batch};
    RC_ASSERT(check_whole(header, {&whole, 1}).has_value());
    RC_ASSERT(header.base_offset == Offset{4711});
    RC_ASSERT(header.leader_epoch == LeaderEpoch{12});
    RC_ASSERT(header.timestamp_type() == TimestampType::log_append_time);
    const auto records = read(only_batch(batch));
    for (const OwnedRecord& record : records.value()) RC_ASSERT(record.timestamp_ms == time);
    stamp_timestamps(batch, TimestampType::create_time, 5);
    RC_ASSERT(judge(batch).value().max_timestamp_ms == 5);
  }));
}

TEST(Stamping, does_not_hide_damage_to_the_records) {
  auto batch = sample();
  batch.back() ^= std::byte{1};
  stamp_timestamps(batch, TimestampType::log_append_time, 99);
  const ByteView whole{batch};
  EXPECT_TRUE(check_whole(BatchHeader::parse(batch).value(), {&whole, 1}).error().is(Reason::bad_crc));
}

TEST(ClientBatch, may_lie_in_several_pieces) {
  const auto batch = build({{1, "k", std::string(500, 'v'), {}}}, {});
  const ByteView view{batch};
  for (const std::size_t cut : {kHeaderBytes, kHeaderBytes + 1, batch.size() - 1}) {
    const std::vector<ByteView> pieces{view.first(cut), view.subspan(cut)};
    EXPECT_TRUE(validate_client_batch(pieces).has_value());
  }
  EXPECT_TRUE(validate_client_batch({}).error().is(Reason::incomplete));
}

TEST(ClientBatch, is_one_batch) {
  auto two = sample();
  const auto copy = two;
  two.insert(two.end(), copy.begin(), copy.end());
  EXPECT_TRUE(judge(two).error().is(Reason::bad_length));
}

TEST(ClientBatch, must_keep_the_rules_of_its_header) {
  const auto refused = [](Reason reason, auto change) {
    const auto verdict = judge(with_header(sample(), change));
    return !verdict && verdict.error().is(reason);
  };
  EXPECT_TRUE(judge(with_header(sample(), [](BatchHeader&) {})).has_value());
  EXPECT_TRUE(refused(Reason::bad_attributes, [](BatchHeader& h) { h.attributes |= 0x80; }));
  EXPECT_TRUE(refused(Reason::bad_attributes, [](BatchHeader& h) { h.attributes |= 0x8000; }));
  EXPECT_TRUE(refused(Reason::bad_attributes, [](BatchHeader& h) { h.attributes |= kAttributeDeleteHorizon; }));
  for (const int codec : {5, 6, 7})
    EXPECT_TRUE(refused(Reason::bad_attributes, [&](BatchHeader& h) { h.attributes = static_cast<std::uint16_t>(codec); }));
  EXPECT_TRUE(refused(Reason::control_from_client, [](BatchHeader& h) { h.attributes |= kAttributeControl; }));
  EXPECT_TRUE(refused(Reason::append_time_from_client, [](BatchHeader& h) { h.attributes |= kAttributeLogAppendTime; }));
  EXPECT_TRUE(refused(Reason::bad_count, [](BatchHeader& h) { h.records_count = 0; }));
  EXPECT_TRUE(refused(Reason::bad_count, [](BatchHeader& h) { h.records_count = -1; h.last_offset_delta = -2; }));
  EXPECT_TRUE(refused(Reason::bad_count, [](BatchHeader& h) { h.last_offset_delta = 2; }));
  EXPECT_TRUE(refused(Reason::bad_producer, [](BatchHeader& h) { h.producer_id = ProducerId{-2}; }));
  EXPECT_TRUE(refused(Reason::bad_producer, [](BatchHeader& h) { h.producer_id = ProducerId{1}; h.producer_epoch = ProducerEpoch{0}; }));
  EXPECT_TRUE(refused(Reason::bad_producer, [](BatchHeader& h) { h.producer_id = ProducerId{1}; h.base_sequence = 0; }));
  EXPECT_TRUE(refused(Reason::bad_producer, [](BatchHeader& h) { h.attributes |= kAttributeTransactional; }));
}

TEST(Control, markers_are_read_back_and_other_batches_are_none) {
  const TransactionMarker marker{ControlType::commit, ProducerId{77}, ProducerEpoch{4}, 12, 123456};
  const auto batch = build_transaction_marker(marker, Offset{50}, LeaderEpoch{2});
  const BatchView view = only_batch(batch);
  const auto parsed = parse_transaction_marker(view.header, view.records()).value();
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->type, ControlType::commit);
  EXPECT_EQ(parsed->producer_id, ProducerId{77});
  EXPECT_EQ(parsed->producer_epoch, ProducerEpoch{4});
  EXPECT_EQ(parsed->coordinator_epoch, 12);
  EXPECT_EQ(parsed->timestamp_ms, 123456);
  EXPECT_EQ(view.header.base_sequence, kSequenceNone);
  const auto data = sample();
  EXPECT_FALSE(parse_transaction_marker(only_batch(data).header, only_batch(data).records()).value().has_value());
}

TEST(Control, keys_of_a_wrong_form_are_refused_and_unknown_types_are_none) {
  EXPECT_TRUE(parse_control_key(std::nullopt).error().is(Reason::bad_control_record));
  EXPECT_TRUE(parse_control_key(ByteView{}).error().is(Reason::bad_control_record));
  auto key = control_key(ControlType::kraft_voters);
  EXPECT_EQ(parse_control_key(ByteView{key}).value(), ControlType::kraft_voters);
  key[3] = std::byte{99};
  EXPECT_FALSE(parse_control_key(ByteView{key}).value().has_value());
}

}  // namespace
}  // namespace net::record
