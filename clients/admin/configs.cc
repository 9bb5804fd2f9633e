#include "clients/admin/configs.h"

#include <charconv>

#include "clients/admin/ask.h"
#include "net/messages/describe_configs.h"
#include "net/messages/incremental_alter_configs.h"
#include "net/messages/list_config_resources.h"

namespace clients::admin {

using core::Cluster;
using core::Reason;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;

namespace {

/// What belongs to one broker is asked of it; everybody knows the rest.
Result<std::optional<net::BrokerId>> broker_of(const Resource& resource) {
  if (resource.type != ResourceType::broker || resource.name.empty()) return std::nullopt;
  std::int32_t id = -1;
  const char* end = resource.name.data() + resource.name.size();
  const auto [stop, problem] = std::from_chars(resource.name.data(), end, id);
  if (problem != std::errc{} || stop != end || id < 0) return fail(Reason::unknown_broker);
  return net::BrokerId{id};
}

std::optional<std::string> owned(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>{*text} : std::nullopt;
}

ConfigEntry entry_of(const net::DescribeConfigsResponse::DescribeConfigsResourceResult& told) {
  ConfigEntry entry{.name = std::string{told.name},
                    .value = owned(told.value),
                    .read_only = told.read_only,
                    .sensitive = told.is_sensitive,
                    .source = static_cast<ConfigSource>(told.config_source)};
  for (const auto& one : told.synonyms)
    entry.synonyms.push_back({std::string{one.name}, owned(one.value), static_cast<ConfigSource>(one.source)});
  entry.documentation = words(told.documentation);
  return entry;
}

}  // namespace

std::string_view name_of(ResourceType type) {
  switch (type) {
    case ResourceType::topic: return "topic";
    case ResourceType::broker: return "broker";
    case ResourceType::client_metrics: return "client-metrics";
    case ResourceType::group: return "group";
  }
  return "unknown";
}

std::string_view name_of(ConfigSource source) {
  switch (source) {
    case ConfigSource::topic: return "set on the topic";
    case ConfigSource::broker: return "set on the broker";
    case ConfigSource::all_brokers: return "set for all brokers";
    case ConfigSource::file: return "broker's file";
    case ConfigSource::built_in: return "built in";
    case ConfigSource::logger: return "logger";
    case ConfigSource::client_metrics: return "set on the subscription";
    case ConfigSource::group: return "set on the group";
    case ConfigSource::unknown: break;
  }
  return "unknown";
}

Result<ResourceConfigs> describe_configs(Fiber& f, Cluster& cluster, const Resource& resource,
                                         const std::vector<std::string>& names, bool documented) {
  const auto broker = TRY(broker_of(resource));
  net::Arena arena;
  net::DescribeConfigsRequest request;
  net::DescribeConfigsRequest::DescribeConfigsResource asked;
  asked.resource_type = static_cast<std::int8_t>(resource.type);
  asked.resource_name = resource.name;
  asked.configuration_keys = std::nullopt;
  if (!names.empty()) asked.configuration_keys.emplace();
  for (const std::string& name : names) arena.push_back(*asked.configuration_keys, std::string_view{name});
  arena.push_back(request.resources, asked);
  request.include_synonyms = documented;
  request.include_documentation = documented;
  const auto answer = TRY(ask(f, cluster, request, [](const auto& got) { return read_again(got); }, broker));
  if (answer->results.size() != 1) return fail(Reason::malformed_answer);
  const auto& result = answer->results[0];
  ResourceConfigs configs;
  configs.name = result.resource_name;
  configs.code = result.error_code;
  configs.message = words(result.error_message);
  for (const auto& told : result.configs) configs.entries.push_back(entry_of(told));
  std::ranges::sort(configs.entries, {}, &ConfigEntry::name);
  return configs;
}

Result<Verdict> alter_configs(Fiber& f, Cluster& cluster, const Resource& resource,
                              const std::vector<Alteration>& alterations, bool validate_only) {
  const auto broker = TRY(broker_of(resource));
  net::Arena arena;
  net::IncrementalAlterConfigsRequest request;
  net::IncrementalAlterConfigsRequest::AlterConfigsResource asked;
  asked.resource_type = static_cast<std::int8_t>(resource.type);
  asked.resource_name = resource.name;
  for (const Alteration& one : alterations) {
    net::IncrementalAlterConfigsRequest::AlterableConfig config;
    config.name = one.name;
    config.config_operation = static_cast<std::int8_t>(one.operation);
    if (one.operation != Alteration::Operation::remove) config.value = one.value;
    arena.push_back(asked.configs, config);
  }
  arena.push_back(request.resources, asked);
  request.validate_only = validate_only;
  const auto answer = TRY(ask(f, cluster, request, [](const auto& got) { return !got && not_begun(got.error()); }, broker));
  if (answer->responses.size() != 1) return fail(Reason::malformed_answer);
  const auto& told = answer->responses[0];
  return Verdict{std::string{told.resource_name}, told.error_code, words(told.error_message)};
}

Result<std::vector<Resource>> list_config_resources(Fiber& f, Cluster& cluster) {
  const net::ListConfigResourcesRequest request;
  const auto answer = TRY(ask(f, cluster, request, [](const auto& got) { return read_again(got); }));
  if (answer->error_code != ErrorCode::none) return core::fail_code(answer->error_code);
  std::vector<Resource> resources;
  for (const auto& one : answer->config_resources) {
    const auto type = static_cast<ResourceType>(one.resource_type);
    if (name_of(type) != "unknown") resources.push_back({type, std::string{one.resource_name}});
  }
  return resources;
}

}  // namespace clients::admin
