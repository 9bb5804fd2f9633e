#include "broker/controller/decide_settings.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "broker/config/topic_config.h"
#include "broker/controller/topic_names.h"

namespace broker::controller {
namespace {

using metadata::Resource;
using metadata::ResourceType;
using metadata::Settings;
using net::ErrorCode;

constexpr std::size_t kValueBytesMax = 32767;
constexpr std::string_view kInsync = "min.insync.replicas";

using RefusedSettings = std::optional<AlteredSettings>;

AlteredSettings refuse(ErrorCode code, std::string message) { return {code, std::move(message)}; }

/// With eligible leader replicas the cluster's value is what elections go by: it is always there, and the only one.
RefusedSettings judge_insync(const Image& image, const Resource& resource, std::string_view name,
                     std::optional<std::string_view> value) {
  if (name != kInsync || resource.type != ResourceType::broker) return std::nullopt;
  const auto level = image.features.find("eligible.leader.replicas.version");
  if (level == image.features.end() || level->second == 0) return std::nullopt;
  if (!resource.name.empty() && value)
    return refuse(ErrorCode::invalid_config,
                  "Broker-level min.insync.replicas cannot be altered while eligible leader replicas are enabled.");
  if (resource.name.empty() && !value)
    return refuse(ErrorCode::invalid_config,
                  "Cluster-level min.insync.replicas cannot be removed while eligible leader replicas are enabled.");
  return std::nullopt;
}

RefusedSettings judge_topic(const std::string& name, const Settings& after) {
  if (name.empty()) return refuse(ErrorCode::invalid_request, "Default topic resources are not allowed.");
  if (auto wrong = check_topic_name(name)) return refuse(ErrorCode::invalid_topic_exception, std::move(*wrong));
  std::vector<std::pair<std::string, std::optional<std::string>>> settings{after.begin(), after.end()};
  if (auto wrong = config::check_topic_settings(settings)) return refuse(ErrorCode::invalid_config, std::move(*wrong));
  return std::nullopt;
}

RefusedSettings judge_broker_name(const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::int32_t id = -1;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
  if (read.ec != std::errc{} || read.ptr != name.data() + name.size())
    return refuse(ErrorCode::invalid_request, fmt::format("Unable to parse broker name as a base 10 number: {}", name));
  if (id < 0) return refuse(ErrorCode::invalid_request, fmt::format("Invalid negative broker id {}", name));
  return std::nullopt;
}

RefusedSettings judge_values(std::span<const config::Definition> definitions, const Settings& after, std::string_view kind,
                     ErrorCode unknown, ErrorCode wrong) {
  for (const auto& [name, value] : after) {
    const config::Definition* definition = config::find_definition(definitions, name);
    if (definition == nullptr) return refuse(unknown, fmt::format("Unknown {} config name: {}", kind, name));
    if (const auto problem = config::check_value(*definition, value))
      return refuse(wrong, fmt::format("Invalid value {} for configuration {}: {}", value, name, *problem));
  }
  return std::nullopt;
}

/// Clients are matched by what they say of themselves: key=pattern.
RefusedSettings judge_matches(const Settings& after) {
  const auto given = after.find("match");
  if (given == after.end()) return std::nullopt;
  constexpr std::string_view kKeys[] = {"client_id",           "client_instance_id",    "client_software_name",
                                        "client_software_version", "client_source_address", "client_source_port"};
  for (const std::string& one : config::parse_list(given->second)) {
    const std::size_t equals = one.find('=');
    const std::string_view key = std::string_view{one}.substr(0, equals);
    if (equals == one.npos || std::ranges::find(kKeys, key) == std::end(kKeys))
      return refuse(ErrorCode::invalid_config, fmt::format("Illegal client matching pattern: {}", one));
  }
  return std::nullopt;
}

RefusedSettings judge_all(const Resource& resource, const Settings& after) {
  switch (resource.type) {
    case ResourceType::topic: return judge_topic(resource.name, after);
    case ResourceType::broker: return judge_broker_name(resource.name);
    case ResourceType::group:
      if (resource.name.empty()) return refuse(ErrorCode::invalid_request, "Default group resources are not allowed.");
      return judge_values(config::group_definitions(), after, "group", ErrorCode::invalid_config,
                          ErrorCode::invalid_config);
    case ResourceType::client_metrics: {
      if (resource.name.empty()) return refuse(ErrorCode::invalid_request, "Subscription name can't be empty");
      auto wrong = judge_values(config::client_metrics_definitions(), after, "client metrics",
                                ErrorCode::invalid_request, ErrorCode::invalid_request);
      return wrong ? wrong : judge_matches(after);
    }
    case ResourceType::broker_logger: break;
  }
  return refuse(ErrorCode::invalid_request, "Unknown resource type");
}

RefusedSettings judge_existence(const Image& image, const Resource& resource) {
  if (resource.type == ResourceType::topic && image.find_topic(resource.name) == nullptr)
    return refuse(ErrorCode::unknown_topic_or_partition, fmt::format("The topic '{}' does not exist.", resource.name));
  if (resource.type != ResourceType::broker || resource.name.empty()) return std::nullopt;
  std::int32_t id = -1;
  std::from_chars(resource.name.data(), resource.name.data() + resource.name.size(), id);  // judged by judge_all()
  if (!image.brokers.contains(net::BrokerId{id}))
    return refuse(ErrorCode::broker_id_not_registered, fmt::format("No broker with id {} found.", id));
  return std::nullopt;
}

AlteredSettings decide_one(const Image& image, const SettingsWish& wish, std::vector<FramedValue>& records) {
  const Settings& before = image.settings_of(wish.resource.type, wish.resource.name);
  const config::Altered after = config::altered(before, definitions_of(wish.resource.type), wish.alterations);
  if (after.problem) return refuse(ErrorCode::invalid_config, *after.problem);
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;
  for (const auto& [name, value] : after.settings) {
    const auto known = before.find(name);
    if (known == before.end() || known->second != value) changes.emplace_back(name, value);
  }
  for (const auto& [name, value] : before)
    if (!after.settings.contains(name)) changes.emplace_back(name, std::nullopt);

  for (const auto& [name, value] : changes) {
    if (auto refused = judge_insync(image, wish.resource, name, value)) return std::move(*refused);
    if (value && value->size() > kValueBytesMax)
      return refuse(ErrorCode::invalid_config,
                    fmt::format("The value of {} is longer than {} bytes.", name, kValueBytesMax));
  }
  if (auto refused = judge_all(wish.resource, after.settings)) return std::move(*refused);
  if (auto refused = judge_existence(image, wish.resource)) return std::move(*refused);
  for (const auto& [name, value] : changes) records.push_back(metadata::setting_record(wish.resource, name, value));
  return {};
}

}  // namespace

std::span<const config::Definition> definitions_of(ResourceType type) {
  switch (type) {
    case ResourceType::topic: return config::topic_definitions();
    case ResourceType::broker: return config::broker_definitions();
    case ResourceType::group: return config::group_definitions();
    case ResourceType::client_metrics: return config::client_metrics_definitions();
    case ResourceType::broker_logger: break;
  }
  return {};
}

SettingsDecision decide_settings(const Image& image, std::span<const SettingsWish> wanted) {
  SettingsDecision out;
  for (const SettingsWish& wish : wanted) out.answers.push_back(decide_one(image, wish, out.records));
  if (out.records.size() <= kRecordsPerChangeMax) return out;
  out.records.clear();
  for (AlteredSettings& answer : out.answers)
    answer = refuse(ErrorCode::policy_violation, "Excessively large number of settings per request.");
  return out;
}

}  // namespace broker::controller
