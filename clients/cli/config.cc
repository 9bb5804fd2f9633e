// kalda config describe|set|unset|list: settings of a running cluster.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "clients/admin/configs.h"
#include "clients/cli/common.h"
#include "kernel/command_line.h"

namespace clients::cli {

using admin::Alteration;
using admin::Resource;
using admin::ResourceType;
using kernel::Fiber;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kAllBrokers = "default";

Json json_of(const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); }
std::string shown_name(const Resource& resource) {
  return resource.type == ResourceType::broker && resource.name.empty() ? std::string{kAllBrokers} : resource.name;
}

void add_resource(kernel::CommandLine line, Resource& resource) {
  line.choice("kind", resource.type,
              {{"topic", ResourceType::topic},
               {"broker", ResourceType::broker},
               {"group", ResourceType::group},
               {"client-metrics", ResourceType::client_metrics}},
              "What is set: topic, broker, group or client-metrics")
      .required()
      .show_as("KIND");
  line.option("name", resource.name, "Its name; of a broker its id, or `default` for all brokers").required();
}

/// As the broker wants it: what holds for all brokers has no name.
Resource meant(Resource resource) {
  if (resource.type == ResourceType::broker && resource.name == kAllBrokers) resource.name.clear();
  return resource;
}

/// Null after it was complained of.
std::optional<Alteration> parse_setting(Fiber& f, const std::string& setting, Alteration::Operation operation) {
  const auto equals = setting.find('=');
  if (equals == setting.npos || equals == 0) {
    complain(f, fmt::format("`{}` is not NAME=VALUE", setting));
    return std::nullopt;
  }
  return Alteration{setting.substr(0, equals), operation, setting.substr(equals + 1)};
}

struct DescribeConfigsOptions {
  ClusterOptions cluster;
  Resource resource;
  std::vector<std::string> names;
  bool all = false;
  Form form = Form::text;
};

std::string described(const admin::ConfigEntry& entry) {
  std::string text = fmt::format("{}={}  ({}{})\n", entry.name, entry.value.value_or(entry.sensitive ? "(hidden)" : ""),
                                 admin::name_of(entry.source), entry.read_only ? ", at start only" : "");
  return text;
}

std::string explained(const admin::ConfigEntry& entry) {
  std::string text = described(entry);
  if (!entry.documentation.empty()) text += fmt::format("  {}\n", entry.documentation);
  for (const auto& one : entry.synonyms)
    text += fmt::format("  {}={}  ({})\n", one.name, one.value.value_or(""), admin::name_of(one.source));
  return text;
}

Json described_json(const admin::ConfigEntry& entry) {
  Json synonyms = Json::array();
  for (const auto& one : entry.synonyms)
    synonyms.push_back({{"name", one.name}, {"value", json_of(one.value)}, {"source", admin::name_of(one.source)}});
  return {{"name", entry.name},           {"value", json_of(entry.value)},       {"source", admin::name_of(entry.source)},
          {"read_only", entry.read_only}, {"sensitive", entry.sensitive},        {"documentation", entry.documentation},
          {"synonyms", synonyms}};
}

int describe(Fiber& f, const DescribeConfigsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const bool chosen = !options.names.empty();
    const auto configs = admin::describe_configs(w, *cluster, meant(options.resource), options.names, /*documented=*/true);
    const std::string doing = fmt::format("cannot read the settings of {} {}", admin::name_of(options.resource.type), options.resource.name);
    if (!configs) return complain(w, doing, configs.error(), options.cluster);
    if (!configs->ok()) return complain(w, fmt::format("{}: {}", doing, words_of(configs->code, configs->message)));
    Out out{w};
    int status = kDone;
    for (const auto& entry : configs->entries) {
      if (!chosen && !options.all && entry.is_default()) continue;
      (void)out.put(options.form == Form::json ? json_line(described_json(entry)) : chosen ? explained(entry) : described(entry));
    }
    for (const std::string& name : options.names) {
      if (std::ranges::find(configs->entries, name, &admin::ConfigEntry::name) == configs->entries.end())
        status = complain(w, fmt::format("{} is no setting of a {}; see `kalda config explain {}`", name,
                                         admin::name_of(options.resource.type), name));
    }
    return out.flush() ? status : kFailed;
  });
}

struct AlterConfigsOptions {
  ClusterOptions cluster;
  Resource resource;
  std::vector<std::string> settings, append, subtract, names;
  bool dry_run = false;
  Form form = Form::text;
};

