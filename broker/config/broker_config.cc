#include "broker/config/broker_config.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "broker/config/definition.h"
#include "broker/config/judgement.h"
#include "broker/log/properties.h"

namespace broker::config {
namespace {

constexpr std::uint64_t kRequestMemoryBytes = 256u << 20;


/// Names that stand for many: of one listener, or handed to plug-ins.
std::optional<std::string_view> prefixed(std::string_view name) {
  if (name.starts_with("listener.name."))
    return "settings of single listeners are for TLS and SASL, which no listener uses yet.";
  if (name.starts_with("rlmm.config.") || name.starts_with("rsm.config.")) return "tiered storage is not implemented.";
  return std::nullopt;
}

std::string unknown_words(std::string_view name) {
  if (name.starts_with("zookeeper."))
    return fmt::format("{}: there is no ZooKeeper any more, metadata lives in the log directory; remove it.", name);
  const std::string_view near = nearest_name(name, broker_definitions());
  if (near.empty()) return fmt::format("{}: there is no such setting; remove it.", name);
  return fmt::format("{}: there is no such setting; did you mean {}?", name, near);
}

void judge_one(const std::string& name, const std::string& value, Judgement& judgement) {
  const Definition* definition = find_broker_definition(name);
  if (definition == nullptr) {
    if (const auto words = prefixed(name)) judgement.notice(fmt::format("{}: {}", name, *words));
    else judgement.problem(unknown_words(name));
    return;
  }
  if (const auto wrong = check_value(*definition, value)) return judgement.problem(name, value, *wrong + ".");
  const bool is_default = definition->has_default ? value == definition->default_value : value.empty();
  if (is_default) return;
  if (definition->treatment == Treatment::refused)
    judgement.problem(name, value, fmt::format("{} Remove the setting.", definition->words));
  if (definition->treatment == Treatment::noticed) judgement.notice(fmt::format("{}: {}", name, definition->words));
}

Given gather(std::string_view text, std::span<const std::string> overrides, Judgement& judgement) {
  Given given;
  const auto properties = log::parse_properties(text);
  if (!properties) {
    judgement.problem(fmt::format("line {}: not of the form key=value.", properties.error().detail));
    return given;
  }
  std::map<std::string, std::int64_t> lines;
  for (const log::Property& one : *properties) {
    const auto [before, fresh] = lines.try_emplace(one.key, one.line);
    if (!fresh && given[one.key] != one.value)
      judgement.warn(fmt::format("{}: set in line {} and again in line {}; the later one counts.", one.key,
                                 before->second, one.line));
    before->second = one.line;
    given[one.key] = one.value;
  }
  for (const std::string& one : overrides) {
    const std::size_t equals = one.find('=');
    if (equals == one.npos || equals == 0) {
      judgement.problem(fmt::format("'{}' is not of the form key=value.", one));
      continue;
    }
    given[one.substr(0, equals)] = one.substr(equals + 1);
  }
  return given;
}

/// Typed reading of settings whose values were found legal.
class Reader {
 public:
  explicit Reader(const Given& given) : given_{given} {}
  [[nodiscard]] std::int64_t integer(std::string_view name) const { return parse_integer(text(name)); }
  [[nodiscard]] bool boolean(std::string_view name) const { return parse_boolean(text(name)); }
  [[nodiscard]] std::string text(std::string_view name) const { return effective_value(name, given_).value_or(""); }
  template <class T>
  void to(T& out, std::string_view name) const {
    if constexpr (std::is_same_v<T, bool>) out = boolean(name);
    else if constexpr (std::is_same_v<T, std::string>) out = text(name);
    else if constexpr (requires { typename T::Raw; }) out = T{static_cast<typename T::Raw>(integer(name))};
    else out = T(integer(name));
  }

