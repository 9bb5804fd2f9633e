#include "clients/cli/common.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "clients/commands.h"
#include "kernel/node.h"
#include "kernel/command_line.h"
#include "kernel/scope.h"

namespace clients {

std::vector<kernel::Command> commands() {
  return {cli::topic_create(), cli::topic_list(),     cli::topic_describe(), cli::topic_delete(), cli::config_describe(),
          cli::config_set(),   cli::config_unset(),   cli::config_list(),    cli::produce(),      cli::consume(),
          cli::bench_produce(), cli::bench_consume(), cli::bench_latency(),
          cli::group_list(),   cli::group_describe(), cli::group_lag(),      cli::group_reset(),  cli::group_delete()};
}

}  // namespace clients

namespace clients::cli {

using core::Reason;
using kernel::Errc;
using kernel::Error;
using kernel::Fiber;
using kernel::Result;

namespace {

constexpr std::size_t kGatherBytes = 64 * 1024;
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kPlain = "\x1b[0m";

/// After the broker has refused records.
std::string_view next_step(net::ErrorCode refused) {
  using net::ErrorCode;
  switch (refused) {
    case ErrorCode::kafka_storage_error: return "a disk of the broker is full or failing: see its log";
    case ErrorCode::invalid_record: return "correct the record; in a topic with cleanup.policy=compact each needs a key (--key-separator)";
    case ErrorCode::message_too_large:
    case ErrorCode::record_list_too_large: return "raise max.message.bytes of the topic (`kalda config set topic`), or lower --batch-bytes";
    case ErrorCode::invalid_timestamp:
      return "give it a time that message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic allow";
    case ErrorCode::unsupported_compression_type: return "choose another --compression";
    case ErrorCode::invalid_topic_exception: return "choose another topic: see `kalda topic list`";
    case ErrorCode::topic_authorization_failed:
    case ErrorCode::cluster_authorization_failed: return "ask whoever runs the cluster for the right to write there";
    case ErrorCode::not_enough_replicas:
    case ErrorCode::not_enough_replicas_after_append:
      return "fewer replicas are in sync than min.insync.replicas of the topic: wait for them, or lower it";
    default: return {};
  }
}

std::string next_step(const Error& error, const ClusterOptions& options) {
  if (error.is(Errc::connection_refused))
    return fmt::format("nobody listens at {}; is the broker running? Start one with `kalda serve`", options.bootstrap);
  if (error.is(Errc::unreachable) || error.is(Reason::no_broker))
    return fmt::format("{} cannot be reached; check the name, the port and the network (-b HOST:PORT)", options.bootstrap);
  if (error.is(Reason::unknown_topic)) return "create it with `kalda topic create NAME`, or see `kalda topic list`";
  const auto last_answer = error.is(Reason::delivery_timeout) ? static_cast<net::ErrorCode>(error.detail) : core::broker_code(error);
  if (const std::string_view next = next_step(last_answer); !next.empty()) return std::string{next};
  if (error.is(Errc::deadline) || error.is(Reason::timed_out)) return "try a longer --timeout";
  if (error.is(Reason::disconnected))
    return fmt::format("is a Kafka listener at {}? A TLS or controller listener would close the connection", options.bootstrap);
  return {};
}

}  // namespace

void add_cluster_options(kernel::CommandLine line, ClusterOptions& options) {
  line.option("-b,--bootstrap-server", options.bootstrap, "Brokers to ask first, HOST:PORT separated by commas")
      .show_default();
  line.option("--timeout", options.timeout_seconds, "Seconds to wait for the cluster")
      .show_default()
      .positive_number();
}

void add_form_option(kernel::CommandLine line, Form& form) {
  line.choice("--format", form, {{"text", Form::text}, {"json", Form::json}}, "How to print: text for people, json for scripts")
      .show_as("text|json");
}

void add_record_form_option(kernel::CommandLine line, RecordForm& form, const std::string& words) {
  using enum RecordForm;
  line.choice("--format", form, {{"raw", raw}, {"text", raw}, {"json", json}, {"hex", hex}}, words)
      .show_as("raw|json|hex");
}

void add_acks_option(kernel::CommandLine line, producer::ProducerConfig& config) {
  using producer::Acks;
  line.choice("--acks", config.acks, {{"0", Acks::none}, {"1", Acks::leader}, {"all", Acks::all}, {"-1", Acks::all}},
              "Whose acknowledgement to wait for")
      .show_as("all|1|0");
}

void add_compression_option(kernel::CommandLine line, net::compress::Codec& codec) {
  using net::compress::Codec;
  const auto by_name = [&codec](const std::string& name) {
    for (int i = 0; i < net::compress::kCodecs; ++i) {
      if (net::compress::name_of(static_cast<Codec>(i)) == name) codec = static_cast<Codec>(i);
    }
  };
  line.take("-z,--compression", by_name, "Codec of the batches")
      .one_of({"none", "gzip", "snappy", "lz4", "zstd"})
      .show_as("none|gzip|snappy|lz4|zstd");
}

Result<> Out::put(std::string_view text) {
  gathered_ += text;
  return gathered_.size() >= kGatherBytes ? flush() : Result<>{};
}

Result<> Out::flush() {
  if (gathered_.empty()) return {};
  const std::string text = std::exchange(gathered_, {});
  return f_.node().console().write(f_, text);
}

int complain(Fiber& f, std::string_view what) {
  kernel::Console& console = f.node().console();
  const bool colour = console.error_is_terminal();
  (void)console.write_error(f, fmt::format("{}kalda:{} {}\n", colour ? kRed : "", colour ? kPlain : "", what));
  return kFailed;
}

int complain(Fiber& f, std::string_view doing, const Error& error, const ClusterOptions& options, std::string_view said) {
  const std::string next = next_step(error, options);
  const std::string words = said.empty() ? "" : fmt::format(" ({})", said);
  return complain(f, fmt::format("{}: {}{}{}{}", doing, core::explain(error), words, next.empty() ? "" : "; ", next));
}

std::string words_of(net::ErrorCode code, std::string_view message) {
  return message.empty() ? net::text_of(code) : fmt::format("{} ({})", net::text_of(code), message);
}

kernel::Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<kernel::Duration>(std::chrono::duration<double>{seconds});
}

