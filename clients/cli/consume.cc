// kalda consume TOPIC: records as lines
#include <algorithm>
#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "clients/cli/consume.h"
#include "clients/consumer/consumer.h"
#include "kernel/node.h"

namespace clients::cli {

using consumer::Consumer;
using consumer::Start;
using consumer::TopicPartition;
using kernel::Fiber;
using kernel::Result;

namespace {

using namespace std::chrono_literals;

/// How long a poll waits before the command looks whether it is done.
constexpr kernel::Duration kPollWait = 200ms;

/// beginning | end | OFFSET | @MILLISECONDS
std::optional<Start> parse_start(std::string_view text) {
  if (text == "beginning") return consumer::Beginning{};
  if (text == "end") return consumer::End{};
  const bool time = text.starts_with('@');
  if (time) text.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  if (time) return consumer::AtTime{number};
  return net::Offset{number};
}

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
  ConsumeRun(Fiber& f, const ConsumeOptions& options, const Shown& shown, Consumer& from)
      : f_{f}, options_{options}, shown_{shown}, from_{from}, out_{f} {}

  int all(const std::map<TopicPartition, net::Offset>& ends) {
    ends_ = ends;
    while (!done()) {
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
    return kDone;
  }

 private:
  [[nodiscard]] bool done() const {
    if (options_.count > 0 && shown_records_ >= options_.count) return true;
    if (options_.follow) return false;
    return std::ranges::all_of(ends_, [&](const auto& end) {
      const auto position = from_.position(end.first);
      return position && *position >= end.second;
    });
  }
  bool show(const consumer::Polled& polled) {
    for (const auto& record : polled.records) {
      if (options_.count > 0 && shown_records_ >= options_.count) break;
      if (!options_.follow && record.offset >= ends_.at(polled.at)) break;
      ++shown_records_;
      if (!out_.put(print(polled.at, record, options_.form, shown_))) return false;
    }
    return true;
  }

  Fiber& f_;
  const ConsumeOptions& options_;
  const Shown& shown_;
  Consumer& from_;
  Out out_;
  std::map<TopicPartition, net::Offset> ends_;
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

int run(Fiber& f, const ConsumeOptions& options) {
  const auto start = parse_start(options.from);
  const auto shown = parse_shown(options.show);
  if (!start || !shown) {
    complain(f, !start ? fmt::format("--from: `{}` is not beginning, end, an offset, or @milliseconds", options.from)
                       : "--show: choose among partition, offset, timestamp, headers, key");
    return kUsage;
  }
  if (!options.group.empty()) return consume_in_group(f, options, *start, *shown);
  if (!options.assignors.empty() || !options.instance_id.empty()) {
    complain(f, "--assignor and --instance-id need --group");
    return kUsage;
  }
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster) {
    const auto partitions = chosen(w, *cluster, options);
    if (!partitions) return kFailed;
    consumer::ConsumerConfig config;
    config.offset_reset = consumer::OffsetReset::none;
    if (options.read_committed) config.isolation = consumer::IsolationLevel::read_committed;
    auto from = Consumer::open(scope, cluster, config);
    if (!from) return complain(w, "cannot read", from.error(), options.cluster);
    std::map<TopicPartition, net::Offset> ends;
    if (!options.follow) {
      const auto found = (*from)->end_offsets(w, *partitions);
      if (!found) return complain(w, "cannot find the end of the topics", found.error(), options.cluster);
      ends = *found;
      const auto* from_offset = std::get_if<net::Offset>(&*start);
      if (from_offset != nullptr && std::ranges::all_of(ends, [&](const auto& end) { return end.second < *from_offset; })) {
        std::string where;
        for (const auto& [at, end] : ends) where += fmt::format(" {}-{} ends at {};", at.topic, at.partition.raw(), end.raw());
        return complain(w, fmt::format("nothing is at offset {} yet:{} --follow waits for more", from_offset->raw(), where));
      }
    }
    for (const TopicPartition& at : *partitions) (*from)->assign(at, *start);
    const int status = ConsumeRun{w, options, *shown, **from}.all(ends);
    (void)(*from)->close(w);
    return status;
  }, /*create_topics=*/false);
}

}  // namespace

kernel::Command consume() {
  return {"consume", "Prints the records of topics, alone or as one of a group", [](CLI::App& app) -> kernel::CommandBody {
    auto options = std::make_shared<ConsumeOptions>();
    add_cluster_options(app, options->cluster);
    app.add_option("topic", options->topics, "Topics to read")->required();
    app.add_option("-g,--group", options->group, "Share the partitions with the others of this group, and commit what was read");
    app.add_option("--assignor", options->assignors, "How the group divides: range,roundrobin,sticky,cooperative-sticky, the best liked first")
        ->delimiter(',')
        ->check(CLI::IsMember({"range", "roundrobin", "sticky", "cooperative-sticky"}))
        ->option_text("range|roundrobin|...");
    app.add_option("--instance-id", options->instance_id, "Stay in the group through a restart under this name (a static member)");
    app.add_option("--session-timeout", options->session_timeout_seconds, "Seconds without a heartbeat until the group takes this member for dead")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("-p,--partition", options->partitions, "Partitions to read; all if not given")->delimiter(',')->check(CLI::NonNegativeNumber);
    app.add_option("--from", options->from, "Where to begin: beginning, end, an offset, or @MILLISECONDS since 1970; with --group where nothing is committed")->capture_default_str();
    app.add_option("-n,--count", options->count, "Stop after this many records");
    app.add_flag("-f,--follow", options->follow, "Wait for more at the end");
    app.add_flag("--read-committed", options->read_committed, "Leave out records of open and aborted transactions");
    app.add_option("--format", options->form, "text: values, one a line; json: everything, one object a line; hex: digits")
        ->transform(CLI::CheckedTransformer(std::map<std::string, RecordForm>{{"text", RecordForm::text}, {"json", RecordForm::json}, {"hex", RecordForm::hex}}))
        ->option_text("text|json|hex");
    app.add_option("--show", options->show, "Also print before the value, separated by tabs: partition,offset,timestamp,headers,key")->delimiter(',');
    return [options](Fiber& f) { return run(f, *options); };
  }};
}

}  // namespace clients::cli
