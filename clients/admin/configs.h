// Settings of topics, brokers and groups: what is in force and why, and changes to them.
//
//   const auto known = TRY(describe_configs(f, cluster, {ResourceType::topic, "orders"}));
//   const auto verdict = TRY(alter_configs(f, cluster, {ResourceType::topic, "orders"},
//                                          {{.name = "retention.ms", .value = "1000"}}));
//
// Errors: as in admin.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clients/admin/verdict.h"
#include "clients/core/cluster.h"

namespace clients::admin {

/// Kafka's numbers.
enum class ResourceType : std::int8_t { topic = 2, broker = 4, client_metrics = 16, group = 32 };
/// "topic"
[[nodiscard]] std::string_view name_of(ResourceType type);

struct Resource {
  ResourceType type = ResourceType::topic;
  std::string name;  ///< of a broker: its id, or nothing for what holds for all brokers
};

/// Where a value comes from, as Kafka numbers it.
enum class ConfigSource : std::int8_t {
  unknown = 0, topic = 1, broker = 2, all_brokers = 3, file = 4, built_in = 5, logger = 6, client_metrics = 7, group = 8,
};
/// "set on the topic"
[[nodiscard]] std::string_view name_of(ConfigSource source);

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::unknown;
};
struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  ///< not given for sensitive ones
  bool read_only = false;
  bool sensitive = false;
  ConfigSource source = ConfigSource::unknown;
  std::vector<ConfigSynonym> synonyms{};  ///< what would be in force were the former ones not set
  std::string documentation{};
  [[nodiscard]] bool is_default() const { return source == ConfigSource::built_in; }
};
struct ResourceConfigs : Verdict {
  std::vector<ConfigEntry> entries;  ///< ordered by name
};
/// `names` empty: all settings. `documented`: with synonyms and words. A broker is asked itself.
kernel::Result<ResourceConfigs> describe_configs(kernel::Fiber& f, core::Cluster& cluster, const Resource& resource,
                                                 const std::vector<std::string>& names = {}, bool documented = false);

struct Alteration {
  enum class Operation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
  std::string name;
  Operation operation = Operation::set;
  std::string value{};
};
/// `validate_only`: nothing is changed, the answer says what would have been.
kernel::Result<Verdict> alter_configs(kernel::Fiber& f, core::Cluster& cluster, const Resource& resource,
                                      const std::vector<Alteration>& alterations, bool validate_only = false);

/// Resources that have, or may have, settings of their own.
kernel::Result<std::vector<Resource>> list_config_resources(kernel::Fiber& f, core::Cluster& cluster);

}  // namespace clients::admin
