#include "broker/config/definition.h"

#include <algorithm>
#include <charconv>

#include <gtest/gtest.h>

namespace broker::config {
namespace {

TEST(Definitions, NameEverySettingOnceInOrderWithWords) {
  for (const auto table : {topic_definitions(), broker_definitions()}) {
    EXPECT_EQ(std::ranges::adjacent_find(table, std::ranges::greater_equal{}, &Definition::name), table.end());
    for (const Definition& one : table) {
      EXPECT_FALSE(one.words.empty()) << one.name;
      EXPECT_TRUE(one.words.ends_with('.')) << one.name;
    }
  }
  EXPECT_EQ(topic_definitions().size(), 39u);    // 37 of Kafka's and two of ours
  EXPECT_EQ(broker_definitions().size(), 386u);  // 381 of Kafka's and five of ours
}

TEST(Definitions, HaveDefaultsThatTheirOwnValidatorsTake) {
  for (const auto table : {topic_definitions(), broker_definitions()})
    for (const Definition& one : table)
      EXPECT_EQ(one.has_default ? check_value(one, one.default_value).value_or("") : "", "") << one.name;
}

TEST(Definitions, AreFoundByNameAndNotOtherwise) {
  for (const Definition& one : broker_definitions()) EXPECT_EQ(find_broker_definition(one.name), &one);
  for (const Definition& one : topic_definitions()) EXPECT_EQ(find_topic_definition(one.name), &one);
  EXPECT_EQ(find_broker_definition("retention.ms"), nullptr);
  EXPECT_EQ(find_topic_definition(""), nullptr);
}

TEST(Definitions, NameOnlyKnownSettingsAsSynonyms) {
  for (const Definition& one : topic_definitions())
    for (const Synonym& other : broker_synonyms(one.name))
      EXPECT_NE(find_broker_definition(other.name), nullptr) << other.name;
  for (const Definition& one : broker_definitions())
    for (const Synonym& other : fallbacks(one.name))
      EXPECT_NE(find_broker_definition(other.name), nullptr) << other.name;
}

/// A topic default that differs from the broker's would make an unset topic and a described one disagree.
TEST(Definitions, GiveTopicsTheDefaultsOfTheBrokerSettingsBehindThem) {
  for (const Definition& one : topic_definitions()) {
    const auto sources = broker_synonyms(one.name);
    if (sources.empty()) continue;
    const auto with_default = std::ranges::find_if(
        sources, [](const Synonym& s) { return find_broker_definition(s.name)->has_default; });
    ASSERT_NE(with_default, sources.end()) << one.name;
    const Definition& source = *find_broker_definition(with_default->name);
    if (with_default->factor == 1) {
      EXPECT_EQ(source.default_value, one.default_value) << one.name;
    } else {
      EXPECT_EQ(parse_integer(source.default_value) * with_default->factor, parse_integer(one.default_value));
    }
  }
}

struct Case {
  const char* name;
  const char* value;
  const char* problem;  ///< empty: legal
};
constexpr Case kCases[] = {
    {"retention.ms", "-1", ""},
    {"retention.ms", " 5 ", ""},
    {"retention.ms", "-2", "Value must be at least -1"},
    {"retention.ms", "", "Not a number of type LONG"},
    {"retention.ms", "1h", "Not a number of type LONG"},
    {"retention.ms", "9223372036854775808", "Not a number of type LONG"},
    {"segment.bytes", "2147483648", "Not a number of type INT"},
    {"segment.bytes", "1048575", "Value must be at least 1048576"},
    {"segment.bytes", "1048576", ""},
    {"compression.gzip.level", "0", "Value must be between 1 and 9 or equal to -1"},
    {"compression.gzip.level", "-1", ""},
    {"compression.lz4.level", "18", "Value must be no more than 17"},
    {"compression.type", "brotli", "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"},
    {"compression.type", "zstd", ""},
    {"cleanup.policy", "compact, delete", ""},
    {"cleanup.policy", "", ""},
    {"cleanup.policy", "compact,shred", "String must be one of: compact, delete"},
    {"cleanup.policy", "compact,compact", "Values must not be duplicated"},
    {"min.cleanable.dirty.ratio", "0.5", ""},
    {"min.cleanable.dirty.ratio", "1.01", "Value must be no more than 1"},
    {"min.cleanable.dirty.ratio", "nan", "Not a number of type DOUBLE"},
    {"preallocate", "TRUE", ""},
    {"preallocate", "1", "Expected value to be either true or false"},
    {"log.durability", "durable", ""},
    {"log.durability", "sometimes", "String must be one of: durable, relaxed"},
};

TEST(CheckValue, JudgesAsKafkaDoesAndSaysItInKafkasWords) {
  for (const Case& one : kCases)
    EXPECT_EQ(check_value(*find_topic_definition(one.name), one.value).value_or(""), one.problem)
        << one.name << "=" << one.value;
}

TEST(NearestName, FindsATypingErrorButNotAnotherWord) {
  EXPECT_EQ(nearest_name("retention.msec", topic_definitions()), "retention.ms");
  EXPECT_EQ(nearest_name("num.partition", broker_definitions()), "num.partitions");
  EXPECT_EQ(nearest_name("colour", topic_definitions()), "");
}

TEST(ParseList, TakesBlanksAwayAndKnowsTheEmptyList) {
  EXPECT_EQ(parse_list(" a , b,c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(parse_list("  ").empty());
}

}  // namespace
}  // namespace broker::config