int alter(Fiber& f, const AlterConfigsOptions& options, const std::vector<Alteration>& alterations) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const Resource resource = meant(options.resource);
    const auto verdict = admin::alter_configs(w, *cluster, resource, alterations, options.dry_run);
    const std::string doing = fmt::format("cannot change the settings of {} {}", admin::name_of(resource.type), shown_name(resource));
    if (!verdict) return complain(w, doing, verdict.error(), options.cluster);
    if (!verdict->ok()) return complain(w, fmt::format("{}: {}; nothing was changed", doing, words_of(verdict->code, verdict->message)));
    Out out{w};
    for (const Alteration& one : alterations) {
      if (options.form == Form::json) {
        (void)out.put(json_line({{"kind", admin::name_of(resource.type)}, {"resource", shown_name(resource)}, {"name", one.name},
                            {"changed", !options.dry_run}}));
      } else {
        (void)out.put(fmt::format("{} {} of {} {}\n", options.dry_run ? "would change" : "changed", one.name,
                                  admin::name_of(resource.type), shown_name(resource)));
      }
    }
    return out.flush() ? kDone : kFailed;
  });
}

int set(Fiber& f, const AlterConfigsOptions& options) {
  std::vector<Alteration> alterations;
  const auto add = [&](const std::vector<std::string>& settings, Alteration::Operation operation) {
    for (const std::string& setting : settings) {
      auto one = parse_setting(f, setting, operation);
      if (!one) return false;
      alterations.push_back(std::move(*one));
    }
    return true;
  };
  if (!add(options.settings, Alteration::Operation::set) || !add(options.append, Alteration::Operation::append) ||
      !add(options.subtract, Alteration::Operation::subtract))
    return kUsage;
  if (alterations.empty()) {
    complain(f, "nothing to set: give NAME=VALUE, --append NAME=VALUE or --subtract NAME=VALUE");
    return kUsage;
  }
  return alter(f, options, alterations);
}

int unset(Fiber& f, const AlterConfigsOptions& options) {
  std::vector<Alteration> alterations;
  for (const std::string& name : options.names) alterations.push_back({name, Alteration::Operation::remove, {}});
  return alter(f, options, alterations);
}

struct ListConfigsOptions {
  ClusterOptions cluster;
  Form form = Form::text;
};

int list(Fiber& f, const ListConfigsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const auto resources = admin::list_config_resources(w, *cluster);
    if (!resources) return complain(w, "cannot list what has settings", resources.error(), options.cluster);
    Out out{w};
    for (const Resource& one : *resources) {
      (void)out.put(options.form == Form::json ? json_line({{"kind", admin::name_of(one.type)}, {"resource", shown_name(one)}})
                                               : fmt::format("{} {}\n", admin::name_of(one.type), shown_name(one)));
    }
    return out.flush() ? kDone : kFailed;
  });
}

}  // namespace

kernel::Command config_describe() {
  return {"config describe", "Shows settings, where they come from and what they do", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<DescribeConfigsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    add_resource(line, options->resource);
    line.option("setting", options->names, "Settings, with words and what else they could be; those that differ from the default if none is given");
    line.flag("--all", options->all, "Also settings that have their default");
    return [options](Fiber& f) { return describe(f, *options); };
  }};
}

kernel::Command config_set() {
  return {"config set", "Changes settings; they hold at once", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<AlterConfigsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    add_resource(line, options->resource);
    line.option("setting", options->settings, "NAME=VALUE, as many as wanted: all are taken or none");
    line.option("--append", options->append, "NAME=VALUE: adds an entry to a list; may be repeated").one_a_time();
    line.option("--subtract", options->subtract, "NAME=VALUE: takes an entry out of a list; may be repeated").one_a_time();
    line.flag("--dry-run", options->dry_run, "Only check whether it would be taken");
    return [options](Fiber& f) { return set(f, *options); };
  }};
}

kernel::Command config_unset() {
  return {"config unset", "Takes settings back to what holds without them", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<AlterConfigsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    add_resource(line, options->resource);
    line.option("setting", options->names, "Settings to take back").required();
    line.flag("--dry-run", options->dry_run, "Only check whether it would be taken");
    return [options](Fiber& f) { return unset(f, *options); };
  }};
}

kernel::Command config_list() {
  return {"config list", "Lists what has settings of its own: topics, brokers, groups", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<ListConfigsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    return [options](Fiber& f) { return list(f, *options); };
  }};
}

}  // namespace clients::cli
