// AlterConfigs v0-2. v2: flexible. What is not named is unset, which is why IncrementalAlterConfigs is the one to use.
#include "broker/handlers/alter_configs.h"
#include "broker/handlers/apis.h"
#include "net/messages/alter_configs.h"

namespace broker::handlers {
namespace {

using net::AlterConfigsRequest;
using net::AlterConfigsResponse;

AlterConfigsResponse respond(kernel::Fiber& f, Call& call, const AlterConfigsRequest& request) {
  std::vector<AskedSettings> asked;
  for (const auto& resource : request.resources) {
    AskedSettings& one = asked.emplace_back(AskedSettings{resource.resource_type, std::string{resource.resource_name}, {}});
    for (const auto& setting : resource.configs)
      one.each.push_back({std::string{setting.name}, 0, std::optional<std::string>{setting.value}});
  }
  const auto altered = alter_settings(f, call, asked, /*replaces_all=*/true, request.validate_only);
  AlterConfigsResponse response;
  response.responses = call.arena->list<AlterConfigsResponse::AlterConfigsResourceResponse>(asked.size());
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

void handle_alter_configs(kernel::Fiber& f, Call& call) { answer<AlterConfigsRequest, respond>(f, call); }

}  // namespace broker::handlers
