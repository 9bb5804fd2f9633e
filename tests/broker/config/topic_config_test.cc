#include "broker/config/topic_config.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broker::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Layers broker_with(std::vector<std::string> settings, const Given& own = {}, const Given& cluster = {}) {
  LoadedConfig loaded = load_broker_config("", settings);
  EXPECT_THAT(loaded.problems, IsEmpty());
  return Layers{*loaded.config, own, cluster};
}

DescribedValue entry(const std::vector<DescribedValue>& all, std::string_view name) {
  const auto at = std::ranges::find_if(all, [&](const auto& one) { return one.definition->name == name; });
  EXPECT_NE(at, all.end());
  return *at;
}

TEST(TopicConfig, HasKafkasDefaults) {
  const TopicConfig config = resolve_topic({}, broker_with({}));
  EXPECT_FALSE(config.compacts);
  EXPECT_TRUE(config.deletes);
  EXPECT_EQ(config.retention_ms, 604800000);
  EXPECT_EQ(config.retention_bytes, -1);
  EXPECT_EQ(config.segment_bytes, 1073741824u);
  EXPECT_EQ(config.segment_ms, 604800000);
  EXPECT_EQ(config.batch_bytes_max, 1048588);
  EXPECT_EQ(config.timestamp_type, TimestampType::create_time);
  EXPECT_EQ(config.timestamp_after_max_ms, 3600000);
  EXPECT_EQ(config.compression, StoredCompression::as_produced);
  EXPECT_EQ(config.durability, log::Durability::durable);
}

TEST(TopicConfig, TakesItsOwnSettingsThenTheBrokers) {
  const Layers broker = broker_with({"log.retention.minutes=5", "message.max.bytes=5000", "log.roll.hours=2",
                                           "log.durability=relaxed", "log.message.timestamp.type=LogAppendTime"});
  TopicConfig config = resolve_topic({}, broker);
  EXPECT_EQ(config.retention_ms, 300000);
  EXPECT_EQ(config.batch_bytes_max, 5000);
  EXPECT_EQ(config.segment_ms, 7200000);
  EXPECT_EQ(config.durability, log::Durability::relaxed);
  EXPECT_EQ(config.timestamp_type, TimestampType::log_append_time);

  config = resolve_topic({{"retention.ms", "9"}, {"cleanup.policy", "compact"}, {"compression.type", "lz4"},
                          {"log.durability", "durable"}, {"internal.segment.bytes", "4096"}},
                         broker);
  EXPECT_EQ(config.retention_ms, 9);
  EXPECT_TRUE(config.compacts);
  EXPECT_FALSE(config.deletes);
  EXPECT_EQ(config.compression, StoredCompression::lz4);
  EXPECT_EQ(config.durability, log::Durability::durable);
  EXPECT_EQ(log_config(config).segment_bytes, 4096u);
}

TEST(TopicConfig, SkipsValuesThatAnotherProgramWroteAndWeCannotTake) {
  const TopicConfig config =
      resolve_topic({{"retention.ms", "soon"}, {"internal.segment.bytes", "x"}, {"unknown", "1"}}, broker_with({}));
  EXPECT_EQ(config.retention_ms, 604800000);
  EXPECT_EQ(config.segment_bytes, 1073741824u);
}

struct SettingCase {
  std::vector<std::pair<std::string, std::optional<std::string>>> settings;
  const char* problem;
};

TEST(CheckTopicSettings, SaysWhatKafkaSays) {
  const SettingCase cases[] = {
      {{}, ""},
      {{{"retention.ms", "1"}, {"log.durability", "relaxed"}}, ""},
      {{{"retention.msec", "1"}}, "Unknown topic config name: retention.msec (did you mean retention.ms?)"},
      {{{"colour", "red"}}, "Unknown topic config name: colour"},
      {{{"retention.ms", std::nullopt}}, "Null value not supported for topic configs: retention.ms"},
      {{{"retention.ms", "x"}}, "Invalid value x for configuration retention.ms: Not a number of type LONG"},
      {{{"segment.ms", "0"}}, "Invalid value 0 for configuration segment.ms: Value must be at least 1"},
      {{{"remote.storage.enable", "true"}},
       "Invalid value true for configuration remote.storage.enable: Tiered storage is not implemented."},
      {{{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "9"}},
       "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (9)"},
  };
  for (const SettingCase& one : cases) EXPECT_EQ(check_topic_settings(one.settings).value_or(""), one.problem);
}

TEST(DescribeTopic, ListsSynonymsInTheOrderInWhichTheyCount) {
  const Layers broker = broker_with({"log.segment.bytes=2000000", "log.retention.minutes=5"});
  const auto all = describe_topic({{"segment.bytes", "3000000"}}, broker);
  EXPECT_EQ(all.size(), topic_definitions().size());

  const DescribedValue segment = entry(all, "segment.bytes");
  EXPECT_EQ(segment.value, "3000000");
  EXPECT_EQ(segment.source, ValueSource::topic);
  EXPECT_THAT(segment.synonyms,
              ElementsAre(ValueSynonym{"segment.bytes", "3000000", ValueSource::topic},
                          ValueSynonym{"log.segment.bytes", "2000000", ValueSource::static_broker},
                          ValueSynonym{"log.segment.bytes", "1073741824", ValueSource::built_in}));

  // Kafka drops what stands before the name it asked for, so values of the other units are not listed.
  const DescribedValue retention = entry(all, "retention.ms");
  EXPECT_EQ(retention.value, "300000");
  EXPECT_THAT(retention.synonyms, IsEmpty());

  const DescribedValue index = entry(all, "segment.index.bytes");
  EXPECT_EQ(index.source, ValueSource::built_in);
  EXPECT_FALSE(index.is_read_only);
}

TEST(DescribeBroker, HidesSecretsAndMarksWhatOnlyARestartChanges) {
  const auto all = describe_broker(broker_with({"ssl.key.password=hunter2", "num.partitions=4"}));
  EXPECT_EQ(all.size(), broker_definitions().size());
  const DescribedValue secret = entry(all, "ssl.key.password");
  EXPECT_EQ(secret.value, std::nullopt);
  EXPECT_EQ(secret.source, ValueSource::static_broker);
  EXPECT_THAT(secret.synonyms, ElementsAre(ValueSynonym{"ssl.key.password", std::nullopt, ValueSource::static_broker}));
  const DescribedValue partitions = entry(all, "num.partitions");
  EXPECT_EQ(partitions.value, "4");
  EXPECT_TRUE(partitions.is_read_only);
  EXPECT_FALSE(entry(all, "log.retention.ms").is_read_only);
  EXPECT_EQ(entry(all, "listeners").value, "PLAINTEXT://127.0.0.1:9092");
}

}  // namespace
}  // namespace broker::config
