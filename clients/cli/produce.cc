// kalda produce TOPIC: one record a line
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <deque>

#include "clients/cli/common.h"
#include "clients/cli/lines.h"
#include "clients/producer/producer.h"

namespace clients::cli {

using kernel::Fiber;
using kernel::Mono;
using kernel::Result;
using producer::Delivery;
using producer::DeliveryFuture;
using producer::Producer;

namespace {

using namespace std::chrono_literals;

constexpr kernel::Duration kProgressEvery = 500ms;

struct ProduceOptions {
  ClusterOptions cluster;
  std::string topic;
  std::string file;
  std::string key_separator;
  bool headers = false;
  std::vector<std::string> constant_headers;
  std::string null_marker;
  bool has_null_marker = false;
  std::int32_t partition = -1;
  producer::ProducerConfig producer;
  bool no_idempotence = false;
  std::int64_t linger_ms = 5;
  std::size_t batch_bytes = 64 * 1024;
  std::size_t message_bytes_max = 1024 * 1024;
  double rate = 0;
  Form form = Form::text;
  double delivery_timeout_seconds = 30;
};

struct Parsed {
  net::record::NullableBytes key;
  net::record::NullableBytes value;
  std::vector<net::record::RecordHeader> headers;
};

/// Why `text` is not NAME=VALUE, or nothing.
std::optional<std::string> take_header(std::string_view text, std::vector<net::record::RecordHeader>& headers) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals == 0) return fmt::format("header `{}` is not NAME=VALUE", text);
  headers.push_back({text.substr(0, equals), kernel::as_bytes(text.substr(equals + 1))});
  return std::nullopt;
}

/// [HEADER=VALUE,...<tab>][KEY<separator>]VALUE
std::optional<std::string> parse(std::string_view line, const ProduceOptions& options, Parsed& parsed) {
  if (options.headers) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) return "there is no tab after the headers";
    for (std::string_view rest = line.substr(0, tab); !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (auto problem = take_header(rest.substr(0, comma), parsed.headers)) return problem;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    line.remove_prefix(tab + 1);
  }
  const auto nullable = [&](std::string_view text) -> net::record::NullableBytes {
    if (options.has_null_marker && text == options.null_marker) return std::nullopt;
    return kernel::as_bytes(text);
  };
  if (!options.key_separator.empty()) {
    const std::size_t at = line.find(options.key_separator);
    if (at == line.npos) return fmt::format("there is no key separator `{}`", options.key_separator);
    parsed.key = nullable(line.substr(0, at));
    line.remove_prefix(at + options.key_separator.size());
  }
  parsed.value = nullable(line);
  return std::nullopt;
}

class ProduceRun {
 public:
  ProduceRun(Fiber& f, const ProduceOptions& options, Producer& producer)
      : f_{f}, options_{options}, producer_{producer}, began_{f.now()}, next_progress_{f.now() + kProgressEvery} {}

