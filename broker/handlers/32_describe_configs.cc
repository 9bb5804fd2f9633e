// DescribeConfigs v1-4. v3: types and documentation. v4: flexible. Resources: topics and brokers ("" is the default of
// all brokers, of which nothing is set dynamically here).
#include <charconv>

#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "net/messages/describe_configs.h"

namespace broker::handlers {
namespace {

using net::DescribeConfigsRequest;
using net::DescribeConfigsResponse;
using net::ErrorCode;
using Result = DescribeConfigsResponse::DescribeConfigsResult;

constexpr std::int8_t kTopic = 2, kBroker = 4, kBrokerLogger = 8;

void add(Result& result, const config::DescribedValue& value, const DescribeConfigsRequest& request, net::Arena& arena) {
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

void add_all(Result& result, const std::vector<config::DescribedValue>& values,
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

void refuse(Result& result, ErrorCode code, std::string_view message) {
  result.error_code = code;
  result.error_message = message;
}

void describe(Result& result, const DescribeConfigsRequest::DescribeConfigsResource& resource,
              const DescribeConfigsRequest& request, Call& call) {
  net::Arena& arena = *call.arena;
  result.resource_type = resource.resource_type;
  result.resource_name = resource.resource_name;
  result.error_message.reset();
  switch (resource.resource_type) {
    case kTopic: {
      if (call.image()->find_topic(resource.resource_name) == nullptr) {
        return refuse(result, ErrorCode::unknown_topic_or_partition, "no such topic");
      }
      const auto& own = call.image()->settings_of(metadata::ResourceType::topic, resource.resource_name);
      return add_all(result, config::describe_topic(own, call.shard.config()), resource, request, arena);
    }
    case kBroker: {
      if (resource.resource_name.empty()) return;
      std::int32_t id = -1;
      const std::string_view text = resource.resource_name;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
      if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        return refuse(result, ErrorCode::invalid_request, "a broker is named by its number");
      }
      if (net::BrokerId{id} != call.broker().id()) {
        return refuse(result, ErrorCode::invalid_request, "this is another broker; ask that one");
      }
      return add_all(result, config::describe_broker(call.shard.config()), resource, request, arena);
    }
    case kBrokerLogger:
      return refuse(result, ErrorCode::invalid_request, "this broker has no loggers with levels of their own");
    default: return refuse(result, ErrorCode::invalid_request, "this kind of resource has no configuration here");
  }
}

DescribeConfigsResponse respond(kernel::Fiber&, Call& call, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  response.results = call.arena->list<Result>(request.resources.size());
  for (std::size_t i = 0; i < request.resources.size(); ++i) {
    describe(response.results[i], request.resources[i], request, call);
  }
  return response;
}

}  // namespace

void handle_describe_configs(kernel::Fiber& f, Call& call) { answer<DescribeConfigsRequest, respond>(f, call); }

}  // namespace broker::handlers
