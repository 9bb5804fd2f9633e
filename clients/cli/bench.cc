#include "clients/cli/bench.h"

#include <fmt/format.h>

#include "clients/admin/admin.h"
#include "kernel/node.h"
#include "kernel/command_line.h"

namespace clients::cli {

using kernel::Fiber;
using kernel::Mono;
using Json = nlohmann::ordered_json;

namespace {

using namespace std::chrono_literals;

constexpr kernel::Duration kTellEvery = 500ms;
constexpr std::size_t kValues = 64;

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

double ms(kernel::Duration taken) { return static_cast<double>(taken.count()) / 1e6; }

}  // namespace

void add_bench_options(kernel::CommandLine line, BenchOptions& options) {
  add_cluster_options(line, options.cluster);
  add_form_option(line, options.form);
  line.option("-d,--duration", options.seconds, "Seconds to measure").show_default().positive_number();
  line.option("-n,--count", options.count, "Stop after this many records").whole_number(0, UINT64_MAX);
}

void add_bench_producer_options(kernel::CommandLine line, BenchOptions& options) {
  line.option("topic", options.topic, "Topic to write to; one of its own, deleted afterwards, if not given");
  line.option("--partitions", options.partitions, "Partitions of its own topic").show_default().whole_number(1, INT32_MAX);
  line.option("--record-bytes", options.record_bytes, "Size of a record's value").show_default().whole_number(1, 8 * 1024 * 1024);
  add_acks_option(line, options.producer);
  add_compression_option(line, options.producer.compression);
  line.option("--batch-bytes", options.producer.batch_bytes, "Size of a full batch").show_default().whole_number(1, 16 * 1024 * 1024);
}

std::optional<BenchTopic> BenchTopic::open(Fiber& f, core::Cluster& cluster, const BenchOptions& options) {
  BenchTopic out;
  out.name_ = options.topic;
  if (options.topic.empty()) {
    out.name_ = fmt::format("kalda-bench-{}", kernel::ms_of(f.wall()));
    const auto made = admin::create_topics(f, cluster, {{.name = out.name_, .partitions = options.partitions}});
    if (!made || !made->front().ok()) {
      if (!made) complain(f, "cannot create a topic to measure with", made.error(), options.cluster);
      else complain(f, fmt::format("cannot create a topic to measure with: {}; name one that is there", words_of(made->front().code, made->front().message)));
      return std::nullopt;
    }
    out.is_ours_ = true;
  }
  const auto found = cluster.topic(f, out.name_);
  if (!found) {
    complain(f, fmt::format("cannot find topic {}", out.name_), found.error(), options.cluster);
    out.close(f, cluster);
    return std::nullopt;
  }
  for (const auto& [id, info] : found->partitions) out.partitions_.push_back(id);
  return out;
}

void BenchTopic::close(Fiber& f, core::Cluster& cluster) const {
  if (!is_ours_) return;
  const auto gone = admin::delete_topics(f, cluster, {name_});
  if (!gone || !gone->front().ok()) complain(f, fmt::format("topic {0} could not be deleted; try `kalda topic delete {0}`", name_));
}

BenchValues::BenchValues(kernel::Random random, std::size_t bytes) : values_(kValues) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
  for (std::string& value : values_) {
    value.resize(bytes);
    for (char& c : value) c = kLetters[random.below(kLetters.size())];
  }
}

void BenchProgress::tell(Fiber& f, std::string_view doing, std::uint64_t records) {
  if (f.now() < next_) return;
  next_ = f.now() + kTellEvery;
  if (!f.node().console().error_is_terminal()) return;
  const double seconds = std::chrono::duration<double>{f.now() - began_}.count();
  (void)f.node().console().write_error(
      f, fmt::format("\r\x1b[K{:.0f} s: {} records {}", seconds, with_commas(records), doing));
}

void BenchProgress::clear(Fiber& f) {
  if (f.node().console().error_is_terminal()) (void)f.node().console().write_error(f, "\r\x1b[K");
}

std::string print_rates(std::uint64_t records, std::uint64_t bytes, double seconds) {
  return fmt::format("{} records/s, {:.1f} MB/s", with_commas(static_cast<std::uint64_t>(static_cast<double>(records) / seconds)),
                     static_cast<double>(bytes) / 1e6 / seconds);
}

Json json_of(const LatencyHistogram& taken) {
  Json steps = Json::array();
  for (const auto& step : taken.steps())
    steps.push_back({{"below_ms", step.below == kernel::Duration::max() ? Json(nullptr) : Json(ms(step.below))}, {"records", step.count}});
  return {{"count", taken.count()}, {"mean_ms", ms(taken.mean())}, {"p50_ms", ms(taken.quantile(0.5))},
          {"p90_ms", ms(taken.quantile(0.9))}, {"p99_ms", ms(taken.quantile(0.99))}, {"p99.9_ms", ms(taken.quantile(0.999))},
          {"max_ms", ms(taken.max())}, {"steps", steps}};
}

}  // namespace clients::cli
