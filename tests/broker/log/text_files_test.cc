#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "broker/log/checkpoint_files.h"
#include "broker/log/identity_files.h"
#include "broker/log/properties.h"

namespace broker::log {
namespace {

template <class T>
bool fails(const kernel::Result<T>& result, Reason reason, std::int64_t detail) {
  return !result && result.error().is(reason) && result.error().detail == detail;
}

TEST(Checkpoints, are_read_back_as_written) {
  EXPECT_TRUE(rc::check([] {
    std::vector<EpochStart> epochs;
    std::vector<PartitionOffset> offsets;
    for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
      const auto before = epochs.empty() ? EpochStart{LeaderEpoch{0}, Offset{0}} : epochs.back();
      epochs.push_back({LeaderEpoch{before.epoch.raw() + *rc::gen::inRange(1, 5)}, before.start + *rc::gen::inRange(1, 9)});
      offsets.push_back({"topic." + std::to_string(i), PartitionId{*rc::gen::inRange(0, 9)},
                         Offset{*rc::gen::inRange<std::int64_t>(-1, INT64_MAX)}});
    }
    RC_ASSERT(parse_leader_epochs(format_leader_epochs(epochs)).value() == epochs);
    RC_ASSERT(parse_partition_offsets(format_partition_offsets(offsets)).value() == offsets);
  }));
}

TEST(Checkpoints, have_the_text_that_kafka_writes) {
  EXPECT_EQ(format_leader_epochs(std::vector<EpochStart>{{LeaderEpoch{0}, Offset{0}}, {LeaderEpoch{4}, Offset{17}}}),
            "0\n2\n0 0\n4 17\n");
  EXPECT_EQ(format_partition_offsets(std::vector<PartitionOffset>{{"a-b", PartitionId{3}, Offset{99}}}), "0\n1\na-b 3 99\n");
  EXPECT_TRUE(parse_leader_epochs("0\n0\n").value().empty());
  EXPECT_EQ(parse_partition_offsets("0\n1\na 0 5")->size(), 1u);
}

TEST(Checkpoints, name_the_line_that_is_wrong) {
  EXPECT_TRUE(fails(parse_leader_epochs(""), Reason::bad_line, 1));
  EXPECT_TRUE(fails(parse_leader_epochs("x\n0\n"), Reason::bad_line, 1));
  EXPECT_TRUE(fails(parse_leader_epochs("1\n0\n"), Reason::bad_version, 1));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n"), Reason::bad_line, 2));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n-1\n"), Reason::bad_line, 2));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n2\n0 0\n"), Reason::bad_count, 4));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n1\n0 0\n1 5\n"), Reason::bad_count, 4));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n2\n0 0\n1 five\n"), Reason::bad_line, 4));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n2\n1 0\n1 5\n"), Reason::bad_line, 4));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n2\n1 5\n2 5\n"), Reason::bad_line, 4));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n1\n1 5 6\n"), Reason::bad_line, 3));
  EXPECT_TRUE(fails(parse_leader_epochs("0\n1\n1 99999999999999999999\n"), Reason::bad_line, 3));
  EXPECT_TRUE(fails(parse_partition_offsets("0\n2\na 0 1\na 0 2\n"), Reason::duplicate, 4));
  EXPECT_TRUE(fails(parse_partition_offsets("0\n1\na 1\n"), Reason::bad_line, 3));
  EXPECT_TRUE(fails(parse_partition_offsets("0\n1\n 0 1\n"), Reason::bad_line, 3));
}

TEST(Checkpoints, garbled_are_an_error_or_other_entries_and_never_a_crash) {
  EXPECT_TRUE(rc::check([] {
    std::string text = "0\n2\ntopic 0 17\ntopic 1 18\n";
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
    const auto parsed = parse_partition_offsets(text);
    if (parsed) RC_ASSERT(parse_partition_offsets(format_partition_offsets(*parsed)).value() == *parsed);
  }));
}

TEST(Properties, follow_javas_rules) {
  const auto parsed = parse_properties("# comment\n ! another\n\n a = 1\nb:2\nc 3\nd\\ e=x\\=y \nf = g\\\n   h\r\nu=\\u00e9\ni=\n").value();
  const std::vector<Property> expected{{"a", "1", 4}, {"b", "2", 5}, {"c", "3", 6}, {"d e", "x=y ", 7},
                                       {"f", "gh", 8}, {"u", "\xc3\xa9", 10}, {"i", "", 11}};
  EXPECT_EQ(parsed, expected);
  EXPECT_TRUE(fails(parse_properties("a=1\nb=\\u12"), Reason::bad_line, 2));
}

