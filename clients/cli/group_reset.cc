// kalda group reset: sets what a group has committed, or shows what that would be
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "clients/admin/groups.h"
#include "clients/cli/common.h"
#include "clients/cli/lines.h"
#include "clients/cli/offsets_file.h"
#include "clients/cli/times.h"
#include "kernel/node.h"
#include "kernel/command_line.h"

namespace clients::cli {

using admin::ResetTarget;
using kernel::Fiber;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t kLineBytesMax = 4096;

struct ResetOptions {
  ClusterOptions cluster;
  std::string group;
  std::vector<std::string> topics;
  bool all_topics = false;
  bool to_earliest = false, to_latest = false, to_current = false;
  std::optional<std::int64_t> to_offset, shift_by;
  std::string to_datetime, by_duration, from_file;
  bool dry_run = false, execute = false, export_lines = false;
  Form form = Form::text;
};

/// What --from-file says of our group. Complains of the first line that makes no sense.
std::optional<ResetTarget> read_target(Fiber& f, const ResetOptions& options) {
  auto file = Lines::open(f, options.from_file);
  if (!file) {
    complain(f, fmt::format("cannot read {}: {}", options.from_file, core::explain(file.error())));
    return std::nullopt;
  }
  Lines lines{f, std::move(*file), kLineBytesMax};
  admin::ToGiven given;
  for (;;) {
    const auto line = lines.next();
    if (!line) {
      complain(f, fmt::format("cannot read {}: {}", options.from_file, core::explain(line.error())));
      return std::nullopt;
    }
    if (!*line) return given;
    if ((*line)->empty()) continue;
    const auto parsed = parse_offset_line(**line);
    if (!parsed) {
      complain(f, fmt::format("{} line {}: `{}` is not TOPIC,PARTITION,OFFSET or GROUP,TOPIC,PARTITION,OFFSET", options.from_file, lines.number(), **line));
      return std::nullopt;
    }
    if (parsed->group.empty() || parsed->group == options.group) given.offsets[parsed->at] = parsed->offset;
  }
}

/// Complains when it makes no sense.
std::optional<ResetTarget> target_of(Fiber& f, const ResetOptions& options) {
  if (options.to_earliest) return admin::ToEarliest{};
  if (options.to_latest) return admin::ToLatest{};
  if (options.to_current) return admin::ToCurrent{};
  if (options.to_offset) return admin::ToOffset{*options.to_offset};
  if (options.shift_by) return admin::ShiftBy{*options.shift_by};
  if (!options.from_file.empty()) return read_target(f, options);
  if (!options.to_datetime.empty()) {
    if (const auto ms = parse_datetime_ms(options.to_datetime)) return admin::ToTime{*ms};
    complain(f, fmt::format("--to-datetime: `{}` is not 2026-03-01T12:30:00[.000][Z|+01:00] or @MILLISECONDS", options.to_datetime));
    return std::nullopt;
  }
  if (const auto span = parse_duration(options.by_duration)) return admin::ToTime{kernel::ms_of(f.wall()) - span->count()};
  complain(f, fmt::format("--by-duration: `{}` is not like 90s, 15m, 2h30m, 7d or P1DT2H", options.by_duration));
  return std::nullopt;
}

/// Which partitions are meant. Complains when they cannot be found.
std::optional<group::Partitions> partitions_of(Fiber& f, const ClusterRef& cluster, const ResetOptions& options, const ResetTarget& target) {
  std::set<core::TopicPartition> out;
  if (const auto* given = std::get_if<admin::ToGiven>(&target)) {
    std::map<std::string, std::string> topics;
    for (const auto& [at, offset] : given->offsets) {
      auto& text = topics[at.topic];
      text += fmt::format("{}{}", text.empty() ? at.topic + ":" : ",", at.partition.raw());
    }
    for (const auto& [topic, text] : topics) {
      const auto named = named_partitions(f, *cluster, text, options.cluster);
      if (!named) return std::nullopt;
      out.insert(named->begin(), named->end());
    }
    return group::Partitions(out.begin(), out.end());
  }
  for (const std::string& topic : options.topics) {
    const auto named = named_partitions(f, *cluster, topic, options.cluster);
    if (!named) return std::nullopt;
    out.insert(named->begin(), named->end());
  }
  if (options.all_topics) {
    const auto committed = admin::list_group_offsets(f, cluster, options.group);
    if (!committed) {
      complain(f, fmt::format("cannot read the offsets of group {}", options.group), committed.error(), options.cluster);
      return std::nullopt;
    }
    std::set<std::string> topics;
    for (const auto& [at, offset] : *committed) topics.insert(at.topic);
    for (const std::string& topic : topics) {
      const auto named = named_partitions(f, *cluster, topic, options.cluster);
      if (!named) return std::nullopt;
      out.insert(named->begin(), named->end());
    }
  }
  return group::Partitions(out.begin(), out.end());
}

void show(Out& out, const ResetOptions& options, const std::vector<admin::ResetStep>& steps) {
  std::vector<std::vector<std::string>> rows{{"topic", "partition", "committed", "new", ""}};
  for (const auto& step : steps) {
    if (options.export_lines) {
      (void)out.put(print_offset_line(step.at, step.to));
    } else if (options.form == Form::json) {
      (void)out.put(json_line({{"group", options.group}, {"topic", step.at.topic}, {"partition", step.at.partition.raw()},
                               {"committed", step.from ? Json(step.from->raw()) : Json(nullptr)}, {"new", step.to.raw()},
                               {"moved_into_log", step.moved_into_log}, {"executed", options.execute}}));
    } else {
      rows.push_back({step.at.topic, std::to_string(step.at.partition.raw()), step.from ? std::to_string(step.from->raw()) : "-",
                      std::to_string(step.to.raw()), step.moved_into_log ? "(the nearest that is on the log)" : ""});
    }
  }
  if (rows.size() > 1) (void)out.put(table(rows));
}

/// Complains unless the group may be reset: nobody may be reading, or it would go on from where it is.
bool may_reset(Fiber& w, const ClusterRef& cluster, const ResetOptions& options) {
  const auto group = admin::describe_group(w, cluster, options.group);
  if (!group) {
    complain(w, fmt::format("cannot describe group {}", options.group), group.error(), options.cluster);
    return false;
  }
  if (group->missing() || group->state == "Empty") return true;
  if (!group->ok()) {
    complain(w, fmt::format("cannot describe group {}: {}", options.group, words_of(group->code, group->message)));
    return false;
  }
  complain(w, fmt::format("group {} is {} with {} live members, which would go on from where they are; stop them first "
                          "(`kalda group describe {}` shows them)", options.group, group->state, group->members.size(), options.group));
  return false;
}

int execute(Fiber& w, const ClusterRef& cluster, const ResetOptions& options, const std::vector<admin::ResetStep>& steps) {
  group::Offsets offsets;
  for (const auto& step : steps) offsets[step.at] = {step.to};
  const auto verdicts = admin::alter_group_offsets(w, cluster, options.group, offsets);
  if (!verdicts) return complain(w, fmt::format("cannot reset group {}", options.group), verdicts.error(), options.cluster);
  int status = kDone;
  for (const auto& [at, code] : *verdicts) {
    if (code == net::ErrorCode::none) continue;
    const bool joined = code == net::ErrorCode::unknown_member_id;
    status = complain(w, fmt::format("{} partition {} was not reset: {}{}", at.topic, at.partition.raw(), net::text_of(code),
                                     joined ? "; a member has joined meanwhile: stop it and try again" : ""));
  }
  return status;
}

int reset(Fiber& f, const ResetOptions& options) {
  const int targets = options.to_earliest + options.to_latest + options.to_current + options.to_offset.has_value() + options.shift_by.has_value() +
                      !options.to_datetime.empty() + !options.by_duration.empty() + !options.from_file.empty();
  const bool names_topics = !options.topics.empty() || options.all_topics;
  if (targets != 1 || names_topics == !options.from_file.empty() || (options.dry_run && options.execute)) {
    complain(f, targets != 1 ? "choose one of --to-earliest, --to-latest, --to-current, --to-offset, --shift-by, --to-datetime, --by-duration, --from-file"
             : names_topics ? (options.from_file.empty() ? "--dry-run and --execute exclude each other" : "--from-file names its topics itself")
             : options.from_file.empty() ? "name the topics with --topic NAME[:PARTITION,...] or take --all-topics"
                                         : "--dry-run and --execute exclude each other");
    return kUsage;
  }
  const auto target = target_of(f, options);
  if (!target) return kUsage;
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope&, const ClusterRef& cluster) {
    const auto partitions = partitions_of(w, cluster, options, *target);
    if (!partitions || !may_reset(w, cluster, options)) return kFailed;
    const auto steps = admin::plan_reset(w, cluster, options.group, *partitions, *target);
    if (!steps) return complain(w, fmt::format("cannot tell where group {} would be", options.group), steps.error(), options.cluster);
    if (steps->empty()) return complain(w, fmt::format("nothing to reset: group {} has committed no offset there", options.group));
    if (options.execute) {
      if (const int status = execute(w, cluster, options, *steps); status != kDone) return status;
    }
    Out out{w};
    show(out, options, *steps);
    if (!out.flush()) return kFailed;
    if (!options.execute && options.form == Form::text && !options.export_lines)
      (void)w.node().console().write_error(w, "nothing was changed; add --execute to reset\n");
    return kDone;
  }, /*create_topics=*/false);
}

}  // namespace

