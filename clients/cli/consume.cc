// kalda consume TOPIC: records as lines
#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "clients/cli/consume.h"
#include "clients/cli/progress.h"
#include "clients/consumer/consumer.h"
#include "kernel/node.h"
#include "kernel/command_line.h"

namespace clients::cli {

using consumer::Consumer;
using consumer::Start;
using consumer::TopicPartition;
using kernel::Fiber;

namespace {

std::optional<Shown> parse_shown(const std::vector<std::string>& words) {
  Shown shown;
  for (const std::string& word : words) {
    if (word == "partition") shown.partition = true;
    else if (word == "offset") shown.offset = true;
    else if (word == "timestamp") shown.timestamp = true;
    else if (word == "headers") shown.headers = true;
    else if (word == "key") shown.key = true;
    else return std::nullopt;
  }
  return shown;
}

class ConsumeRun {
 public:
  ConsumeRun(Fiber& f, const ConsumeOptions& options, const Shown& shown, Consumer& from, Bounds& bounds)
      : f_{f}, options_{options}, shown_{shown}, from_{from}, bounds_{bounds}, out_{f},
        progress_{f, options.progress, /*quiet_on_terminal=*/true} {}

  int all(const std::vector<TopicPartition>& partitions) {
    while (!done(partitions)) {
      // Nothing there at the moment: show what there is before waiting.
      auto polled = from_.poll(f_, kernel::Duration{0});
      if (polled && !*polled) {
        if (!out_.flush()) return kDone;
        polled = from_.poll(f_, kPollWait);
      }
      if (!polled) return f_.cancelled() ? kDone : complain(f_, "cannot read", polled.error(), options_.cluster);
      if (!*polled) continue;
      if ((*polled)->error) {
        (void)out_.flush();
        return complain(f_, fmt::format("cannot read {} partition {} at offset {}: {}", (*polled)->at.topic,
                                        (*polled)->at.partition.raw(), (*polled)->next_offset.raw(),
                                        core::explain(*(*polled)->error)));
      }
      if (!show(**polled)) return kDone;  // nobody reads our output any more
    }
    (void)out_.flush();
    progress_.end(fmt::format("{} records read in {:.1f} s", shown_records_, progress_.seconds()));
    return kDone;
  }

 private:
  [[nodiscard]] bool done(const std::vector<TopicPartition>& partitions) const {
    if (options_.count > 0 && shown_records_ >= options_.count) return true;
    return std::ranges::all_of(partitions, [&](const TopicPartition& at) { return bounds_.is_done(at, from_.position(at)); });
  }
  bool show(const consumer::Polled& polled) {
    for (const auto& record : polled.records) {
      if (options_.count > 0 && shown_records_ >= options_.count) break;
      if (bounds_.is_past(polled.at, record)) {
        from_.pause(polled.at);
        break;
      }
      if (options_.rate > 0 && (!out_.flush() || !keep_to_rate(f_, began_, shown_records_, options_.rate))) return false;
      ++shown_records_;
      if (!out_.put(print(polled.at, record, options_.form, shown_))) return false;
      progress_.tell("records read", shown_records_);
    }
    return true;
  }

