// kalda produce TOPIC: one record a line
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <deque>

#include "clients/cli/common.h"
#include "clients/cli/lines.h"
#include "clients/cli/progress.h"
#include "clients/cli/record_lines.h"
#include "clients/cli/refusal.h"
#include "clients/producer/producer.h"
#include "kernel/command_line.h"

namespace clients::cli {

using kernel::Fiber;
using kernel::Mono;
using producer::Delivery;
using producer::DeliveryFuture;
using producer::Producer;

namespace {

struct ProduceOptions {
  ClusterOptions cluster;
  std::string topic;
  std::string file;
  LineForm lines;
  std::vector<std::string> constant_headers;
  std::int32_t partition = -1;
  producer::ProducerConfig producer;
  bool no_idempotence = false;
  std::int64_t linger_ms = 5;
  std::size_t batch_bytes = 64 * 1024;
  std::size_t message_bytes_max = 1024 * 1024;
  std::uint64_t count = 0;
  double rate = 0;
  bool progress = false;
  Form report = Form::text;
  double delivery_timeout_seconds = 30;
};

class ProduceRun {
 public:
  ProduceRun(Fiber& f, const ProduceOptions& options, Producer& producer)
      : f_{f}, options_{options}, producer_{producer}, progress_{f, options.progress} {}

  int all_lines(Lines& lines) {
    while (options_.count == 0 || sent_total_ < options_.count) {
      const auto line = lines.next();
      if (!line) {
        const bool too_long = line.error().is(kernel::Errc::too_large);
        return stop(fmt::format("line {}: {}", lines.number() + 1,
                                too_long ? fmt::format("longer than {} bytes; see --max-message-bytes", options_.message_bytes_max)
                                         : core::explain(line.error())));
      }
      if (!*line) break;
      if (const int status = one(**line, lines.number()); status != kDone) return status;
    }
    if (const auto flushed = producer_.flush(f_); !flushed) return kFailed;
    return settle(true);
  }
  void summary() {
    const auto& stats = producer_.stats();
    if (options_.report == Form::json) {
      const nlohmann::ordered_json told{{"topic", options_.topic}, {"ok", stats.records_ok},
                                        {"failed", stats.records_failed}, {"unknown", stats.records_unknown},
                                        {"bytes_sent", stats.bytes_sent}, {"batches_resent", stats.batches_resent},
                                        {"seconds", progress_.seconds()}};
      (void)f_.node().console().write(f_, told.dump() + "\n");
    }
    progress_.end(fmt::format("{} records acknowledged in {:.1f} s", stats.records_ok, progress_.seconds()));
  }

 private:
  int one(std::string_view line, std::uint64_t number) {
    ParsedRecord parsed;
    for (const std::string& header : options_.constant_headers) {
      if (const auto problem = take_header(header, RecordForm::raw, parsed)) {
        complain(f_, *problem);
        return kUsage;
      }
    }
    if (const auto problem = parse_record(line, options_.lines, parsed)) return stop(fmt::format("line {}: {}", number, *problem));
    producer::Record record{.topic = options_.topic, .key = parsed.key, .value = parsed.value, .headers = parsed.headers, .timestamp_ms = parsed.timestamp_ms};
    if (options_.partition >= 0) record.partition = net::PartitionId{options_.partition};
    auto future = producer_.send(f_, record);
    if (!future)
      return complain(f_, fmt::format("line {}: cannot produce to {}", number, options_.topic), future.error(), options_.cluster);
    sent_.emplace_back(number, std::move(*future));
    if (!keep_to_rate(f_, began_, ++sent_total_, options_.rate)) return kFailed;
    progress_.tell("records acknowledged", producer_.stats().records_ok);
    return settle(false);
  }
  /// Looks at what was decided, in order. `all`: everything is.
  int settle(bool all) {
    while (!sent_.empty() && (all || sent_.front().second.is_done())) {
      const auto& [number, future] = sent_.front();
      if (!future.is_done()) return stop(fmt::format("line {}: not decided", number));
      const Delivery delivery = future.delivery();
      if (delivery.outcome != Delivery::Outcome::ok) {
        std::vector<std::uint64_t> lines;  // of the batch that it went in, all of them: its records are decided together
        for (const auto& [line, other] : sent_)
          if (other.batch_id() == future.batch_id()) lines.push_back(line);
        return complain(f_, what_failed(lines, delivery, future.refusal()), delivery.error, options_.cluster,
                        said_by_broker(lines, future.refusal()));
      }
      sent_.pop_front();
    }
    return kDone;
  }
  int stop(const std::string& why) { return complain(f_, why); }

