// kalda group lag: how far groups are behind, in records and in time
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "clients/admin/lag.h"
#include "clients/cli/common.h"
#include "clients/cli/times.h"

namespace clients::cli {

using kernel::Fiber;
using Json = nlohmann::ordered_json;

namespace {

struct LagOptions {
  ClusterOptions cluster;
  std::vector<std::string> groups;
  std::vector<std::string> topics;
  Form form = Form::text;
};

template <class T>
std::string or_dash(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

Json lag_json(const std::string& group, const admin::PartitionLag& lag) {
  const auto number = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  std::optional<std::int64_t> committed, age_ms;
  std::optional<std::string> member, metadata;
  if (lag.committed) committed = lag.committed->offset.raw();
  if (lag.committed) metadata = lag.committed->metadata;
  if (lag.age) age_ms = lag.age->count();
  if (lag.member) member = lag.member->id;
  return {{"group", group}, {"topic", lag.at.topic}, {"partition", lag.at.partition.raw()}, {"committed", number(committed)},
          {"end", lag.end.raw()}, {"lag", number(lag.records)}, {"lag_ms", number(age_ms)}, {"member", number(member)},
          {"metadata", number(metadata)}};
}

std::vector<std::string> lag_row(const admin::PartitionLag& lag) {
  return {lag.at.topic, std::to_string(lag.at.partition.raw()), lag.committed ? std::to_string(lag.committed->offset.raw()) : "-",
          std::to_string(lag.end.raw()), or_dash(lag.records), lag.age ? print_duration(*lag.age) : "-",
          lag.member ? lag.member->id : "-"};
}

std::string summary(const std::string& group, const std::string& state, const std::vector<admin::PartitionLag>& lags) {
  std::int64_t records = 0;
  std::chrono::milliseconds oldest{0};
  for (const auto& lag : lags) {
    records += lag.records.value_or(0);
    oldest = std::max(oldest, lag.age.value_or(std::chrono::milliseconds{0}));
  }
  return fmt::format("{}  {}  {} records behind{}\n", group, state, records,
                     records > 0 ? fmt::format(", the oldest {} old", print_duration(oldest)) : "");
}

int lag(Fiber& f, const LagOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const ClusterRef& cluster) {
    Out out{w};
    int status = kDone;
    for (const std::string& name : options.groups) {
      const auto group = admin::describe_group(w, cluster, name);
      if (!group) return complain(w, fmt::format("cannot describe group {}", name), group.error(), options.cluster);
      if (group->missing() || !group->ok()) {
        status = complain(w, group->missing() ? fmt::format("there is no group {}; see `kalda group list`", name)
                                              : fmt::format("cannot describe group {}: {}", name, words_of(group->code, group->message)));
        continue;
      }
      auto lags = admin::group_lag(w, scope, cluster, *group);
      if (!lags) return complain(w, fmt::format("cannot find the lag of group {}", name), lags.error(), options.cluster);
      if (!options.topics.empty())
        std::erase_if(*lags, [&](const auto& one) { return std::ranges::find(options.topics, one.at.topic) == options.topics.end(); });
      if (options.form == Form::json) {
        for (const auto& one : *lags) (void)out.put(json_line(lag_json(name, one)));
        continue;
      }
      (void)out.put(summary(name, group->state, *lags));
      std::vector<std::vector<std::string>> rows{{"  topic", "partition", "committed", "end", "lag", "age", "member"}};
      for (const auto& one : *lags) {
        rows.push_back(lag_row(one));
        rows.back()[0].insert(0, "  ");
      }
      if (rows.size() > 1) (void)out.put(table(rows));
      else (void)out.put("  nothing committed and nothing assigned\n");
    }
    return out.flush() ? status : kFailed;
  });
}

}  // namespace

kernel::Command group_lag() {
  return {"group lag", "Shows how far groups are behind, in records and in time", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<LagOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("group", options->groups, "Groups to look at").required();
    line.option("-t,--topic", options->topics, "Only these topics").separated_by(',');
    return [options](Fiber& f) { return lag(f, *options); };
  }};
}

}  // namespace clients::cli
