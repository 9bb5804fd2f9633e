// IncrementalAlterConfigs v0-1. v1: flexible. Topics, brokers, groups and subscriptions to client metrics (KIP-339).
#include "broker/handlers/alter_configs.h"
#include "broker/handlers/apis.h"
#include "net/messages/incremental_alter_configs.h"

namespace broker::handlers {
namespace {

using net::IncrementalAlterConfigsRequest;
using net::IncrementalAlterConfigsResponse;

IncrementalAlterConfigsResponse respond(kernel::Fiber& f, Call& call, const IncrementalAlterConfigsRequest& request) {
  std::vector<AskedSettings> asked;
  for (const auto& resource : request.resources) {
    AskedSettings& one = asked.emplace_back(AskedSettings{resource.resource_type, std::string{resource.resource_name}, {}});
    for (const auto& setting : resource.configs)
      one.each.push_back({std::string{setting.name}, setting.config_operation, std::optional<std::string>{setting.value}});
  }
  const auto altered = alter_settings(f, call, asked, /*replaces_all=*/false, request.validate_only);
  IncrementalAlterConfigsResponse response;
  response.responses = call.arena->list<IncrementalAlterConfigsResponse::AlterConfigsResourceResponse>(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto& answer = response.responses[i];
    answer.error_code = altered[i].code;
    answer.error_message.reset();
    if (!altered[i].message.empty()) answer.error_message = call.arena->copy(altered[i].message);
    answer.resource_type = request.resources[i].resource_type;
    answer.resource_name = request.resources[i].resource_name;
  }
  return response;
}

}  // namespace

void handle_incremental_alter_configs(kernel::Fiber& f, Call& call) { answer<IncrementalAlterConfigsRequest, respond>(f, call); }

}  // namespace broker::handlers
