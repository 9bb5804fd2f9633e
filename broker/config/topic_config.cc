#include "broker/config/topic_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernel/check.h"

namespace broker::config {
namespace {

/// What a topic gets when it sets nothing itself.
std::optional<std::string> inherited_value(const Definition& definition, const Given& given) {
  const auto sources = broker_synonyms(definition.name);
  // The first source's own fallbacks are the further sources, with their units.
  if (!sources.empty())
    if (auto value = effective_value(sources.front().name, given)) return value;
  if (definition.has_default) return std::string{definition.default_value};
  return std::nullopt;
}

std::optional<std::string> topic_value(const Definition& definition, const TopicSettings& own, const Given& given) {
  if (const auto at = own.find(definition.name); at != own.end() && !check_value(definition, at->second))
    return at->second;
  return inherited_value(definition, given);
}

class TopicReader {
 public:
  TopicReader(const TopicSettings& own, const Given& given) : own_{own}, given_{given} {}
  [[nodiscard]] std::string text(std::string_view name) const {
    const Definition* definition = find_topic_definition(name);
    CHECK(definition != nullptr);
    return topic_value(*definition, own_, given_).value_or("");
  }
  template <class T>
  void to(T& out, std::string_view name) const {
    if constexpr (std::is_same_v<T, bool>) out = parse_boolean(text(name));
    else if constexpr (std::is_same_v<T, double>) out = parse_fraction(text(name));
    else out = static_cast<T>(parse_integer(text(name)));
  }

 private:
  const TopicSettings& own_;
  const Given& given_;
};

StoredCompression compression_of(std::string_view text) {
  if (text == "uncompressed") return StoredCompression::uncompressed;
  if (text == "gzip") return StoredCompression::gzip;
  if (text == "snappy") return StoredCompression::snappy;
  if (text == "lz4") return StoredCompression::lz4;
  if (text == "zstd") return StoredCompression::zstd;
  return StoredCompression::as_produced;
}

/// What was set of these names and has a default, in Kafka's order, from `names.front()` on.
std::vector<ValueSynonym> broker_values(std::span<const std::string_view> names, const Layers& broker) {
  std::vector<ValueSynonym> out;
  const auto hidden = [](const Definition* definition) { return definition != nullptr && definition->is_sensitive(); };
  for (const auto& [layer, source] : {std::pair{&broker.own, ValueSource::dynamic_broker},
                                      {&broker.cluster, ValueSource::dynamic_default_broker},
                                      {&broker.fixed, ValueSource::static_broker}})
    for (const std::string_view name : names)
      if (const auto at = layer->find(name); at != layer->end())
        out.push_back({.name = std::string{name},
                       .value = hidden(find_broker_definition(name)) ? std::nullopt : std::optional{at->second},
                       .source = source});
  for (const std::string_view name : names)
    if (const Definition* at = find_broker_definition(name); at != nullptr && at->has_default && !at->is_sensitive())
      out.push_back({.name = std::string{name}, .value = std::string{at->default_value}});
  out.erase(out.begin(), std::ranges::find(out, names.front(), &ValueSynonym::name));
  return out;
}

std::vector<std::string_view> names_of(std::string_view first, std::span<const Synonym> others) {
  std::vector<std::string_view> names{first};
  for (const Synonym& one : others)
    if (one.name != first) names.push_back(one.name);
  return names;
}

/// Settings that nothing but their own resource and the default supplies.
std::vector<DescribedValue> describe_resource(std::span<const Definition> definitions, const TopicSettings& own,
                                              ValueSource source) {
  std::vector<DescribedValue> out;
  for (const Definition& one : definitions) {
    DescribedValue entry{.definition = &one};
    if (one.has_default) {
      entry.value = std::string{one.default_value};
      entry.synonyms.push_back({.name = std::string{one.name}, .value = entry.value});
    }
    if (const auto at = own.find(one.name); at != own.end()) {
      entry.value = at->second;
      entry.source = source;
      entry.synonyms.insert(entry.synonyms.begin(), {.name = std::string{one.name}, .value = at->second, .source = source});
    }
    out.push_back(std::move(entry));
  }
  return out;
}

std::optional<std::string> check_one(const std::string& name, const std::optional<std::string>& value) {
  const Definition* definition = find_topic_definition(name);
  if (definition == nullptr) {
    const std::string_view near = nearest_name(name, topic_definitions());
    return fmt::format("Unknown topic config name: {}{}", name,
                       near.empty() ? std::string{} : fmt::format(" (did you mean {}?)", near));
  }
  if (!value) return fmt::format("Null value not supported for topic configs: {}", name);
  if (const auto wrong = check_value(*definition, *value))
    return fmt::format("Invalid value {} for configuration {}: {}", *value, name, *wrong);
  if (definition->treatment == Treatment::refused && *value != definition->default_value)
    return fmt::format("Invalid value {} for configuration {}: {}", *value, name, definition->words);
  return std::nullopt;
}

}  // namespace

TopicConfig resolve_topic(const TopicSettings& own, const Layers& broker) {
  const TopicReader read{own, broker.merged};
  TopicConfig out;
  const auto policies = parse_list(read.text("cleanup.policy"));
  out.compacts = std::ranges::find(policies, "compact") != policies.end();
  out.deletes = std::ranges::find(policies, "delete") != policies.end();
  read.to(out.retention_bytes, "retention.bytes");
  read.to(out.retention_ms, "retention.ms");
  read.to(out.segment_bytes, read.text("internal.segment.bytes").empty() ? "segment.bytes" : "internal.segment.bytes");
  read.to(out.segment_ms, "segment.ms");
  read.to(out.segment_jitter_ms, "segment.jitter.ms");
  read.to(out.segment_index_bytes, "segment.index.bytes");
  read.to(out.index_interval_bytes, "index.interval.bytes");
  read.to(out.file_delete_delay_ms, "file.delete.delay.ms");
  read.to(out.delete_retention_ms, "delete.retention.ms");
  read.to(out.compaction_lag_min_ms, "min.compaction.lag.ms");
  read.to(out.compaction_lag_max_ms, "max.compaction.lag.ms");
  read.to(out.cleanable_ratio_min, "min.cleanable.dirty.ratio");
  read.to(out.batch_bytes_max, "max.message.bytes");
  out.timestamp_type = read.text("message.timestamp.type") == "LogAppendTime" ? TimestampType::log_append_time
                                                                              : TimestampType::create_time;
  read.to(out.timestamp_before_max_ms, "message.timestamp.before.max.ms");
  read.to(out.timestamp_after_max_ms, "message.timestamp.after.max.ms");
  out.compression = compression_of(read.text("compression.type"));
  read.to(out.gzip_level, "compression.gzip.level");
  read.to(out.lz4_level, "compression.lz4.level");
  read.to(out.zstd_level, "compression.zstd.level");
  read.to(out.min_insync_replicas, "min.insync.replicas");
  out.durability = read.text("log.durability") == "relaxed" ? log::Durability::relaxed : log::Durability::durable;
  read.to(out.validate_compressed, "log.validate.compressed");
  return out;
}

log::LogConfig log_config(const TopicConfig& topic) {
  return {.segment_bytes = topic.segment_bytes,
          // What is never closed is never compacted.
          .segment_ms = topic.compacts ? std::min(topic.segment_ms, topic.compaction_lag_max_ms) : topic.segment_ms,
          .segment_jitter_ms = topic.segment_jitter_ms,
          .segment_index_bytes = topic.segment_index_bytes,
          .index_interval_bytes = topic.index_interval_bytes,
          .durability = topic.durability,
          .compacts = topic.compacts,
          .deletes = topic.deletes,
          .retention_ms = topic.retention_ms,
          .retention_bytes = topic.retention_bytes,
          .file_delete_delay_ms = topic.file_delete_delay_ms,
          .delete_retention_ms = topic.delete_retention_ms,
          .compaction_lag_min_ms = topic.compaction_lag_min_ms,
          .compaction_lag_max_ms = topic.compaction_lag_max_ms,
          .cleanable_ratio_min = topic.cleanable_ratio_min};
}

std::optional<std::string> check_topic_settings(
    std::span<const std::pair<std::string, std::optional<std::string>>> settings) {
  TopicSettings own;
  for (const auto& [name, value] : settings) {
    if (auto problem = check_one(name, value)) return problem;
    own[name] = *value;
  }
  const Given nothing;
  const TopicReader read{own, nothing};
  const std::int64_t lag_min = parse_integer(read.text("min.compaction.lag.ms"));
  const std::int64_t lag_max = parse_integer(read.text("max.compaction.lag.ms"));
  if (lag_min > lag_max)
    return fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})", lag_min,
                       lag_max);
  return std::nullopt;
}

