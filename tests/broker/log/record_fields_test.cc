#include "broker/log/record_fields.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "broker/coordinators/record.h"
#include "net/codec/message.h"
#include "net/framed_record.h"
#include "net/messages/control_records.h"
#include "net/messages/group_records.h"
#include "net/messages/metadata_records.h"
#include "net/messages/share_state_records.h"
#include "net/messages/transaction_records.h"
#include "net/record/control.h"

namespace broker::log {
namespace {

using kernel::ByteView;
using net::record::ControlType;
using net::record::NullableBytes;

using Json = nlohmann::ordered_json;

/// Of a record as a coordinator writes it.
Json told(InternalTopic topic, const coordinators::NewRecord& record) {
  return fields_of(topic, ByteView{record.key}, record.value ? NullableBytes{ByteView{*record.value}} : std::nullopt);
}
/// Of a control record whose value is a message.
template <class Message>
Json told(ControlType type, const Message& message, std::int16_t version) {
  return control_fields_of(ByteView{net::record::control_key(type)}, ByteView{*net::encode(message, version)});
}

const net::OffsetCommitKey kCommitKey{.group = "billing", .topic = "orders", .partition = net::PartitionId{3}};
net::OffsetCommitValue commit_value() {
  net::OffsetCommitValue value;
  value.offset = net::Offset{42};
  value.metadata = "caf\xc3\xa9";
  return value;
}

TEST(RecordFieldsTest, a_committed_offset_is_told_by_its_type_its_key_and_its_value) {
  const Json fields = told(InternalTopic::consumer_offsets, coordinators::record_of(kCommitKey, commit_value(), 3));
  EXPECT_EQ(fields["type"], "OffsetCommit");
  EXPECT_EQ(fields["version"], 3);
  EXPECT_EQ(fields["key"], (Json{{"group", "billing"}, {"topic", "orders"}, {"partition", 3}}));
  EXPECT_EQ(fields["value"]["offset"], 42);
  EXPECT_EQ(fields["value"]["metadata"], R"(caf\xc3\xa9)");
  EXPECT_FALSE(fields.contains("note"));
}

TEST(RecordFieldsTest, a_tombstone_keeps_its_key_and_has_no_value) {
  const Json fields = told(InternalTopic::consumer_offsets, coordinators::tombstone_of(net::GroupMetadataKey{.group = "billing"}));
  EXPECT_EQ(fields["type"], "GroupMetadata");
  EXPECT_EQ(fields["key"]["group"], "billing");
  EXPECT_TRUE(fields["value"].is_null());
  EXPECT_FALSE(fields.contains("version") || fields.contains("note"));
}

TEST(RecordFieldsTest, records_of_each_keyed_topic_are_told_by_their_own_names) {
  EXPECT_EQ(told(InternalTopic::consumer_offsets,
                 coordinators::record_of(net::StreamsGroupTopologyKey{.group_id = "s"}, net::StreamsGroupTopologyValue{}, 0))["type"],
            "StreamsGroupTopology");
  const Json transaction = told(InternalTopic::transaction_state,
                                coordinators::record_of(net::TransactionLogKey{.transactional_id = "t"}, net::TransactionLogValue{}, 1));
  EXPECT_EQ(transaction["type"], "TransactionLog");
  EXPECT_EQ(transaction["key"]["transactional_id"], "t");
  EXPECT_EQ(told(InternalTopic::share_group_state,
                 coordinators::record_of(net::ShareUpdateKey{.group_id = "g"}, net::ShareUpdateValue{}, 0))["type"],
            "ShareUpdate");
}

TEST(RecordFieldsTest, a_metadata_record_is_told_by_its_type_version_and_fields) {
  const auto value = *net::encode_framed(net::TopicRecord{.name = "orders"}, 0);
  const Json fields = fields_of(InternalTopic::cluster_metadata, std::nullopt, ByteView{value});
  EXPECT_EQ(fields["type"], "TopicRecord");
  EXPECT_EQ(fields["version"], 0);
  EXPECT_EQ(fields["value"]["name"], "orders");
  EXPECT_TRUE(fields["key"].is_null());
}

TEST(RecordFieldsTest, what_a_later_release_wrote_stays_bytes_and_says_so) {
  auto later = coordinators::record_of(kCommitKey, commit_value(), 3);
  later.value->at(1) = std::byte{9};
  const Json version = told(InternalTopic::consumer_offsets, later);
  EXPECT_EQ(version["type"], "OffsetCommit");
  EXPECT_EQ(version["key"]["group"], "billing");
  EXPECT_TRUE(version["value"].get<std::string>().starts_with(R"(\x00\x09\x00)")) << version;
  EXPECT_EQ(version["note"], "the value has version 9, which this release does not know");

  later.key[1] = std::byte{99};
  const Json type = told(InternalTopic::consumer_offsets, later);
  EXPECT_FALSE(type.contains("type"));
  EXPECT_TRUE(type["key"].get<std::string>().starts_with(R"(\x00c\x00\x07billing)")) << type;
  EXPECT_EQ(type["note"], "keys of type 99 are not known to this release");

  auto framed = *net::encode_framed(net::TopicRecord{.name = "orders"}, 0);
  framed[2] = std::byte{7};
  EXPECT_EQ(fields_of(InternalTopic::cluster_metadata, std::nullopt, ByteView{framed})["note"],
            "a record of type 2 version 7 is not known to this release");
}

TEST(RecordFieldsTest, bytes_that_do_not_fit_their_schema_stay_bytes) {
  auto cut = coordinators::record_of(kCommitKey, commit_value(), 3);
  cut.value->resize(7);
  EXPECT_EQ(told(InternalTopic::consumer_offsets, cut)["note"], "the value cannot be read: damaged, or not of this topic");
  cut.key.resize(5);
  EXPECT_EQ(told(InternalTopic::consumer_offsets, cut)["note"],
            "the key of type 1 (OffsetCommit) cannot be read: damaged, or not of this topic");
  cut.key.resize(1);
  EXPECT_EQ(told(InternalTopic::consumer_offsets, cut)["note"], "the key is too short for a type");
  EXPECT_TRUE(fields_of(InternalTopic::consumer_offsets, std::nullopt, std::nullopt).contains("note"));
  EXPECT_TRUE(fields_of(InternalTopic::cluster_metadata, std::nullopt, std::nullopt).contains("note"));
  EXPECT_TRUE(fields_of(InternalTopic::cluster_metadata, std::nullopt, kernel::as_bytes("\x01")).contains("note"));
}

TEST(RecordFieldsTest, control_records_are_told_by_name) {
  net::LeaderChangeMessage change;
  change.leader_id = net::BrokerId{7};
  const Json leader = told(ControlType::leader_change, change, 0);
  EXPECT_EQ(leader["type"], "leader_change");
  EXPECT_EQ(leader["value"]["leader_id"], 7);
  EXPECT_EQ(told(ControlType::snapshot_header, net::SnapshotHeaderRecord{}, 0)["type"], "snapshot_header");
  EXPECT_EQ(told(ControlType::snapshot_footer, net::SnapshotFooterRecord{}, 0)["type"], "snapshot_footer");
  EXPECT_EQ(told(ControlType::kraft_version, net::KraftVersionRecord{.kraft_version = 1}, 0)["value"]["kraft_version"], 1);
  EXPECT_EQ(told(ControlType::kraft_voters, net::VotersRecord{}, 0)["type"], "kraft_voters");
}

TEST(RecordFieldsTest, a_leader_change_is_read_in_the_version_that_it_names) {
  net::Arena arena;
  net::LeaderChangeMessage change;
  change.version = 1;
  arena.push_back(change.voters, {.voter_id = net::BrokerId{4}, .voter_directory_id = net::Uuid{1, 2}});
  const Json fields = told(ControlType::leader_change, change, 1);
  EXPECT_EQ(fields["version"], 1);
  EXPECT_EQ(fields["value"]["voters"][0]["voter_directory_id"], (net::Uuid{1, 2}).text());
}

TEST(RecordFieldsTest, markers_of_transactions_say_which_end_it_was_and_of_which_coordinator) {
  for (const auto& [type, word] : {std::pair{ControlType::commit, "commit"}, std::pair{ControlType::abort, "abort"}}) {
    const auto batch = net::record::build_transaction_marker(
        {.type = type, .producer_id = net::ProducerId{5}, .producer_epoch = net::ProducerEpoch{0}, .coordinator_epoch = 12},
        net::Offset{0}, net::LeaderEpoch{0});
    const auto header = *net::record::BatchHeader::parse(ByteView{batch});
    net::record::RecordIterator records{header, ByteView{batch}.subspan(net::record::kHeaderBytes)};
    const auto record = records.next();
    ASSERT_TRUE(record && *record);
    const Json fields = control_fields_of((*record)->key, (*record)->value);
    EXPECT_EQ(fields["type"], word);
    EXPECT_EQ(fields["value"], (Json{{"coordinator_epoch", 12}}));
  }
}

TEST(RecordFieldsTest, control_records_of_later_releases_stay_bytes) {
  auto key = net::record::control_key(ControlType::commit);
  key[3] = std::byte{99};
  EXPECT_EQ(control_fields_of(ByteView{key}, std::nullopt)["note"], "control records of type 99 are not known to this release");
  EXPECT_EQ(control_fields_of(std::nullopt, std::nullopt)["note"], "the key is not a control record's");
}

TEST(RecordFieldsTest, records_of_other_topics_are_their_bytes) {
  const auto record = coordinators::record_of(kCommitKey, commit_value(), 3);
  EXPECT_EQ(fields_of(InternalTopic::none, kernel::as_bytes("k\n"), std::nullopt), (Json{{"key", R"(k\x0a)"}, {"value", nullptr}}));
  EXPECT_FALSE(told(InternalTopic::none, record).contains("type"));
}

TEST(RecordFieldsTest, the_directory_of_a_file_says_which_topic_it_is_of) {
  EXPECT_EQ(topic_of_file("/data/__consumer_offsets-17/00000000000000000000.log"), "__consumer_offsets");
  EXPECT_EQ(topic_of_file("__cluster_metadata-0//00000000000000000000-0000000001.checkpoint"), "__cluster_metadata");
  EXPECT_EQ(topic_of_file("/data/__consumer_offsets-1.0123456789abcdef0123456789abcdef-delete/0.log"), "__consumer_offsets");
  EXPECT_EQ(topic_of_file("/data/my.orders-eu-3/0.log"), "my.orders-eu");
  EXPECT_EQ(topic_of_file("/data/meta.properties"), "");
  EXPECT_EQ(topic_of_file("0.log"), "");
  EXPECT_EQ(internal_topic_of("__consumer_offsets"), InternalTopic::consumer_offsets);
  EXPECT_EQ(internal_topic_of("__consumer_offsets-2"), InternalTopic::none);
}

}  // namespace
}  // namespace broker::log