int told(Result<> written, int status) { return written ? status : kFailed; }

std::string json_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::optional<std::vector<core::TopicPartition>> named_partitions(Fiber& f, core::Cluster& cluster, const std::string& text,
                                                                  const ClusterOptions& options) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const auto topic = cluster.topic(f, name);
  if (!topic) {
    complain(f, fmt::format("cannot find topic {}", name), topic.error(), options);
    return std::nullopt;
  }
  std::vector<core::TopicPartition> out;
  if (colon == text.npos) {
    for (const auto& [id, info] : topic->partitions) out.push_back({name, id});
    return out;
  }
  for (std::size_t at = colon + 1; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::int32_t id = -1;
    const auto [end, problem] = std::from_chars(text.data() + at, text.data() + comma, id);
    if (problem != std::errc{} || end != text.data() + comma || topic->find(net::PartitionId{id}) == nullptr) {
      complain(f, fmt::format("topic {} has no partition `{}`; it has {}", name, text.substr(at, comma - at), topic->partitions.size()));
      return std::nullopt;
    }
    out.push_back({name, net::PartitionId{id}});
    at = comma + 1;
  }
  return out;
}

int with_cluster(Fiber& f, const ClusterOptions& options,
                 const std::function<int(Fiber&, kernel::Scope&, std::shared_ptr<core::Cluster>)>& body,
                 bool create_topics, Stop* stop) {
  auto servers = core::parse_servers(options.bootstrap);
  if (!servers) {
    complain(f, fmt::format("--bootstrap-server: `{}` is not HOST:PORT[,HOST:PORT...] (at character {})",
                            options.bootstrap, servers.error().detail + 1));
    return kUsage;
  }
  core::ClientConfig config;
  config.bootstrap_servers = std::move(*servers);
  config.client_id = "kalda-cli";
  config.allow_auto_create_topics = create_topics;
  config.default_api_timeout = from_seconds(options.timeout_seconds);

  int status = kFailed;
  kernel::Scope all{f};
  kernel::Fiber* watcher = nullptr;
  kernel::Fiber& worker = all.spawn("command", [&](Fiber& w) {
    kernel::Scope scope{w};
    {
      auto cluster = std::make_shared<core::Cluster>(scope, std::move(config));
      Result<> reached;
      {
        const auto within = w.deadline_in(cluster->config().default_api_timeout);
        reached = cluster->refresh(w);
      }
      if (reached) status = body(w, scope, cluster);
      else status = complain(w, fmt::format("cannot reach the cluster at {}", options.bootstrap), reached.error(), options);
    }
    (void)scope.join(w);
    if (watcher != nullptr) watcher->cancel();
  });
  watcher = &all.spawn("stop-watcher", [&](Fiber& s) {
    if (s.node().wait_for_stop(s)) {
      if (stop == nullptr) worker.cancel();
      else {
        stop->asked = true;
        stop->told.notify_all();
      }
    }
    watcher = nullptr;
  });
  (void)all.join(f);
  return status;
}

}  // namespace clients::cli
