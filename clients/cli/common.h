// What the commands share: how a cluster is named and reached, how results and failures are told.
//
// Exit statuses: 0 done, 1 it did not work, 2 the command line made no sense.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "clients/cli/print.h"
#include "clients/core/cluster.h"
#include "clients/producer/config.h"
#include "kernel/command.h"
#include "kernel/notify.h"

namespace clients::cli {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

struct ClusterOptions {
  std::string bootstrap = "127.0.0.1:9092";
  double timeout_seconds = 10;
};
void add_cluster_options(kernel::CommandLine line, ClusterOptions& options);

enum class Form : std::uint8_t { text, json };
void add_form_option(kernel::CommandLine line, Form& form);
/// --format of records: raw (also called text), json or hex.
void add_record_form_option(kernel::CommandLine line, RecordForm& form, const std::string& words);
void add_acks_option(kernel::CommandLine line, producer::ProducerConfig& config);
void add_compression_option(kernel::CommandLine line, net::compress::Codec& codec);

/// Writes to standard output; a reader that went away ends the command quietly.
class Out {
 public:
  explicit Out(kernel::Fiber& f) : f_{f} {}
  /// Gathers text; it is written when much has come together or by flush().
  kernel::Result<> put(std::string_view text);
  kernel::Result<> flush();

 private:
  kernel::Fiber& f_;
  std::string gathered_;
};

/// "kalda: <what>" on standard error, red on a terminal. Answers kFailed.
int complain(kernel::Fiber& f, std::string_view what);
/// The same for an error, with the broker's own words where it had any, and what to do next where we know it.
int complain(kernel::Fiber& f, std::string_view doing, const kernel::Error& error, const ClusterOptions& options,
             std::string_view said = {});
/// A Kafka error code and the broker's own words.
std::string words_of(net::ErrorCode code, std::string_view message);

/// Ctrl-C for a body that has something to finish: it looks at `asked` and ends by itself.
struct Stop {
  bool asked = false;
  kernel::Notify told;
};

using ClusterRef = std::shared_ptr<core::Cluster>;

/// Runs `body` with a cluster that was reached once, and cleans up after it. Ctrl-C cancels the body, or tells `stop`.
/// `create_topics`: asking for a topic may make the broker create it, where it is set up so.
int with_cluster(kernel::Fiber& f, const ClusterOptions& options,
                 const std::function<int(kernel::Fiber&, kernel::Scope&, ClusterRef)>& body,
                 bool create_topics = true, Stop* stop = nullptr);

[[nodiscard]] kernel::Duration from_seconds(double seconds);
/// The status of a command that has done its work, once what it says is written.
[[nodiscard]] int told(kernel::Result<> written, int status);
/// One JSON object as a line; bytes that are no text are replaced.
[[nodiscard]] std::string json_line(const nlohmann::ordered_json& json);
/// Columns as wide as their widest cell, two blanks apart; the first row is the heading.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);
/// "orders:0,2" or "orders" as partitions of the topic; all of them if none is named. Complains of what is not there.
std::optional<std::vector<core::TopicPartition>> named_partitions(kernel::Fiber& f, core::Cluster& cluster,
                                                                  const std::string& text, const ClusterOptions& options);

kernel::Command topic_create();
kernel::Command topic_list();
kernel::Command topic_describe();
kernel::Command topic_delete();
kernel::Command config_describe();
kernel::Command config_set();
kernel::Command config_unset();
kernel::Command config_list();
kernel::Command produce();
kernel::Command consume();
kernel::Command bench_produce();
kernel::Command bench_consume();
kernel::Command bench_latency();
kernel::Command group_list();
kernel::Command group_describe();
kernel::Command group_lag();
kernel::Command group_reset();
kernel::Command group_delete();

}  // namespace clients::cli
