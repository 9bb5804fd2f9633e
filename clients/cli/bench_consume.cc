// kalda bench consume TOPIC
#include <fmt/format.h>

#include <algorithm>

#include "clients/cli/bench.h"
#include "clients/consumer/consumer.h"

namespace clients::cli {

using kernel::Fiber;
using kernel::Mono;

namespace {

using namespace std::chrono_literals;

constexpr kernel::Duration kReadPollWait = 100ms;

struct Read {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
  bool reached_end = false;
};

/// Reads until the end, the count, the time or `stop`. Nothing after its problem was told.
std::optional<Read> read_all(Fiber& f, consumer::Consumer& from, const std::map<core::TopicPartition, net::Offset>& ends,
                             const BenchOptions& options, const Stop& stop) {
  Read read;
  BenchProgress progress{f};
  const Mono began = progress.began();
  const auto lasting = from_seconds(options.seconds);
  Mono last = began;
  while (!stop.asked && f.now() - began < lasting && (options.count == 0 || read.records < options.count)) {
    read.reached_end = std::ranges::all_of(ends, [&](const auto& end) {
      const auto position = from.position(end.first);
      return position && *position >= end.second;
    });
    if (read.reached_end) break;
    const auto polled = from.poll(f, kReadPollWait);
    if (!polled || (*polled && (*polled)->error)) {
      complain(f, "cannot read", polled ? *(*polled)->error : polled.error(), options.cluster);
      return std::nullopt;
    }
    if (!*polled) continue;
    for (const auto& record : (*polled)->records) {
      read.bytes += record.key.value_or(kernel::ByteView{}).size() + record.value.value_or(kernel::ByteView{}).size();
    }
    read.records += (*polled)->records.size();
    last = f.now();
    progress.tell(f, "read", read.records);
  }
  BenchProgress::clear(f);
  read.seconds = std::max(std::chrono::duration<double>{last - began}.count(), 1e-9);
  return read;
}

int report(Fiber& f, const Read& read, const consumer::Consumer& from, const BenchTopic& topic, const BenchOptions& options) {
  const auto& stats = from.stats();
  Out out{f};
  if (options.form == Form::json) {
    (void)out.put(json_line({{"topic", topic.name()}, {"partitions", topic.partitions().size()}, {"records", read.records},
                             {"bytes", read.bytes}, {"seconds", read.seconds},
                             {"records_per_second", static_cast<double>(read.records) / read.seconds},
                             {"bytes_per_second", static_cast<double>(read.bytes) / read.seconds}, {"fetches", stats.fetches},
                             {"fetched_bytes", stats.fetched_bytes}, {"reached_end", read.reached_end}}));
  } else {
    (void)out.put(fmt::format("{} records in {:.1f} s: {} of keys and values\n{} fetches of {:.0f} KiB on average{}\n", read.records,
                              read.seconds, print_rates(read.records, read.bytes, read.seconds), stats.fetches,
                              static_cast<double>(stats.fetched_bytes) / 1024 / static_cast<double>(std::max<std::uint64_t>(stats.fetches, 1)),
                              read.reached_end ? "; the end was reached" : ""));
  }
  return out.flush() ? kDone : kFailed;
}

int measure_reading(Fiber& f, const BenchOptions& options) {
  Stop stop;
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster) {
    const auto topic = BenchTopic::open(w, *cluster, options);
    if (!topic) return kFailed;
    auto from = consumer::Consumer::open(scope, cluster, {.offset_reset = consumer::OffsetReset::earliest});
    if (!from) return complain(w, "cannot read", from.error(), options.cluster);
    std::vector<core::TopicPartition> all;
    for (const net::PartitionId id : topic->partitions()) all.push_back({topic->name(), id});
    const auto begins = (*from)->beginning_offsets(w, all);
    const auto ends = (*from)->end_offsets(w, all);
    if (!begins || !ends) return complain(w, "cannot find where the topic begins and ends", begins ? ends.error() : begins.error(), options.cluster);
    if (*begins == *ends)
      return complain(w, fmt::format("topic {0} is empty; fill it with `kalda bench produce {0}`", topic->name()));
    for (const auto& at : all) (*from)->assign(at, consumer::Beginning{});
    const auto read = read_all(w, **from, *ends, options, stop);
    const int status = read ? report(w, *read, **from, *topic, options) : kFailed;
    (void)(*from)->close(w);
    return status;
  }, /*create_topics=*/false, &stop);
}

}  // namespace

kernel::Command bench_consume() {
  return {"bench consume", "Reads a topic from its beginning as fast as it goes", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<BenchOptions>();
    options->seconds = 60;
    add_bench_options(line, *options);
    line.option("topic", options->topic, "Topic to read, to its end of now").required();
    return [options](Fiber& f) { return measure_reading(f, *options); };
  }};
}

}  // namespace clients::cli