 private:
  const Given& given_;
};

void read_directories(const Given& given, BrokerConfig& config, Judgement& judgement) {
  const std::string text = effective_value("log.dirs", given).value_or("");
  config.log_directories = parse_list(text);
  std::set<std::string> seen;
  for (const std::string& one : config.log_directories) {
    if (one.empty()) judgement.problem("log.dirs", text, "holds an empty name; name directories apart by commas.");
    if (!seen.insert(one).second) judgement.problem("log.dirs", text, fmt::format("{} comes twice.", one));
  }
  if (config.log_directories.empty()) return judgement.problem("log.dirs", text, "names no directory; name one.");
  config.metadata_directory = effective_value("metadata.log.dir", given).value_or(config.log_directories.front());
  if (config.metadata_directory.empty())
    judgement.problem("metadata.log.dir", config.metadata_directory, "names no directory; name one, or remove it.");
}

void read_numbers(const Given& given, BrokerConfig& config, Judgement& judgement) {
  const Reader read{given};
  read.to(config.rack, "broker.rack");
  read.to(config.shards, "kalda.shards");
  read.to(config.admin_address, "kalda.admin.address");
  if (const std::int64_t port = read.integer("kalda.admin.port"); port >= 0)
    config.admin_port = static_cast<std::uint16_t>(port);
  read.to(config.default_partitions, "num.partitions");
  read.to(config.default_replication_factor, "default.replication.factor");
  read.to(config.auto_create_topics, "auto.create.topics.enable");
  read.to(config.delete_topics, "delete.topic.enable");
  read.to(config.request_bytes_max, "socket.request.max.bytes");
  read.to(config.fetch_bytes_max, "fetch.max.bytes");
  read.to(config.fetch_sessions_max, "max.incremental.fetch.session.cache.slots");
  read.to(config.describe_partitions_max, "max.request.partition.size.limit");
  read.to(config.connection_idle_max, "connections.max.idle.ms");
  if (config.connection_idle_max.count() < 0) config.connection_idle_max = {};
  read.to(config.producer_expiration_check, "producer.id.expiration.check.interval.ms");
  read.to(config.checkpoint_interval, "log.flush.offset.checkpoint.interval.ms");
  read.to(config.retention_check, "log.retention.check.interval.ms");
  read.to(config.cleaner_enabled, "log.cleaner.enable");
  read.to(config.metadata_snapshot_bytes, "metadata.log.max.record.bytes.between.snapshots");
  read.to(config.metadata_segment_bytes, "metadata.log.segment.bytes");
  read.to(config.metadata_segment_age, "metadata.log.segment.ms");

  const std::int64_t queued = read.integer("queued.max.request.bytes");
  config.request_memory_bytes = std::max<std::uint64_t>(kRequestMemoryBytes, 2ull * config.request_bytes_max);
  if (queued > 0) config.request_memory_bytes = static_cast<std::uint64_t>(queued);
  if (queued == 0 || queued < -1 || config.request_memory_bytes < config.request_bytes_max)
    judgement.problem("queued.max.request.bytes", read.text("queued.max.request.bytes"),
                      "has to be -1 or at least socket.request.max.bytes, or the largest request could never be read.");
}

void read_groups(const Given& given, GroupConfig& groups, Judgement& judgement) {
  const Reader read{given};
  read.to(groups.session_timeout_min, "group.min.session.timeout.ms");
  read.to(groups.session_timeout_max, "group.max.session.timeout.ms");
  read.to(groups.initial_rebalance_delay, "group.initial.rebalance.delay.ms");
  read.to(groups.size_max, "group.max.size");
  read.to(groups.offset_metadata_bytes_max, "offset.metadata.max.bytes");
  groups.offsets_retention = std::chrono::minutes{read.integer("offsets.retention.minutes")};
  read.to(groups.offsets_retention_check, "offsets.retention.check.interval.ms");
  read.to(groups.offsets_commit_timeout, "offsets.commit.timeout.ms");
  read.to(groups.offsets_load_bytes, "offsets.load.buffer.size");
  read.to(groups.offsets_partitions, "offsets.topic.num.partitions");
  // Kafka's default of 3 could not be met here, and a first consumer would wait for ever.
  groups.offsets_replication_factor = 1;
  if (given.contains("offsets.topic.replication.factor") && read.integer("offsets.topic.replication.factor") != 1)
    judgement.problem("offsets.topic.replication.factor", read.text("offsets.topic.replication.factor"),
                      "this cluster has one broker, so that the topic of groups could not be made; set 1.");
  read.to(groups.offsets_segment_bytes, "offsets.topic.segment.bytes");
  read.to(groups.offsets_codec, "offsets.topic.compression.codec");
  if (groups.offsets_codec < 0 || groups.offsets_codec > 4)
    judgement.problem("offsets.topic.compression.codec", read.text("offsets.topic.compression.codec"),
                      "has to be 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd).");
  if (groups.session_timeout_min > groups.session_timeout_max)
    judgement.problem("group.min.session.timeout.ms", read.text("group.min.session.timeout.ms"),
                      "is above group.max.session.timeout.ms, so that no member could join.");
  if (groups.initial_rebalance_delay.count() < 0)
    judgement.problem("group.initial.rebalance.delay.ms", read.text("group.initial.rebalance.delay.ms"),
                      "has to be at least 0.");
  if (read.integer("offset.metadata.max.bytes") < 0 || read.integer("offset.metadata.max.bytes") > INT16_MAX)
    judgement.problem("offset.metadata.max.bytes", read.text("offset.metadata.max.bytes"),
                      "has to be between 0 and 32767, what a record can hold.");
}

void judge_contradictions(const Given& given, const BrokerConfig& config, Judgement& judgement) {
  const Reader read{given};
  const auto node = given.find("node.id");
  const auto broker = given.find("broker.id");
  if (node != given.end() && broker != given.end() && parse_integer(node->second) != parse_integer(broker->second))
    judgement.problem("broker.id", broker->second,
                      fmt::format("node.id={} says otherwise; remove broker.id.", node->second));
  if (config.node_id.raw() < 0)
    judgement.problem("node.id", fmt::to_string(config.node_id.raw()), "has to be at least 0.");
  if (read.integer("default.replication.factor") != 1)
    judgement.problem("default.replication.factor", read.text("default.replication.factor"),
                      "this cluster has one broker, so that every topic created without a factor would fail; set 1.");
  if (const std::int64_t age = read.integer("log.retention.ms"); age == 0 || age < -1)
    judgement.problem("log.retention.ms", read.text("log.retention.ms"), "has to be -1 (for ever) or at least 1.");
  if (read.integer("log.roll.ms") < 1)
    judgement.problem("log.roll.ms", read.text("log.roll.ms"), "has to be at least 1.");
  if (read.integer("log.roll.jitter.ms") < 0)
    judgement.problem("log.roll.jitter.ms", read.text("log.roll.jitter.ms"), "has to be at least 0.");
  if (read.integer("message.max.bytes") > config.request_bytes_max)
    judgement.problem("message.max.bytes", read.text("message.max.bytes"),
                      "is above socket.request.max.bytes, so that such a batch could never arrive; lower it or "
                      "raise that.");
  if (read.integer("min.insync.replicas") > 1)
    judgement.warn(fmt::format("min.insync.replicas={}: there is one broker, so that every write with acks=all to a "
                               "topic without a setting of its own fails; set 1.", read.text("min.insync.replicas")));
  if (read.text("log.durability") == "relaxed")
    judgement.warn("log.durability=relaxed: records are acknowledged before they are synced, so that a power failure "
                   "can lose them; use durable, or set it on the topics that can bear the loss.");
  if (config.admin_port && !is_loopback(config.admin_address))
    judgement.warn(fmt::format("kalda.admin.address={}: metrics and health can be read from other machines.",
                               config.admin_address));
}

}  // namespace

std::optional<std::string> effective_value(std::string_view name, const Given& given) {
  if (const auto own = given.find(name); own != given.end()) return own->second;
  const auto scaled = [](std::string_view value, std::int64_t factor) {
    if (factor == 1) return std::string{value};
    const std::int64_t number = parse_integer(value);
    return fmt::to_string(number < 0 ? -1 : number * factor);
  };
  for (const Synonym& other : fallbacks(name))
    if (const auto at = given.find(other.name); at != given.end()) return scaled(at->second, other.factor);
  const Definition* definition = find_broker_definition(name);
  if (definition != nullptr && definition->has_default) return std::string{definition->default_value};
  for (const Synonym& other : fallbacks(name))
    if (const Definition* at = find_broker_definition(other.name); at != nullptr && at->has_default)
      return scaled(at->default_value, other.factor);
  return std::nullopt;
}

LoadedConfig load_broker_config(std::string_view properties_text, std::span<const std::string> overrides) {
  LoadedConfig out;
  Judgement judgement{out};
  const Given given = gather(properties_text, overrides, judgement);
  for (const auto& [name, value] : given) judge_one(name, value, judgement);
  if (!judgement.is_clean()) return out;  // what follows reads legal values only

  BrokerConfig config;
  config.given = given;
  Reader{given}.to(config.node_id, "node.id");
  read_listeners(given, config, judgement);
  judge_roles(given, config, judgement);
  read_directories(given, config, judgement);
  read_numbers(given, config, judgement);
  read_groups(given, config.groups, judgement);
  judge_contradictions(given, config, judgement);
  if (judgement.is_clean()) out.config = std::move(config);
  return out;
}

}  // namespace broker::config
