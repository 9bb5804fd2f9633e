// kalda group list|describe|delete
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "clients/admin/groups.h"
#include "clients/cli/common.h"
#include "kernel/node.h"

namespace clients::cli {

using kernel::Fiber;
using Json = nlohmann::ordered_json;

namespace {

std::string dash(const std::string& text) { return text.empty() ? "-" : text; }

/// "orders 0-2,5  payments 1"
std::string runs_of(const group::Partitions& partitions) {
  std::string out;
  for (std::size_t i = 0; i < partitions.size();) {
    const bool same_topic = i > 0 && partitions[i - 1].topic == partitions[i].topic;
    std::size_t last = i;
    while (last + 1 < partitions.size() && partitions[last + 1].topic == partitions[i].topic &&
           partitions[last + 1].partition.raw() == partitions[last].partition.raw() + 1)
      ++last;
    out += same_topic ? "," : fmt::format("{}{} ", out.empty() ? "" : "  ", partitions[i].topic);
    out += std::to_string(partitions[i].partition.raw());
    if (last > i) out += fmt::format("-{}", partitions[last].partition.raw());
    i = last + 1;
  }
  return dash(out);
}

struct ListGroupsOptions {
  ClusterOptions cluster;
  std::vector<std::string> states;
  Form form = Form::text;
};

int list(Fiber& f, const ListGroupsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const auto groups = admin::list_groups(w, *cluster, options.states);
    if (!groups) return complain(w, "cannot list groups", groups.error(), options.cluster);
    Out out{w};
    std::vector<std::vector<std::string>> rows{{"group", "state", "type", "protocol"}};
    for (const auto& one : *groups) {
      if (options.form == Form::json)
        (void)out.put(json_line({{"group", one.id}, {"state", one.state}, {"type", one.type}, {"protocol", one.protocol_type}}));
      else rows.push_back({one.id, dash(one.state), dash(one.type), dash(one.protocol_type)});
    }
    if (options.form == Form::text && rows.size() > 1) (void)out.put(table(rows));
    if (options.form == Form::text && rows.size() == 1)
      (void)w.node().console().write_error(w, "no groups; `kalda consume TOPIC --group NAME` makes one\n");
    return told(out.flush(), kDone);
  });
}

struct DescribeGroupsOptions {
  ClusterOptions cluster;
  std::vector<std::string> groups;
  Form form = Form::text;
};

std::string described(const admin::GroupDescription& group) {
  std::string text = fmt::format("{}  {}  {} members  {}  coordinator {}\n", group.name, group.state, group.members.size(),
                                 group.protocol.empty() ? "no protocol" : group.protocol, group.coordinator.raw());
  std::vector<std::vector<std::string>> rows{{"  member", "instance", "client", "host", "partitions"}};
  for (const auto& member : group.members)
    rows.push_back({"  " + member.id, member.instance_id.value_or("-"), dash(member.client_id), member.host, runs_of(member.assigned)});
  return rows.size() > 1 ? text + table(rows) : text;
}

Json described_json(const admin::GroupDescription& group) {
  Json members = Json::array();
  for (const auto& member : group.members) {
    Json partitions = Json::array();
    for (const auto& at : member.assigned) partitions.push_back({{"topic", at.topic}, {"partition", at.partition.raw()}});
    members.push_back({{"member", member.id}, {"instance", member.instance_id ? Json(*member.instance_id) : Json(nullptr)},
                       {"client", member.client_id}, {"host", member.host}, {"partitions", partitions}});
  }
  return {{"group", group.name}, {"state", group.state}, {"protocol", group.protocol},
          {"coordinator", group.coordinator.raw()}, {"members", members}};
}

int describe(Fiber& f, const DescribeGroupsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    std::vector<std::string> names = options.groups;
    if (names.empty()) {
      const auto all = admin::list_groups(w, *cluster);
      if (!all) return complain(w, "cannot list groups", all.error(), options.cluster);
      for (const auto& one : *all) names.push_back(one.id);
    }
    Out out{w};
    int status = kDone;
    for (const std::string& name : names) {
      const auto group = admin::describe_group(w, cluster, name);
      if (!group) return complain(w, fmt::format("cannot describe group {}", name), group.error(), options.cluster);
      if (group->missing()) status = complain(w, fmt::format("there is no group {}; see `kalda group list`", name));
      else if (!group->ok()) status = complain(w, fmt::format("cannot describe group {}: {}", name, words_of(group->code, group->message)));
      else (void)out.put(options.form == Form::text ? described(*group) : json_line(described_json(*group)));
    }
    return told(out.flush(), status);
  });
}