TEST(Properties, are_read_back_as_written) {
  EXPECT_TRUE(rc::check([] {
    const auto text = rc::gen::container<std::string>(rc::gen::elementOf(std::string{"ab =:#!\\\t\n\r\f."}));
    const std::string key = "k" + *text;
    const std::string value = *text;
    const auto parsed = parse_properties(format_property(key, value)).value();
    RC_ASSERT(parsed.size() == 1u);
    RC_ASSERT(parsed[0].key == key);
    RC_ASSERT(parsed[0].value == value);
  }));
}

TEST(MetaProperties, are_read_back_and_kafkas_are_read) {
  const net::Uuid directory{0x1234567890abcdef, 0xfedcba0987654321};
  const MetaProperties ours{"MkU3OEVBNTcwNTJENDM2Qg", 7, directory};
  EXPECT_EQ(parse_meta_properties(format_meta_properties(ours)).value(), ours);
  const std::string kafkas =
      "#\n#Tue Mar 04 10:00:00 UTC 2025\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\ndirectory.id=" + directory.text() +
      "\nnode.id=7\nversion=1\n";
  EXPECT_EQ(parse_meta_properties(kafkas).value(), ours);
  EXPECT_FALSE(parse_meta_properties("version=1\ncluster.id=c\nnode.id=0\n")->directory_id.has_value());
}

TEST(MetaProperties, that_are_not_whole_say_what_is_wrong) {
  EXPECT_TRUE(fails(parse_meta_properties(""), Reason::bad_version, 0));
  EXPECT_TRUE(fails(parse_meta_properties("version=0\nbroker.id=1\n"), Reason::bad_version, 0));
  EXPECT_TRUE(fails(parse_meta_properties("version=1\nnode.id=1\n"), Reason::missing_key, 0));
  EXPECT_TRUE(fails(parse_meta_properties("version=1\ncluster.id=c\n"), Reason::missing_key, 0));
  EXPECT_TRUE(fails(parse_meta_properties("version=1\ncluster.id=c\nnode.id=x\n"), Reason::bad_line, 3));
  EXPECT_TRUE(fails(parse_meta_properties("version=1\ncluster.id=c\nnode.id=1\ndirectory.id=short\n"), Reason::bad_line, 4));
  EXPECT_TRUE(fails(parse_meta_properties("version=1\nnode.id=1\nnode.id=2\n"), Reason::duplicate, 3));
}

TEST(PartitionMetadata, is_two_lines_without_a_last_newline) {
  const net::TopicId id{net::Uuid{0, 1}};
  EXPECT_EQ(format_partition_metadata(id), "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
  EXPECT_EQ(parse_partition_metadata(format_partition_metadata(id)).value(), id);
  EXPECT_EQ(parse_partition_metadata(format_partition_metadata(id) + "\n").value(), id);
  EXPECT_TRUE(fails(parse_partition_metadata(""), Reason::bad_line, 1));
  EXPECT_TRUE(fails(parse_partition_metadata("version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ"), Reason::bad_version, 1));
  EXPECT_TRUE(fails(parse_partition_metadata("version: 0\n"), Reason::bad_line, 2));
  EXPECT_TRUE(fails(parse_partition_metadata("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA"), Reason::bad_line, 2));
  EXPECT_TRUE(fails(parse_partition_metadata("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\nx"), Reason::bad_line, 3));
}

TEST(CleanShutdown, tells_the_broker_epoch_and_survives_any_content) {
  EXPECT_EQ(format_clean_shutdown(42), "{\"version\":0,\"brokerEpoch\":42}");
  EXPECT_EQ(parse_clean_shutdown(format_clean_shutdown(42)), 42);
  EXPECT_EQ(parse_clean_shutdown(" {\"brokerEpoch\": -1, \"version\": 0}\n"), -1);
  for (const char* text : {"", "{", "[]", "{\"brokerEpoch\":\"x\"}", "{\"version\":0}", "{\"brokerEpoch\":1.5}"})
    EXPECT_EQ(parse_clean_shutdown(text), std::nullopt) << text;
}

}  // namespace
}  // namespace broker::log
