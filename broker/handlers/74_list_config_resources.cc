// ListConfigResources v0-1. v0 is ListClientMetricsResources of old: subscriptions to client metrics only.
#include <set>

#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "net/messages/list_config_resources.h"

namespace broker::handlers {
namespace {

using metadata::ResourceType;
using net::ErrorCode;
using net::ListConfigResourcesRequest;
using net::ListConfigResourcesResponse;

constexpr ResourceType kTypes[] = {ResourceType::topic, ResourceType::broker, ResourceType::broker_logger,
                                   ResourceType::client_metrics, ResourceType::group};

std::set<std::string> names_of(const metadata::Image& image, ResourceType type) {
  std::set<std::string> names;
  switch (type) {
    case ResourceType::topic:
      for (const auto& [name, topic] : image.topics) names.insert(name);
      break;
    case ResourceType::broker:
    case ResourceType::broker_logger:
      for (const auto& [id, broker] : image.brokers)
        if (!broker.fenced) names.insert(fmt::to_string(id.raw()));
      break;
    case ResourceType::client_metrics:
    case ResourceType::group:
      for (const auto& [resource, settings] : image.settings)
        if (resource.type == type) names.insert(resource.name);
      break;
  }
  return names;
}

ListConfigResourcesResponse respond(kernel::Fiber&, Call& call, const ListConfigResourcesRequest& request) {
  ListConfigResourcesResponse response;
  std::set<std::int8_t> wanted{request.resource_types.begin(), request.resource_types.end()};
  if (call.version() == 0) wanted = {static_cast<std::int8_t>(ResourceType::client_metrics)};
  for (const ResourceType type : kTypes)
    if (call.version() > 0 && request.resource_types.empty()) wanted.insert(static_cast<std::int8_t>(type));
  for (const std::int8_t type : wanted) {
    if (std::ranges::find(kTypes, static_cast<ResourceType>(type)) == std::end(kTypes)) {
      response.error_code = ErrorCode::unsupported_version;
      return response;
    }
  }
  for (const std::int8_t type : wanted)
    for (const std::string& name : names_of(*call.image(), static_cast<ResourceType>(type)))
      call.arena->push_back(response.config_resources, {.resource_name = call.arena->copy(name), .resource_type = type});
  return response;
}

}  // namespace

void handle_list_config_resources(kernel::Fiber& f, Call& call) {
  answer<ListConfigResourcesRequest>(f, call, respond);
}

}  // namespace broker::handlers