struct DeleteGroupsOptions {
  ClusterOptions cluster;
  std::vector<std::string> groups;
  std::vector<std::string> topics;
  bool if_exists = false;
  Form form = Form::text;
};

int delete_offsets_of(Fiber& w, const ClusterRef& cluster, const DeleteGroupsOptions& options, const std::string& name, Out& out) {
  group::Partitions partitions;
  for (const std::string& topic : options.topics) {
    const auto named = named_partitions(w, *cluster, topic, options.cluster);
    if (!named) return kFailed;
    partitions.insert(partitions.end(), named->begin(), named->end());
  }
  const auto verdicts = admin::delete_group_offsets(w, cluster, name, partitions);
  if (!verdicts) return complain(w, fmt::format("cannot delete offsets of group {}", name), verdicts.error(), options.cluster);
  int status = kDone;
  for (const auto& [at, code] : *verdicts) {
    const bool fine = code == net::ErrorCode::none;
    if (!fine) {
      const bool in_use = code == net::ErrorCode::group_subscribed_to_topic;
      status = complain(w, fmt::format("cannot delete the offset of {} partition {}: {}{}", at.topic, at.partition.raw(), net::text_of(code),
                                       in_use ? "; a member of the group reads the topic: stop it first" : ""));
    }
    if (options.form == Form::json)
      (void)out.put(json_line({{"group", name}, {"topic", at.topic}, {"partition", at.partition.raw()}, {"deleted", fine},
                               {"error", fine ? Json(nullptr) : Json(net::text_of(code))}}));
    else if (fine) (void)out.put(fmt::format("deleted the offset of {} partition {}\n", at.topic, at.partition.raw()));
  }
  return status;
}

int remove(Fiber& f, const DeleteGroupsOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    Out out{w};
    int status = kDone;
    for (const std::string& name : options.groups) {
      if (!options.topics.empty()) {
        if (const int one = delete_offsets_of(w, cluster, options, name, out); one != kDone) status = one;
        continue;
      }
      const auto verdict = admin::delete_group(w, cluster, name);
      if (!verdict) return complain(w, fmt::format("cannot delete group {}", name), verdict.error(), options.cluster);
      const bool missing = verdict->code == net::ErrorCode::group_id_not_found;
      if (!verdict->ok() && !(missing && options.if_exists)) {
        const std::string_view next = verdict->code == net::ErrorCode::non_empty_group
                                          ? "; stop its members first, `kalda group describe` shows them"
                                      : missing ? "; see `kalda group list`" : "";
        status = complain(w, fmt::format("cannot delete group {}: {}{}", name, net::text_of(verdict->code), next));
      }
      if (options.form == Form::json)
        (void)out.put(json_line({{"group", name}, {"deleted", verdict->ok()},
                                 {"error", verdict->ok() ? Json(nullptr) : Json(net::text_of(verdict->code))}}));
      else if (verdict->ok()) (void)out.put(fmt::format("deleted group {}\n", name));
    }
    return told(out.flush(), status);
  });
}

}  // namespace

kernel::Command group_list() {
  return {"group list", "Lists the groups of a cluster", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<ListGroupsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("--state", options->states, "Only groups in these states")
        .separated_by(',')
        .one_of_in_any_case({"Empty", "Stable", "PreparingRebalance", "CompletingRebalance", "Dead"})
        .show_as("Empty|Stable|...");
    return [options](Fiber& f) { return list(f, *options); };
  }};
}

kernel::Command group_describe() {
  return {"group describe", "Shows state and members of groups, and who reads what", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<DescribeGroupsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("group", options->groups, "Groups; all if none is given");
    return [options](Fiber& f) { return describe(f, *options); };
  }};
}

kernel::Command group_delete() {
  return {"group delete", "Deletes groups with their offsets, or offsets of single topics", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<DeleteGroupsOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("group", options->groups, "Groups to delete").required();
    line.option("-t,--topic", options->topics, "Only the offsets of this topic, or TOPIC:PARTITION,...; may be repeated").one_a_time();
    line.flag("--if-exists", options->if_exists, "A group that does not exist is no failure");
    return [options](Fiber& f) { return remove(f, *options); };
  }};
}

}  // namespace clients::cli
