// What AlterConfigs and IncrementalAlterConfigs share: what a broker judges itself, and the way to the controller.
#pragma once

#include <string>
#include <vector>

#include "broker/controller/changes.h"
#include "broker/handlers/call.h"

namespace broker::handlers {

/// One resource as the request has it.
struct AskedSetting {
  std::string name;
  std::int8_t operation = 0;
  std::optional<std::string> value;
};
struct AskedSettings {
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::vector<AskedSetting> each;
};

/// One answer for each, in order. `replaces_all`: AlterConfigs. Suspends.
std::vector<controller::AlteredSettings> alter_settings(kernel::Fiber& f, Call& call,
                                                        const std::vector<AskedSettings>& asked, bool replaces_all,
                                                        bool validate_only);

/// The answer to a request of either API.
template <class Response, class Request>
Response answer_alterations(kernel::Fiber& f, Call& call, const Request& request, bool replaces_all) {
  std::vector<AskedSettings> asked;
  for (const auto& resource : request.resources) {
    AskedSettings& one = asked.emplace_back(AskedSettings{resource.resource_type, std::string{resource.resource_name}, {}});
    for (const auto& setting : resource.configs) {
      AskedSetting& wish = one.each.emplace_back(AskedSetting{.name = std::string{setting.name}, .value = {}});
      if (setting.value) wish.value = *setting.value;
      if constexpr (requires { setting.config_operation; }) wish.operation = setting.config_operation;
    }
  }
  const auto altered = alter_settings(f, call, asked, replaces_all, request.validate_only);
  Response response;
  response.responses = call.arena->list<typename Response::AlterConfigsResourceResponse>(asked.size());
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

/// A broker resource's name as a number; nothing when it is none.
std::optional<net::BrokerId> parse_broker_name(std::string_view name);

}  // namespace broker::handlers
