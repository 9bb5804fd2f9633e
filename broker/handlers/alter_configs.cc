#include "broker/handlers/alter_configs.h"

#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "broker/controller/decide_settings.h"
#include "broker/handlers/wire_code.h"

namespace broker::handlers {
namespace {

using config::Operation;
using controller::AlteredSettings;
using metadata::ResourceType;
using net::ErrorCode;

using Refused = std::optional<AlteredSettings>;

Refused refuse(std::string message, ErrorCode code = ErrorCode::invalid_request) {
  return AlteredSettings{code, std::move(message)};
}

Refused judge_form(const AskedSettings& asked) {
  std::set<std::string_view> names;
  for (const AskedSetting& one : asked.each)
    if (!names.insert(one.name).second) return refuse("Error due to duplicate config keys");
  for (const AskedSetting& one : asked.each)
    if (!one.value && one.operation != static_cast<std::int8_t>(Operation::remove))
      return refuse(fmt::format("Null value not supported for : {}", one.name));
  for (const AskedSetting& one : asked.each)
    if (one.operation < 0 || one.operation > 3)
      return refuse(fmt::format("Unknown operations type {}", one.operation));
  return std::nullopt;
}

/// Whether this broker can take the change of its own settings. Kafka says INVALID_REQUEST for values too.
Refused judge_broker_change(Call& call, const AskedSettings& asked, const config::Alterations& wanted) {
  const bool is_own = !asked.resource_name.empty();
  if (is_own) {
    const auto id = parse_broker_name(asked.resource_name);
    if (!id) return refuse(fmt::format("Node id must be an integer, but it is: {}", asked.resource_name));
    if (*id != call.broker().id())
      return refuse(fmt::format("Unexpected broker id, expected {}, but received {}", call.broker().id().raw(),
                                asked.resource_name));
  }
  const auto& before = call.image()->settings_of(ResourceType::broker, asked.resource_name);
  const config::Altered after = config::altered(before, config::broker_definitions(), wanted);
  if (after.problem) return refuse(*after.problem, ErrorCode::invalid_config);
  config::Given changed;
  for (const auto& [name, value] : after.settings)
    if (const auto known = before.find(name); known == before.end() || known->second != value) changed[name] = value;
  config::Given own = call.image()->settings_of(ResourceType::broker, fmt::to_string(call.broker().id().raw()));
  config::Given cluster = call.image()->settings_of(ResourceType::broker, "");
  // What goes must not count when the rest is judged.
  std::erase_if(is_own ? own : cluster, [&](const auto& one) { return !after.settings.contains(one.first); });
  const config::Layers layers{call.shard.config(), own, cluster};
  if (auto problem = config::check_broker_change(layers, changed, is_own)) return refuse(std::move(*problem));
  return std::nullopt;
}

Refused judge(Call& call, const AskedSettings& asked, const config::Alterations& wanted) {
  if (auto refused = judge_form(asked)) return refused;
  switch (static_cast<ResourceType>(asked.resource_type)) {
    case ResourceType::topic:
    case ResourceType::client_metrics:
    case ResourceType::group: return std::nullopt;
    case ResourceType::broker: return judge_broker_change(call, asked, wanted);
    case ResourceType::broker_logger:
      if (wanted.replaces_all) return refuse("AlterConfigs does not support loggers; use IncrementalAlterConfigs");
      if (parse_broker_name(asked.resource_name) != call.broker().id())
        return refuse(fmt::format("Unexpected broker id, expected {}, but received {}", call.broker().id().raw(),
                                  asked.resource_name));
      if (asked.each.empty()) return AlteredSettings{};
      return refuse(fmt::format("Logger {} does not exist! This broker has no loggers with levels of their own.",
                                asked.each.front().name),
                    ErrorCode::invalid_config);
  }
  return refuse(fmt::format("Unknown resource type {}", asked.resource_type));
}

config::Alterations alterations_of(const AskedSettings& asked, bool replaces_all) {
  config::Alterations out{.each = {}, .replaces_all = replaces_all};
  for (const AskedSetting& one : asked.each)
    out.each.push_back({one.name, static_cast<Operation>(one.operation), one.value.value_or("")});
  return out;
}

}  // namespace

std::optional<net::BrokerId> parse_broker_name(std::string_view name) {
  std::int32_t id = -1;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), id);
  if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) return std::nullopt;
  return net::BrokerId{id};
}

std::vector<AlteredSettings> alter_settings(kernel::Fiber& f, Call& call, const std::vector<AskedSettings>& asked,
                                            bool replaces_all, bool validate_only) {
  std::map<std::pair<std::int8_t, std::string>, int> times;
  for (const AskedSettings& one : asked) ++times[{one.resource_type, one.resource_name}];
  std::vector<AlteredSettings> answers(asked.size());
  std::vector<controller::SettingsWish> wishes;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const AskedSettings& one = asked[i];
    config::Alterations wanted = alterations_of(one, replaces_all);
    Refused judged = times[{one.resource_type, one.resource_name}] > 1
                         ? refuse("Each resource must appear at most once.")
                         : judge(call, one, wanted);
    if (judged) {
      answers[i] = std::move(*judged);
      continue;
    }
    places.push_back(i);
    wishes.push_back({{static_cast<ResourceType>(one.resource_type), one.resource_name}, std::move(wanted)});
  }
  if (wishes.empty()) return answers;
  const auto altered = call.broker().alter_settings(f, wishes, validate_only);
  for (std::size_t i = 0; i < places.size(); ++i)
    answers[places[i]] = altered ? (*altered)[i] : AlteredSettings{wire_code(altered.error()), wire_message(altered.error())};
  return answers;
}

}  // namespace broker::handlers
