#include "broker/config/layers.h"

#include <algorithm>

#include <fmt/format.h>

#include "broker/config/definition.h"

namespace broker::config {
namespace {

bool is_of_one_listener(std::string_view name) { return name.starts_with("listener.name."); }

/// Keys and certificates, which Kafka lets change for single listeners only.
bool is_key_material(std::string_view name) {
  return name.starts_with("ssl.keystore.") || name.starts_with("ssl.truststore.") || name == "ssl.key.password";
}

/// Sockets are bound at the start.
bool is_bound_at_start(const Definition& definition) {
  return definition.mode == Mode::per_broker && definition.treatment == Treatment::honoured;
}

std::optional<std::string> check_one(const std::string& name, const std::string& value, bool is_own) {
  const Definition* definition = find_broker_definition(name);
  if (definition == nullptr && !is_of_one_listener(name)) {
    const std::string_view near = nearest_name(name, broker_definitions());
    return fmt::format("Unknown broker config name: {}{}", name,
                       near.empty() ? std::string{} : fmt::format(" (did you mean {}?)", near));
  }
  if (!is_own && (definition == nullptr || definition->mode == Mode::per_broker))
    return fmt::format("{} can be set for a single broker only; name its id", name);
  if (definition == nullptr) return std::nullopt;
  if (definition->mode == Mode::read_only)
    return fmt::format("{} cannot be changed while a broker runs; set it in server.properties and restart", name);
  if (is_key_material(name)) return fmt::format("{} can be changed for a single listener only (listener.name.*)", name);
  if (const auto wrong = check_value(*definition, value)) {
    return fmt::format("Invalid value {} for configuration {}: {}", definition->is_sensitive() ? "(hidden)" : value, name,
                       *wrong);
  }
  const bool is_default = definition->has_default ? value == definition->default_value : value.empty();
  if (definition->treatment == Treatment::refused && !is_default)
    return fmt::format("Invalid value {} for configuration {}: {}", value, name, definition->words);
  if (is_bound_at_start(*definition))
    return fmt::format("{} is taken at the start only; set it in server.properties and restart", name);
  return std::nullopt;
}

Given usable(const Given& set, bool is_own) {
  Given out;
  for (const auto& [name, value] : set)
    if (!check_one(name, value, is_own)) out.emplace(name, value);
  return out;
}

void lay_over(Given& below, const Given& above) {
  for (const auto& [name, value] : above) below.insert_or_assign(name, value);
}

}  // namespace

Layers::Layers(const BrokerConfig& config) : fixed{config.given}, merged{config.given} {}

Layers::Layers(const BrokerConfig& config, const Given& own_set, const Given& cluster_set)
    : own{usable(own_set, true)}, cluster{usable(cluster_set, false)}, fixed{config.given}, merged{config.given} {
  lay_over(merged, cluster);
  lay_over(merged, own);
}

DynamicConfig dynamic_config(const Layers& layers) {
  const auto text = [&](std::string_view name) { return effective_value(name, layers.merged).value_or("0"); };
  const auto milliseconds = [&](std::string_view name) { return std::chrono::milliseconds{parse_integer(text(name))}; };
  const auto bytes = [&](std::string_view name) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(1, parse_integer(text(name))));
  };
  return {.producer_expiration = milliseconds("producer.id.expiration.ms"),
          .cleaner_backoff = milliseconds("log.cleaner.backoff.ms"),
          .cleaner_map_bytes = bytes("log.cleaner.dedupe.buffer.size"),
          .cleaner_load_factor = parse_fraction(text("log.cleaner.io.buffer.load.factor")),
          .cleaner_chunk_bytes = bytes("log.cleaner.io.buffer.size"),
          .cleaner_bytes_per_second = std::max(1.0, parse_fraction(text("log.cleaner.io.max.bytes.per.second")))};
}

std::optional<std::string> check_broker_change(const Layers& before, const Given& changed, bool is_own) {
  for (const auto& [name, value] : changed)
    if (auto problem = check_one(name, value, is_own)) return problem;
  Given after = before.fixed;
  lay_over(after, before.cluster);
  if (!is_own) lay_over(after, changed);
  lay_over(after, before.own);
  if (is_own) lay_over(after, changed);
  // Whether they go together, as at a start.
  std::vector<std::string> overrides;
  for (const auto& [name, value] : after) overrides.push_back(fmt::format("{}={}", name, value));
  const LoadedConfig loaded = load_broker_config("", overrides);
  return loaded.problems.empty() ? std::nullopt : std::optional{loaded.problems.front()};
}

}  // namespace broker::config