std::vector<DescribedValue> describe_topic(const TopicSettings& own, const Layers& broker) {
  std::vector<DescribedValue> out;
  for (const Definition& one : topic_definitions()) {
    DescribedValue entry{.definition = &one, .value = topic_value(one, own, broker.merged)};
    if (const auto at = own.find(one.name); at != own.end())
      entry.synonyms.push_back({.name = std::string{one.name}, .value = at->second, .source = ValueSource::topic});
    if (const auto sources = broker_synonyms(one.name); !sources.empty())
      std::ranges::move(broker_values(names_of(sources.front().name, sources), broker),
                        std::back_inserter(entry.synonyms));
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<DescribedValue> describe_broker(const Layers& broker) {
  std::vector<DescribedValue> out;
  for (const Definition& one : broker_definitions()) {
    DescribedValue entry{.definition = &one, .is_read_only = one.mode == Mode::read_only};
    if (!one.is_sensitive()) entry.value = effective_value(one.name, broker.merged);
    entry.synonyms = broker_values(names_of(one.name, fallbacks(one.name)), broker);
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<DescribedValue> describe_cluster_default(const Layers& broker) {
  std::vector<DescribedValue> out;
  for (const auto& [name, value] : broker.cluster) {
    const Definition* definition = find_broker_definition(name);
    CHECK(definition != nullptr);  // Layers has left others out
    DescribedValue entry{.definition = definition, .source = ValueSource::dynamic_default_broker};
    if (!definition->is_sensitive()) entry.value = value;
    entry.synonyms.push_back({.name = name, .value = entry.value, .source = entry.source});
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<DescribedValue> describe_group(const TopicSettings& own, const Layers& broker) {
  std::vector<DescribedValue> out = describe_resource(group_definitions(), own, ValueSource::group);
  for (DescribedValue& entry : out) {
    const std::string supplier = fmt::format("group.{}", entry.definition->name);
    if (find_broker_definition(supplier) == nullptr) continue;
    if (entry.source != ValueSource::group) entry.value = effective_value(supplier, broker.merged);
    const std::string_view names[] = {supplier};
    std::erase_if(entry.synonyms, [](const ValueSynonym& one) { return one.source == ValueSource::built_in; });
    std::ranges::move(broker_values(names, broker), std::back_inserter(entry.synonyms));
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
  }
  return out;
}

std::vector<DescribedValue> describe_client_metrics(const TopicSettings& own) {
  return describe_resource(client_metrics_definitions(), own, ValueSource::client_metrics);
}

}  // namespace broker::config
