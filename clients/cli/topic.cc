// kalda topic create|list|describe|delete
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "clients/admin/admin.h"
#include "clients/admin/configs.h"
#include "clients/cli/common.h"
#include "kernel/command_line.h"

namespace clients::cli {

using kernel::Fiber;
using Json = nlohmann::ordered_json;

namespace {

std::string ids(const std::vector<net::BrokerId>& brokers) {
  std::string text;
  for (const net::BrokerId id : brokers) text += fmt::format("{}{}", text.empty() ? "" : ",", id.raw());
  return text.empty() ? "-" : text;
}

Json id_list(const std::vector<net::BrokerId>& brokers) {
  Json list = Json::array();
  for (const net::BrokerId id : brokers) list.push_back(id.raw());
  return list;
}

struct CreateTopicsOptions {
  ClusterOptions cluster;
  std::vector<std::string> names;
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
  std::vector<std::string> configs;
  bool if_not_exists = false;
  bool dry_run = false;
  Form form = Form::text;
};

int create(Fiber& f, const CreateTopicsOptions& options) {
  std::map<std::string, std::string> configs;
  for (const std::string& setting : options.configs) {
    const auto equals = setting.find('=');
    if (equals == setting.npos || equals == 0) {
      complain(f, fmt::format("--config: `{}` is not NAME=VALUE", setting));
      return kUsage;
    }
    configs[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    std::vector<admin::NewTopic> topics;
    for (const std::string& name : options.names)
      topics.push_back({name, options.partitions, options.replication_factor, configs});
    const auto created = admin::create_topics(w, *cluster, topics, options.dry_run);
    if (!created) return complain(w, "cannot create topics", created.error(), options.cluster);
    Out out{w};
    int status = kDone;
    for (const auto& topic : *created) {
      const bool fine = topic.ok() || (options.if_not_exists && topic.code == net::ErrorCode::topic_already_exists);
      if (!fine) status = complain(w, fmt::format("cannot create topic {}: {}", topic.name, words_of(topic.code, topic.message)));
      if (options.form == Form::json) {
        (void)out.put(json_line({{"topic", topic.name}, {"created", topic.ok() && !options.dry_run},
                            {"error", topic.ok() ? Json(nullptr) : Json(net::text_of(topic.code))},
                            {"id", topic.id.raw().is_zero() ? Json(nullptr) : Json(topic.id.raw().text())},
                            {"partitions", topic.partitions}, {"replication_factor", topic.replication_factor}}));
      } else if (fine) {
        const std::string_view did = !topic.ok() ? "exists" : options.dry_run ? "would be created" : "created";
        (void)out.put(topic.partitions >= 0 ? fmt::format("{} {} ({} partitions)\n", did, topic.name, topic.partitions)
                                            : fmt::format("{} {}\n", did, topic.name));
      }
    }
    return told(out.flush(), status);
  });
}

struct ListTopicsOptions {
  ClusterOptions cluster;
  bool internal = false;
  Form form = Form::text;
};

int list(Fiber& f, const ListTopicsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const auto topics = admin::describe_topics(w, *cluster, {});
    if (!topics) return complain(w, "cannot list topics", topics.error(), options.cluster);
    Out out{w};
    for (const auto& topic : *topics) {
      if (topic.info.internal && !options.internal) continue;
      (void)out.put(options.form == Form::text
                        ? topic.name + "\n"
                        : json_line({{"topic", topic.name}, {"id", topic.info.id.raw().text()},
                                {"partitions", topic.info.partitions.size()}, {"internal", topic.info.internal}}));
    }
    return told(out.flush(), kDone);
  });
}

struct DescribeTopicsOptions {
  ClusterOptions cluster;
  std::vector<std::string> names;
  bool all_configs = false;
  Form form = Form::text;
};

std::string described(const admin::TopicDescription& topic, const admin::ResourceConfigs& configs, bool all) {
  std::string text = fmt::format("{}  id {}  {} partitions\n", topic.name, topic.info.id.raw().text(),
                                 topic.info.partitions.size());
  for (const auto& entry : configs.entries) {
    if (all || !entry.is_default()) text += fmt::format("  {}={}\n", entry.name, entry.value.value_or("(hidden)"));
  }
  text += "  partition  leader  epoch  replicas      in sync\n";
  for (const auto& [id, partition] : topic.info.partitions) {
    text += fmt::format("  {:<9}  {:<6}  {:<5}  {:<12}  {}{}\n", id.raw(),
                        partition.leader.raw() < 0 ? "none" : std::to_string(partition.leader.raw()),
                        partition.leader_epoch.raw(), ids(partition.replicas), ids(partition.in_sync),
                        partition.error == net::ErrorCode::none ? "" : "  " + net::text_of(partition.error));
  }
  return text;
}

