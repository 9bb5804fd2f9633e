// What fields, lists and tags do at their edges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "net/codec/message.h"
#include "net/codec/text.h"
#include "net/framed_record.h"
#include "net/messages/group_records.h"
#include "net/messages/metadata.h"
#include "net/messages/metadata_records.h"
#include "net/messages/offset_commit.h"
#include "net/messages/produce.h"

namespace net {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(Reader, base_128_numbers_hold_exactly_their_width) {
  Arena arena;
  const auto most = bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f});
  EXPECT_EQ(Reader(most, arena).uvarint(), 0xffffffffU);
  for (const auto& bad : {bytes_of({0xff, 0xff, 0xff, 0xff, 0x1f}), bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x01}),
                          bytes_of({0x80}), bytes_of({})}) {
    Reader reader{bad, arena};
    EXPECT_EQ(reader.uvarint(), 0U);
    EXPECT_TRUE(reader.status().error().is(kernel::Errc::corrupt));
  }
  const auto least = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01});
  EXPECT_EQ(Reader(least, arena).varlong(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(Reader(bytes_of({0x01}), arena).varint(), -1);
  EXPECT_EQ(Reader(bytes_of({0x04}), arena).varint(), 2);
}

TEST(Reader, after_an_error_nothing_more_is_read) {
  Arena arena;
  const auto bytes = bytes_of({0, 0, 0, 9, 1, 2});
  Reader reader{bytes, arena};
  List<std::int32_t> list;
  reader.scalars(list, false);
  EXPECT_TRUE(list.empty());
  std::int8_t untouched = 55;
  reader.scalar(untouched);
  EXPECT_EQ(untouched, 55);
  EXPECT_EQ(reader.status().error().detail, 4);
}

TEST(Reader, a_count_larger_than_the_bytes_that_are_left_takes_no_memory) {
  Arena arena;
  const auto bytes = bytes_of({0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0});
  Reader reader{bytes, arena};
  List<std::string_view> list;
  reader.strings(list, true);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(arena.used_bytes(), 0U);
}

TEST(Reader, a_message_that_unfolds_beyond_the_bound_is_too_large) {
  std::vector<std::byte> frame(100'004);
  kernel::store_be(frame.data(), std::int32_t{50'000});  // 50,000 topics with empty names
  Arena arena{100'000};
  const auto result = decode_all<MetadataRequest>(frame, 1, arena);
  EXPECT_TRUE(result.error().is(kernel::Errc::too_large));
  Arena roomy;
  EXPECT_EQ(decode_all<MetadataRequest>(frame, 1, roomy).value().topics->size(), 50'000U);
}

TEST(Reader, a_tag_shorter_or_longer_than_its_value_is_corrupt) {
  // BeginTransactionRecord: tag 0 is the name.
  Arena arena;
  EXPECT_EQ(decode_all<BeginTransactionRecord>(bytes_of({1, 0, 2, 2, 'x'}), 0, arena).value().name, "x");
  EXPECT_FALSE(decode_all<BeginTransactionRecord>(bytes_of({1, 0, 3, 2, 'x', 0}), 0, arena));
  EXPECT_FALSE(decode_all<BeginTransactionRecord>(bytes_of({1, 0, 1, 2, 'x'}), 0, arena));
}

TEST(Reader, strings_and_records_are_views_into_the_frame) {
  const auto frame = bytes_of({0, 0, 1, 0, 0, 0, 9, 2, 2, 't', 2, 0, 0, 0, 0, 3, 7, 8, 0, 0, 0});
  Arena arena;
  const auto request = decode_all<ProduceRequest>(frame, 9, arena).value();
  EXPECT_EQ(static_cast<const void*>(request.topic_data[0].name.data()), frame.data() + 9);
  EXPECT_EQ(request.topic_data[0].partition_data[0].records.bytes().data(), frame.data() + 16);
}

TEST(Sink, a_set_field_that_the_version_lacks_is_refused_unless_it_may_be_dropped) {
  OffsetCommitRequest request;
  request.group_instance_id = "static";  // from version 7
  EXPECT_TRUE(encode(request, 7));
  const auto refused = encode(request, 6);
  ASSERT_TRUE(refused.error().is(kernel::Errc::invalid_argument));
  EXPECT_STREQ(refused.error().where.file, "net/schema/08_offset_commit.schema");
  request.group_instance_id.reset();
  request.retention_time_ms = 5;  // versions 2-4, may be dropped
  EXPECT_TRUE(encode(request, 8));
}

TEST(Sink, null_is_refused_where_it_is_illegal) {
  MetadataRequest request;
  request.topics.reset();
  EXPECT_TRUE(encode(request, 0).error().is(kernel::Errc::invalid_argument));
  EXPECT_TRUE(encode(request, 1));
}

TEST(Sink, a_string_of_more_than_its_length_can_say_is_refused) {
  const std::string text(40'000, 'x');
  OffsetCommitRequest request;
  request.group_id = text;
  EXPECT_TRUE(encode(request, 7).error().is(kernel::Errc::too_large));
  EXPECT_TRUE(encode(request, 8));
}

TEST(Sink, unknown_tags_go_out_in_order_with_ours_and_not_in_versions_without_tags) {
  Arena arena;
  PartitionChangeRecord record;
  record.leader = BrokerId{1};                                    // tag 1
  arena.push_back(record.unknown_tags, RawTag{3000, {}});
  const auto bytes = encode(record, 0).value();
  EXPECT_EQ(decode_all<PartitionChangeRecord>(bytes, 0, arena).value(), record);
  record.unknown_tags[0].tag = 1;
  EXPECT_TRUE(encode(record, 0).error().is(kernel::Errc::invalid_argument)) << "twice";
  arena.push_back(record.unknown_tags, RawTag{0, {}});
  EXPECT_FALSE(encode(record, 0)) << "descending";

  ProduceRequest request;
  arena.push_back(request.unknown_tags, RawTag{9, {}});
  EXPECT_TRUE(encode(request, 9));
  EXPECT_TRUE(encode(request, 8).error().is(kernel::Errc::invalid_argument));
}

TEST(Sink, a_tag_known_only_to_later_versions_is_kept_as_unknown) {
  Arena arena;
  PartitionChangeRecord record;
  const Uuid directory{1, 2};
  std::vector<Uuid> directories{directory};
  record.directories = List<Uuid>::borrow(directories);  // tag 8 from version 1
  const auto bytes = encode(record, 1).value();
  const auto older = decode_all<PartitionChangeRecord>(bytes, 0, arena).value();
  EXPECT_FALSE(older.directories.has_value());
  ASSERT_EQ(older.unknown_tags.size(), 1U);
  EXPECT_EQ(older.unknown_tags[0].tag, 8U);
  EXPECT_EQ(encode(older, 0).value(), bytes);
}

TEST(FramedRecord, finds_the_record_by_its_type) {
  Arena arena;
  TopicRecord topic;
  topic.name = "orders";
  topic.topic_id = TopicId{Uuid{3, 4}};
  auto value = encode_framed(topic, 0).value();
  EXPECT_EQ(value[0], std::byte{1});
  EXPECT_EQ(value[1], std::byte{2});
  EXPECT_EQ(std::get<TopicRecord>(decode_framed<MetadataRecord>(value, arena).value()), topic);
  value.push_back(std::byte{0});
  EXPECT_TRUE(decode_framed<MetadataRecord>(value, arena).error().is(kernel::Errc::corrupt)) << "trailing byte";
  value.pop_back();
  value[1] = std::byte{6};  // a type that is not in use
  EXPECT_TRUE(decode_framed<MetadataRecord>(value, arena).error().is(kernel::Errc::unsupported));
  value[0] = std::byte{0};
  EXPECT_TRUE(decode_framed<MetadataRecord>(value, arena).error().is(kernel::Errc::corrupt));
}

TEST(Arena, reset_keeps_a_chunk_and_forgets_the_rest) {
  Arena arena;
  (void)arena.allocate(100);
  const std::byte* first = arena.allocate(0);
  (void)arena.allocate(10'000'000);
  EXPECT_GE(arena.used_bytes(), 10'000'000U);
  arena.reset();
  EXPECT_EQ(arena.used_bytes(), 0U);
  EXPECT_EQ(arena.allocate(100) + 104, first);
}

TEST(Arena, a_growing_list_keeps_its_elements) {
  Arena arena;
  List<int> list;
  for (int i = 0; i < 1000; ++i) arena.push_back(list, i);
  ASSERT_EQ(list.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(list[static_cast<std::size_t>(i)], i);
}

TEST(Text, names_fields_and_hides_bytes) {
  Arena arena;
  ProduceRequest request;
  request.topic_data = arena.list<ProduceRequest::TopicProduceData>(1);
  request.topic_data[0].name = "a\"b\n";
  auto& partitions = request.topic_data[0].partition_data;
  partitions = arena.list<ProduceRequest::PartitionProduceData>(1);
  partitions[0].records = Records::external(12, 0);
  EXPECT_EQ(to_text(request),
            R"({transactional_id=null, acks=0, timeout_ms=0, topic_data=[{name="a\"b\x0a", )"
            R"(topic_id=AAAAAAAAAAAAAAAAAAAAAA, partition_data=[{index=0, records=<12 bytes>}]}]})");
}

TEST(Text, json_shows_bytes_and_escapes_whatever_json_or_a_terminal_would_not_take) {
  Arena arena;
  GroupMetadataValue group;
  group.protocol_type = "a\"b\n\\";
  group.members = arena.list<GroupMetadataValue::MemberMetadata>(2);
  group.members[0].member_id = "one";
  group.members[0].subscription = kernel::as_bytes(std::string_view{"\x00\xff}", 3});
  EXPECT_EQ(to_json(group),
            R"({"protocol_type":"a\"b\\x0a\\\\","generation":0,"protocol":"","leader":"",)"
            R"("current_state_timestamp":-1,"members":[)"
            R"({"member_id":"one","group_instance_id":null,"client_id":"","client_host":"","rebalance_timeout":-1,)"
            R"("session_timeout":0,"subscription":"\\x00\\xff}","assignment":""},)"
            R"({"member_id":"","group_instance_id":null,"client_id":"","client_host":"","rebalance_timeout":-1,)"
            R"("session_timeout":0,"subscription":"","assignment":""}]})");
}

TEST(Text, json_of_a_number_that_json_has_no_word_for_is_still_json) {
  ClientQuotaRecord quota;
  quota.value = std::numeric_limits<double>::infinity();
  EXPECT_THAT(to_json(quota), ::testing::HasSubstr(R"("value":"inf")"));
}

}  // namespace
}  // namespace net