  int all_lines(Lines& lines) {
    for (;;) {
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
    const double seconds = std::chrono::duration<double>{f_.now() - began_}.count();
    if (options_.form == Form::json) {
      const nlohmann::ordered_json told{{"topic", options_.topic}, {"ok", stats.records_ok},
                                        {"failed", stats.records_failed}, {"unknown", stats.records_unknown},
                                        {"bytes_sent", stats.bytes_sent}, {"batches_resent", stats.batches_resent},
                                        {"seconds", seconds}};
      (void)f_.node().console().write(f_, told.dump() + "\n");
    } else if (f_.node().console().error_is_terminal()) {
      (void)f_.node().console().write_error(f_, fmt::format("\r\x1b[K{} records acknowledged in {:.1f} s\n", stats.records_ok, seconds));
    }
  }

 private:
  int one(std::string_view line, std::uint64_t number) {
    Parsed parsed;
    for (const std::string& header : options_.constant_headers) {
      if (const auto problem = take_header(header, parsed.headers)) {
        complain(f_, *problem);
        return kUsage;
      }
    }
    if (const auto problem = parse(line, options_, parsed)) return stop(fmt::format("line {}: {}", number, *problem));
    producer::Record record{.topic = options_.topic, .key = parsed.key, .value = parsed.value, .headers = parsed.headers};
    if (options_.partition >= 0) record.partition = net::PartitionId{options_.partition};
    auto future = producer_.send(f_, record);
    if (!future)
      return complain(f_, fmt::format("line {}: cannot produce to {}", number, options_.topic), future.error(), options_.cluster);
    sent_.emplace_back(number, std::move(*future));
    if (options_.rate > 0) {
      const auto due = std::chrono::duration<double>{static_cast<double>(sent_total_ + 1) / options_.rate};
      if (!f_.sleep_until(began_ + std::chrono::duration_cast<kernel::Duration>(due))) return kFailed;
    }
    ++sent_total_;
    progress();
    return settle(false);
  }
  /// Looks at what was decided, in order. `all`: everything is.
  int settle(bool all) {
    while (!sent_.empty() && (all || sent_.front().second.is_done())) {
      const auto& [number, future] = sent_.front();
      if (!future.is_done()) return stop(fmt::format("line {}: not decided", number));
      const Delivery delivery = future.delivery();
      if (delivery.outcome != Delivery::Outcome::ok) {
        const bool unknown = delivery.outcome == Delivery::Outcome::unknown;
        return complain(f_, fmt::format("line {}: the record {} (the lines before were acknowledged)", number,
                                        unknown ? "may or may not be on the log" : "was not written"),
                        delivery.error, options_.cluster);
      }
      sent_.pop_front();
    }
    return kDone;
  }
  int stop(const std::string& why) { return complain(f_, why); }
  void progress() {
    if (f_.now() < next_progress_ || !f_.node().console().error_is_terminal()) return;
    next_progress_ = f_.now() + kProgressEvery;
    const auto& stats = producer_.stats();
    const double seconds = std::chrono::duration<double>{f_.now() - began_}.count();
    (void)f_.node().console().write_error(
        f_, fmt::format("\r\x1b[K{} records acknowledged, {:.0f}/s", stats.records_ok, static_cast<double>(stats.records_ok) / seconds));
  }

  Fiber& f_;
  const ProduceOptions& options_;
  Producer& producer_;
  Mono began_;
  Mono next_progress_;
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
  return {"produce", "Writes records to a topic, one for each line of input", [](CLI::App& app) -> kernel::CommandBody {
    auto options = std::make_shared<ProduceOptions>();
    add_cluster_options(app, options->cluster);
    add_form_option(app, options->form);
    app.add_option("topic", options->topic, "Topic to write to")->required();
    app.add_option("file", options->file, "File to read; standard input if not given or -");
    app.add_option("-k,--key-separator", options->key_separator, "Lines are KEY<separator>VALUE");
    app.add_flag("--headers", options->headers, "Lines begin with NAME=VALUE,... and a tab");
    app.add_option("-H,--header", options->constant_headers, "A header NAME=VALUE for every record; may be repeated")->allow_extra_args(false);
    CLI::Option* null_marker = app.add_option("--null", options->null_marker, "A key or value that is exactly this is null");
    app.add_option("-p,--partition", options->partition, "Partition to write to; by key or at random if not given")->check(CLI::NonNegativeNumber);
    add_acks_option(app, options->producer);
    add_compression_option(app, options->producer.compression);
    app.add_flag("--no-idempotence", options->no_idempotence, "Retries may write a record twice");
    app.add_option("--delivery-timeout", options->delivery_timeout_seconds, "Seconds to try for a record before giving up")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--linger-ms", options->linger_ms, "Wait this long for a batch to fill")->capture_default_str()->check(CLI::NonNegativeNumber);
    app.add_option("--batch-bytes", options->batch_bytes, "Size of a full batch")->capture_default_str()->check(CLI::Range(1, 16 * 1024 * 1024));
    app.add_option("--max-message-bytes", options->message_bytes_max, "Longest line")->capture_default_str()->check(CLI::Range(1, 16 * 1024 * 1024));
    app.add_option("--rate", options->rate, "Records a second at most")->check(CLI::PositiveNumber);
    return [options, null_marker](Fiber& f) {
      options->has_null_marker = null_marker->count() > 0;
      return run(f, *options);
    };
  }};
}

}  // namespace clients::cli