Json described_json(const admin::TopicDescription& topic, const admin::ResourceConfigs& configs, bool all) {
  Json partitions = Json::array();
  for (const auto& [id, partition] : topic.info.partitions) {
    partitions.push_back({{"partition", id.raw()}, {"leader", partition.leader.raw()},
                          {"leader_epoch", partition.leader_epoch.raw()}, {"replicas", id_list(partition.replicas)},
                          {"in_sync", id_list(partition.in_sync)}, {"offline", id_list(partition.offline)}});
  }
  Json settings = Json::object();
  for (const auto& entry : configs.entries) {
    if (all || !entry.is_default()) settings[entry.name] = entry.value ? Json(*entry.value) : Json(nullptr);
  }
  return {{"topic", topic.name}, {"id", topic.info.id.raw().text()}, {"internal", topic.info.internal},
          {"configs", settings}, {"partitions", partitions}};
}

int describe(Fiber& f, const DescribeTopicsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const auto topics = admin::describe_topics(w, *cluster, options.names);
    if (!topics) return complain(w, "cannot describe topics", topics.error(), options.cluster);
    Out out{w};
    int status = kDone;
    for (const auto& topic : *topics) {
      if (!topic.ok()) {
        status = complain(w, fmt::format("cannot describe topic {}: {}; see `kalda topic list`", topic.name, words_of(topic.code, {})));
        continue;
      }
      auto configs = admin::describe_configs(w, *cluster, {admin::ResourceType::topic, topic.name});
      if (!configs && !configs.error().is(core::Reason::unsupported_version))
        return complain(w, fmt::format("cannot read the settings of topic {}", topic.name), configs.error(), options.cluster);
      const admin::ResourceConfigs known = configs ? *configs : admin::ResourceConfigs{};
      (void)out.put(options.form == Form::text ? described(topic, known, options.all_configs)
                                               : json_line(described_json(topic, known, options.all_configs)));
    }
    return told(out.flush(), status);
  });
}

struct DeleteTopicsOptions {
  ClusterOptions cluster;
  std::vector<std::string> names;
  bool if_exists = false;
  Form form = Form::text;
};

int remove(Fiber& f, const DeleteTopicsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const auto verdicts = admin::delete_topics(w, *cluster, options.names);
    if (!verdicts) return complain(w, "cannot delete topics", verdicts.error(), options.cluster);
    Out out{w};
    int status = kDone;
    for (const auto& topic : *verdicts) {
      const bool missing = topic.code == net::ErrorCode::unknown_topic_or_partition;
      if (!topic.ok() && !(missing && options.if_exists))
        status = complain(w, fmt::format("cannot delete topic {}: {}", topic.name, words_of(topic.code, topic.message)));
      if (options.form == Form::json)
        (void)out.put(json_line({{"topic", topic.name}, {"deleted", topic.ok()},
                            {"error", topic.ok() ? Json(nullptr) : Json(net::text_of(topic.code))}}));
      else if (topic.ok()) (void)out.put(fmt::format("deleted {}\n", topic.name));
    }
    return told(out.flush(), status);
  });
}

}  // namespace

kernel::Command topic_create() {
  return {"topic create", "Creates topics", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<CreateTopicsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("name", options->names, "Topics to create").required();
    line.option("-p,--partitions", options->partitions, "Number of partitions; the broker's default if not given").whole_number(1, INT32_MAX);
    line.option("-r,--replication-factor", options->replication_factor, "Copies of each partition; the broker's default if not given").whole_number(1, INT16_MAX);
    line.option("-c,--config", options->configs, "A setting of the topic, NAME=VALUE; may be repeated").one_a_time();
    line.flag("--if-not-exists", options->if_not_exists, "A topic that exists is no failure");
    line.flag("--dry-run", options->dry_run, "Only check whether it would work");
    return [options](Fiber& f) { return create(f, *options); };
  }};
}

kernel::Command topic_list() {
  return {"topic list", "Lists the topics of a cluster", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<ListTopicsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.flag("--internal", options->internal, "Also the cluster's own topics");
    return [options](Fiber& f) { return list(f, *options); };
  }};
}

kernel::Command topic_describe() {
  return {"topic describe", "Shows partitions, leaders and settings of topics", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<DescribeTopicsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("name", options->names, "Topics; all if none is given");
    line.flag("--all-configs", options->all_configs, "Also settings that have their default");
    return [options](Fiber& f) { return describe(f, *options); };
  }};
}

kernel::Command topic_delete() {
  return {"topic delete", "Deletes topics with all their records", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<DeleteTopicsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("name", options->names, "Topics to delete").required();
    line.flag("--if-exists", options->if_exists, "A topic that does not exist is no failure");
    return [options](Fiber& f) { return remove(f, *options); };
  }};
}

}  // namespace clients::cli
