// What is in force for one topic: its own settings, then the broker's layers, then Kafka's defaults. And the answers of
// DescribeConfigs, which name where each value comes from.
//
//   if (const auto problem = check_topic_settings(wanted)) refuse(ErrorCode::invalid_config, *problem);
//   const TopicConfig config = resolve_topic(image->settings_of(ResourceType::topic, "orders"), layers);
//   log->set_config(log_config(config));
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/definition.h"
#include "broker/config/layers.h"
#include "broker/log/log.h"

namespace broker::config {

enum class StoredCompression : std::uint8_t { as_produced, uncompressed, gzip, snappy, lz4, zstd };
enum class TimestampType : std::uint8_t { create_time, log_append_time };

struct TopicConfig {
  bool compacts = false;   ///< cleanup.policy names compact
  bool deletes = true;     ///< cleanup.policy names delete
  std::int64_t retention_bytes = -1;  ///< -1: no bound
  std::int64_t retention_ms = -1;     ///< -1: no bound
  std::uint64_t segment_bytes = 0;
  std::int64_t segment_ms = 0;
  std::int64_t segment_jitter_ms = 0;
  std::uint32_t segment_index_bytes = 0;
  std::uint32_t index_interval_bytes = 0;
  std::int64_t file_delete_delay_ms = 0;
  std::int64_t delete_retention_ms = 0;
  std::int64_t compaction_lag_min_ms = 0;
  std::int64_t compaction_lag_max_ms = 0;
  double cleanable_ratio_min = 0;  ///< min.cleanable.dirty.ratio
  std::int32_t batch_bytes_max = 0;   ///< max.message.bytes
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = 0;
  std::int64_t timestamp_after_max_ms = 0;
  StoredCompression compression = StoredCompression::as_produced;
  int gzip_level = -1;
  int lz4_level = 9;
  int zstd_level = 3;
  std::int32_t min_insync_replicas = 1;
  log::Durability durability = log::Durability::durable;
  bool validate_compressed = false;
};

using TopicSettings = std::map<std::string, std::string, std::less<>>;

/// `own` holds what was set on the topic. Values that are not legal (another program wrote them) count as unset.
[[nodiscard]] TopicConfig resolve_topic(const TopicSettings& own, const Layers& broker);
/// The part that the log looks at.
[[nodiscard]] log::LogConfig log_config(const TopicConfig& topic);

/// What is wrong with settings that a new topic is to get, for people; nothing when they can be taken.
[[nodiscard]] std::optional<std::string> check_topic_settings(
    std::span<const std::pair<std::string, std::optional<std::string>>> settings);

/// Kafka's numbers of where a value comes from.
enum class ValueSource : std::int8_t {
  topic = 1, dynamic_broker = 2, dynamic_default_broker = 3, static_broker = 4, built_in = 5,
  client_metrics = 7, group = 8,
};
struct ValueSynonym {
  std::string name;
  std::optional<std::string> value;
  ValueSource source = ValueSource::built_in;
  friend bool operator==(const ValueSynonym&, const ValueSynonym&) = default;
};
struct DescribedValue {
  const Definition* definition = nullptr;  ///< name, type, words
  std::optional<std::string> value;        ///< nothing when unset or a secret
  ValueSource source = ValueSource::built_in;
  bool is_read_only = false;
  /// The values that would count one after the other, the one in force first, as Kafka lists them.
  std::vector<ValueSynonym> synonyms;
};
/// One entry per known name, ordered by name.
[[nodiscard]] std::vector<DescribedValue> describe_topic(const TopicSettings& own, const Layers& broker);
[[nodiscard]] std::vector<DescribedValue> describe_broker(const Layers& broker);
/// One entry per name that is set for every broker.
[[nodiscard]] std::vector<DescribedValue> describe_cluster_default(const Layers& broker);
/// One entry per known name of a group; a group that sets nothing takes the broker's group.* settings.
[[nodiscard]] std::vector<DescribedValue> describe_group(const TopicSettings& own, const Layers& broker);
[[nodiscard]] std::vector<DescribedValue> describe_client_metrics(const TopicSettings& own);

}  // namespace broker::config