  Fiber& f_;
  const ConsumeOptions& options_;
  const Shown& shown_;
  Consumer& from_;
  Bounds& bounds_;
  Out out_;
  Progress progress_;
  kernel::Mono began_ = f_.now();
  std::uint64_t shown_records_ = 0;
};

/// The partitions that are meant, of all topics. Complains when some are not there.
std::optional<std::vector<TopicPartition>> chosen(Fiber& w, core::Cluster& cluster, const ConsumeOptions& options) {
  std::vector<TopicPartition> partitions;
  for (const std::string& name : options.topics) {
    const auto topic = cluster.topic(w, name);
    if (!topic) {
      complain(w, fmt::format("cannot read topic {}", name), topic.error(), options.cluster);
      return std::nullopt;
    }
    for (const std::int32_t id : options.partitions) {
      partitions.push_back({name, net::PartitionId{id}});
      if (topic->find(net::PartitionId{id}) != nullptr) continue;
      complain(w, fmt::format("topic {} has no partition {}; it has {}", name, id, topic->partitions.size()));
      return std::nullopt;
    }
    for (const auto& [id, info] : topic->partitions) {
      if (options.partitions.empty()) partitions.push_back({name, id});
    }
  }
  return partitions;
}

/// The bounds of what is asked for, or why they make no sense.
std::variant<Wanted, std::string> wanted_of(const ConsumeOptions& options, std::int64_t now_ms) {
  const auto from = parse_place(options.from, now_ms);
  if (!from) return fmt::format("--from: `{}` is not {}", options.from, kPlaces);
  const auto to = parse_place(options.to, now_ms);
  if (!options.to.empty() && !to) return fmt::format("--to: `{}` is not {}", options.to, kPlaces);
  const auto shown = parse_shown(options.show);
  if (!shown) return "--show: choose among partition, offset, timestamp, headers, key";
  return Wanted{*from, options.to.empty() ? std::nullopt : to, *shown};
}

int read_alone(Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster, const ConsumeOptions& options,
               const Wanted& wanted) {
  const auto partitions = chosen(w, *cluster, options);
  if (!partitions) return kFailed;
  consumer::ConsumerConfig config;
  config.offset_reset = consumer::OffsetReset::none;
  if (options.read_committed) config.isolation = consumer::IsolationLevel::read_committed;
  auto from = Consumer::open(scope, cluster, config);
  if (!from) return complain(w, "cannot read", from.error(), options.cluster);
  Bounds bounds = wanted.bounds(options);
  if (const auto found = bounds.add(w, *cluster, *partitions); !found)
    return complain(w, "cannot find the end of the topics", found.error(), options.cluster);
  const auto* from_offset = std::get_if<net::Offset>(&wanted.from);
  if (!options.follow && !wanted.to && from_offset != nullptr &&
      std::ranges::all_of(bounds.ends(), [&](const auto& end) { return end.second < *from_offset; })) {
    std::string where;
    for (const auto& [at, end] : bounds.ends()) where += fmt::format(" {}-{} ends at {};", at.topic, at.partition.raw(), end.raw());
    return complain(w, fmt::format("nothing is at offset {} yet:{} --follow waits for more", from_offset->raw(), where));
  }
  for (const TopicPartition& at : *partitions) (*from)->assign(at, wanted.from);
  const int status = ConsumeRun{w, options, wanted.shown, **from, bounds}.all(*partitions);
  (void)(*from)->close(w);
  return status;
}

int run(Fiber& f, const ConsumeOptions& options) {
  const auto judged = wanted_of(options, kernel::ms_of(f.wall()));
  if (const auto* problem = std::get_if<std::string>(&judged)) {
    complain(f, *problem);
    return kUsage;
  }
  const Wanted& wanted = std::get<Wanted>(judged);
  if (!options.group.empty()) return consume_in_group(f, options, wanted);
  if (!options.assignors.empty() || !options.instance_id.empty()) {
    complain(f, "--assignor and --instance-id need --group");
    return kUsage;
  }
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster) {
    return read_alone(w, scope, cluster, options, wanted);
  }, /*create_topics=*/false);
}

}  // namespace

Bounds Wanted::bounds(const ConsumeOptions& options) const {
  const auto isolation = options.read_committed ? consumer::IsolationLevel::read_committed : consumer::IsolationLevel::read_uncommitted;
  return {to, {.stops_at_end = !options.follow, .isolation = isolation}};
}

kernel::Command consume() {
  return {"consume", "Prints the records of topics, alone or as one of a group", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<ConsumeOptions>();
    add_cluster_options(line, options->cluster);
    line.option("topic", options->topics, "Topics to read").required();
    line.option("-g,--group", options->group, "Share the partitions with the others of this group, and commit what was read");
    line.option("--assignor", options->assignors, "How the group divides: range,roundrobin,sticky,cooperative-sticky, the best liked first")
        .separated_by(',')
        .one_of({"range", "roundrobin", "sticky", "cooperative-sticky"})
        .show_as("range|roundrobin|...");
    line.option("--instance-id", options->instance_id, "Stay in the group through a restart under this name (a static member)");
    line.option("--session-timeout", options->session_timeout_seconds, "Seconds without a heartbeat until the group takes this member for dead")
        .show_default()
        .positive_number();
    line.option("-p,--partition", options->partitions, "Partitions to read; all if not given").separated_by(',').whole_number(0, INT32_MAX);
    line.option("--from", options->from, fmt::format("Where to begin: {}; with --group where nothing is committed", kPlaces)).show_default();
    line.option("--to", options->to, "Where to end, in the same words: the first record that is not wanted; the end if not given");
    line.option("-n,--count", options->count, "Stop after this many records").whole_number(1, UINT64_MAX);
    line.flag("-f,--follow", options->follow, "Wait for more at the end, until --to");
    line.option("--rate", options->rate, "Records a second at most").positive_number();
    line.flag("--progress", options->progress, "Say on standard error how far it is");
    line.flag("--read-committed", options->read_committed, "Leave out records of open and aborted transactions");
    add_record_form_option(line, options->form, "raw: values, one a line; json: everything, one object a line; hex: digits; produce takes the same");
    line.option("--show", options->show, "Also print before the value, separated by tabs: partition,offset,timestamp,headers,key").separated_by(',');
    return [options](Fiber& f) { return run(f, *options); };
  }};
}

}  // namespace clients::cli
