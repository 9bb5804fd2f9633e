// DescribeConfigs v1-4. v3: types and documentation. v4: flexible. Resources: topics, brokers ("" is the default of all
// brokers), groups, subscriptions to client metrics.
#include "broker/controller/topic_names.h"
#include "broker/handlers/alter_configs.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "net/messages/describe_configs.h"

namespace broker::handlers {
namespace {

using net::DescribeConfigsRequest;
using net::DescribeConfigsResponse;
using net::ErrorCode;
using metadata::ResourceType;
using ConfigsResult = DescribeConfigsResponse::DescribeConfigsResult;

void add(ConfigsResult& result, const config::DescribedValue& value, const DescribeConfigsRequest& request, net::Arena& arena) {
  auto& out = arena.push_back(result.configs, {.name = value.definition->name});
  out.value.reset();
  if (value.value) out.value = arena.copy(*value.value);
  out.read_only = value.is_read_only;
  out.config_source = static_cast<std::int8_t>(value.source);
  out.is_sensitive = value.definition->type == config::Type::password;
  out.config_type = static_cast<std::int8_t>(value.definition->type);
  out.documentation.reset();
  if (request.include_documentation) out.documentation = value.definition->words;
  if (!request.include_synonyms) return;
  for (const config::ValueSynonym& synonym : value.synonyms) {
    auto& entry = arena.push_back(out.synonyms, {.name = arena.copy(synonym.name)});
    entry.value.reset();
    if (synonym.value) entry.value = arena.copy(*synonym.value);
    entry.source = static_cast<std::int8_t>(synonym.source);
  }
}

void add_all(ConfigsResult& result, const std::vector<config::DescribedValue>& values,
             const DescribeConfigsRequest::DescribeConfigsResource& resource, const DescribeConfigsRequest& request,
             net::Arena& arena) {
  for (const config::DescribedValue& value : values) {
    if (resource.configuration_keys &&
        std::ranges::find(*resource.configuration_keys, value.definition->name) == resource.configuration_keys->end()) {
      continue;
    }
    add(result, value, request, arena);
  }
}

void refuse(ConfigsResult& result, ErrorCode code, std::string_view message) {
  result.error_code = code;
  result.error_message = message;
}

bool judge_broker(ConfigsResult& result, std::string_view name, const Call& call) {
  const auto id = parse_broker_name(name);
  if (id == call.broker().id()) return true;
  refuse(result, ErrorCode::invalid_request, id ? "this is another broker; ask that one" : "a broker is named by its number");
  return false;
}

void describe(ConfigsResult& result, const DescribeConfigsRequest::DescribeConfigsResource& resource,
              const DescribeConfigsRequest& request, Call& call) {
  net::Arena& arena = *call.arena;
  result.resource_type = resource.resource_type;
  result.resource_name = resource.resource_name;
  result.error_message.reset();
  const std::string_view name = resource.resource_name;
  const auto kind = static_cast<ResourceType>(resource.resource_type);
  const auto& own = call.image()->settings_of(kind, name);
  const config::Layers& layers = call.shard.layers();
  switch (kind) {
    case ResourceType::topic:
      if (const auto wrong = controller::check_topic_name(name))
        return refuse(result, ErrorCode::invalid_topic_exception, arena.copy(*wrong));
      if (call.image()->find_topic(name) == nullptr)
        return refuse(result, ErrorCode::unknown_topic_or_partition, "no such topic");
      return add_all(result, config::describe_topic(own, layers), resource, request, arena);
    case ResourceType::broker:
      if (name.empty()) return add_all(result, config::describe_cluster_default(layers), resource, request, arena);
      if (judge_broker(result, name, call))
        add_all(result, config::describe_broker(layers), resource, request, arena);
      return;
    case ResourceType::broker_logger: return static_cast<void>(judge_broker(result, name, call));  // there are none
    case ResourceType::group:
      if (name.empty()) return refuse(result, ErrorCode::invalid_request, "a group needs a name");
      return add_all(result, config::describe_group(own, layers), resource, request, arena);
    case ResourceType::client_metrics:
      if (name.empty()) return refuse(result, ErrorCode::invalid_request, "a subscription needs a name");
      return add_all(result, config::describe_client_metrics(own), resource, request, arena);
  }
  refuse(result, ErrorCode::invalid_request, "this kind of resource has no configuration");
}

DescribeConfigsResponse respond(kernel::Fiber&, Call& call, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  response.results = call.arena->list<ConfigsResult>(request.resources.size());
  for (std::size_t i = 0; i < request.resources.size(); ++i) {
    describe(response.results[i], request.resources[i], request, call);
  }
  return response;
}

}  // namespace

void handle_describe_configs(kernel::Fiber& f, Call& call) { answer<DescribeConfigsRequest>(f, call, respond); }

}  // namespace broker::handlers