kernel::Command group_reset() {
  return {"group reset", "Sets the offsets of a group without members; shows them unless --execute is given", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<ResetOptions>();
    add_cluster_options(line, options->cluster);
    add_form_option(line, options->form);
    line.option("group", options->group, "Group to reset").required();
    line.option("-t,--topic", options->topics, "Topic, or TOPIC:PARTITION,...; may be repeated").one_a_time();
    line.flag("--all-topics", options->all_topics, "All topics that the group has committed");
    line.flag("--to-earliest", options->to_earliest, "To the first record");
    line.flag("--to-latest", options->to_latest, "To the end");
    line.flag("--to-current", options->to_current, "To where it is; to the end where nothing is committed");
    line.option("--to-offset", options->to_offset, "To this offset").whole_number(0, INT64_MAX);
    line.option("--shift-by", options->shift_by, "By so many records, forwards or (negative) backwards");
    line.option("--to-datetime", options->to_datetime, "To the first record from 2026-03-01T12:30:00[.000][Z|+01:00] on (UTC without), or @MILLISECONDS");
    line.option("--by-duration", options->by_duration, "To the first record that is not older than 90s, 15m, 2h30m, 7d, or P1DT2H");
    line.option("--from-file", options->from_file, "To what these lines say: TOPIC,PARTITION,OFFSET; - is standard input");
    line.flag("--dry-run", options->dry_run, "Only show what would be; the default");
    line.flag("--execute", options->execute, "Do it");
    line.flag("--export", options->export_lines, "Print the new offsets as lines for --from-file");
    return [options](Fiber& f) { return reset(f, *options); };
  }};
}

}  // namespace clients::cli