  Fiber& f_;
  const ProduceOptions& options_;
  Producer& producer_;
  Progress progress_;
  Mono began_ = f_.now();
  std::uint64_t sent_total_ = 0;
  std::deque<std::pair<std::uint64_t, DeliveryFuture>> sent_;
};

int run(Fiber& f, const ProduceOptions& options) {
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster) {
    auto file = Lines::open(w, options.file);
    if (!file) return complain(w, fmt::format("cannot read {}: {}", options.file, core::explain(file.error())));
    producer::ProducerConfig config = options.producer;
    config.idempotence = !options.no_idempotence && config.acks == producer::Acks::all;
    config.linger = std::chrono::milliseconds{options.linger_ms};
    config.batch_bytes = options.batch_bytes;
    config.request_bytes_max = options.message_bytes_max + options.batch_bytes;
    config.block_max = cluster->config().default_api_timeout;
    config.delivery_timeout = from_seconds(options.delivery_timeout_seconds);
    auto producer = Producer::open(scope, cluster, config);
    if (!producer) {
      complain(w, core::explain(producer.error()));
      return kUsage;
    }
    Lines lines{w, std::move(*file), options.message_bytes_max};
    ProduceRun all{w, options, **producer};
    int status = all.all_lines(lines);
    if (!(*producer)->close(w)) status = kFailed;
    all.summary();
    return status;
  });
}

}  // namespace

kernel::Command produce() {
  return {"produce", "Writes records to a topic, one for each line of input", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<ProduceOptions>();
    auto null_text = std::make_shared<std::string>();
    add_cluster_options(line, options->cluster);
    line.option("topic", options->topic, "Topic to write to").required();
    line.option("file", options->file, "File to read; standard input if not given or -");
    add_record_form_option(line, options->lines.form, "What lines are. raw: values; hex: values in digits; json: objects with value or value_hex, and key, key_hex, headers, timestamp_ms; consume prints the same");
    const kernel::Option separator = line.option("-k,--key-separator", options->lines.key_separator, "Lines are KEY<separator>VALUE");
    const kernel::Option headers = line.flag("--headers", options->lines.headers, "Lines begin with NAME=VALUE,... and a tab");
    line.option("-H,--header", options->constant_headers, "A header NAME=VALUE for every record; may be repeated").one_a_time();
    const kernel::Option null_marker = line.option("--null", *null_text, "A key or value that is exactly this is null");
    line.option("-p,--partition", options->partition, "Partition to write to; by key or at random if not given").whole_number(0, INT32_MAX);
    add_acks_option(line, options->producer);
    add_compression_option(line, options->producer.compression);
    line.flag("--no-idempotence", options->no_idempotence, "Retries may write a record twice");
    line.option("--delivery-timeout", options->delivery_timeout_seconds, "Seconds to try for a record before giving up")
        .show_default()
        .positive_number();
    line.option("--linger-ms", options->linger_ms, "Wait this long for a batch to fill").show_default().whole_number(0, INT32_MAX);
    line.option("--batch-bytes", options->batch_bytes, "Size of a full batch").show_default().whole_number(1, 16 * 1024 * 1024);
    line.option("--max-message-bytes", options->message_bytes_max, "Longest line").show_default().whole_number(1, 16 * 1024 * 1024);
    line.option("-n,--count", options->count, "Stop after this many records").whole_number(0, UINT64_MAX);
    line.option("--rate", options->rate, "Records a second at most").positive_number();
    line.flag("--progress", options->progress, "Say how far it is also where standard error is no terminal");
    line.choice("--report", options->report, {{"text", Form::text}, {"json", Form::json}},
                "What to print at the end: text for people, json for scripts")
        .show_as("text|json");
    return [options, null_text, null_marker, separator, headers](Fiber& f) {
      if (null_marker.given()) options->lines.null_marker = *null_text;
      if (options->lines.form == RecordForm::json && (separator.given() || headers.given() || null_marker.given())) {
        complain(f, "--key-separator, --headers and --null are of raw and hex lines; a JSON object has key, headers and null itself");
        return kUsage;
      }
      return run(f, *options);
    };
  }};
}

}  // namespace clients::cli
