// `kalda serve`: reads the configuration, says what is wrong with it, runs the broker, and explains why it could not.
#include <fmt/format.h>

#include <cerrno>

#include "broker/broker.h"
#include "broker/commands.h"
#include "broker/config/subjects.h"
#include "broker/config_source.h"
#include "broker/controller/controller.h"
#include "broker/log/log_directory.h"
#include "broker/serve_command.h"
#include "broker/words.h"
#include "kernel/node.h"

namespace broker {
namespace {

using kernel::Fiber;
using kernel::Result;

struct Options {
  ConfigSource source;
  std::string program;  ///< as it was called
};

void say(Fiber& f, std::string_view text) { static_cast<void>(f.node().console().write_error(f, text)); }

/// What people can do about it.
std::string advice(const kernel::Error& error, const config::BrokerConfig& config, const std::string& about) {
  using kernel::Errc;
  const std::string& directory = about.empty() ? config.metadata_directory : about;
  if (error.is(log::LogDirectoryReason::foreign_cluster)) {
    return fmt::format("{}/meta.properties names another cluster; point log.dirs at another directory", directory);
  }
  if (error.is(log::LogDirectoryReason::foreign_node)) {
    return fmt::format("{0}/meta.properties says node.id={1}, the configuration says node.id={2}: the directory belongs "
                       "to another node; set node.id={1}, or point log.dirs at another directory",
                       directory, error.detail, config.node_id.raw());
  }
  if (error.is(log::LogDirectoryReason::damaged_identity)) {
    return fmt::format("{}/meta.properties cannot be read (line {}); restore it from a copy", directory, error.detail);
  }
  if (error.is(log::LogDirectoryReason::missing_identity)) {
    return fmt::format("{0} holds partitions but no meta.properties, so nobody knows whose they are; restore "
                       "{0}/meta.properties from a copy, or point log.dirs at an empty directory",
                       directory);
  }
  if (error.is(controller::ControllerReason::not_a_voter)) {
    return fmt::format("{0}/__cluster_metadata-0 names {1} as the one voter, but {0}/meta.properties is not "
                       "of that directory: it is another cluster's, or was made anew; restore the one that belongs "
                       "there, or point log.dirs at another directory",
                       directory,
                       error.detail < 0 ? std::string{"nobody"} : fmt::format("another directory of node {}", error.detail));
  }
  if (error.is(controller::ControllerReason::more_voters)) {
    return fmt::format("{}/__cluster_metadata-0 belongs to a cluster of {} controllers; a single one is all that is "
                       "served yet",
                       directory, error.detail);
  }
  if (error.is(controller::ControllerReason::lost)) {
    return fmt::format("{0} holds partitions, but {0}/__cluster_metadata-0 is empty: what topics they are of was lost; "
                       "restore it from a copy, or point log.dirs at an empty directory",
                       directory);
  }
  if (error.is(controller::ControllerReason::damaged)) {
    return fmt::format("{}/__cluster_metadata-0 is damaged at offset {} (see the log above); restore it from a copy",
                       directory, error.detail);
  }
  if (error.is(log::LogDirectoryReason::newer_format)) {
    return fmt::format("{} was written by a newer release of Kalda (format {}); run that one, or a later one", directory,
                       error.detail);
  }
  if (error.is(log::LogDirectoryReason::newer_identity)) {
    return fmt::format("{}/meta.properties has version={}, and this release knows version=1: a newer release wrote it; run "
                       "that one, or a later one, or point log.dirs at another directory",
                       directory, error.detail);
  }
  if (error.is(log::LogDirectoryReason::older_identity)) {
    return fmt::format("{}/meta.properties has no version or version=0: the directory is of a cluster with ZooKeeper; "
                       "migrate it to KRaft with Apache Kafka 3.9 first, or point log.dirs at another directory",
                       directory);
  }
  if (error.is(log::LogDirectoryReason::duplicate_identity)) {
    return fmt::format("{}/meta.properties has the directory.id of another directory of log.dirs: one is a copy; remove one "
                       "of the two from log.dirs",
                       directory);
  }
  if (error.is(controller::ControllerReason::newer_feature)) {
    return fmt::format("{}/__cluster_metadata-0 has a feature at level {}, above what this release works with (the log "
                       "above names it): a newer release wrote it; run that one, or a later one",
                       directory, error.detail);
  }
  if (error.is(controller::ControllerReason::newer_record)) {
    return fmt::format("{}/__cluster_metadata-0 holds a record of type {}, in a version that this release does not know: a "
                       "newer release wrote it; run that one, or a later one",
                       directory, error.detail);
  }
  if (error.is(controller::ControllerReason::newer_quorum_state)) {
    return fmt::format("{}/__cluster_metadata-0/quorum-state has data_version {}: a newer release wrote it; run that one, or "
                       "a later one",
                       directory, error.detail);
  }
  if (error.is(log::LogReason::directory_offline)) {
    return fmt::format("{} has failed (see the log above); check the disk, then start again", directory);
  }
  if (error.room != kernel::Room::kernel) return "see the log above";
  switch (error.as<Errc>()) {
    case Errc::address_in_use:
      return fmt::format("port {} is in use: another broker may be running; stop it, or choose other ports with --set "
                         "listeners=PLAINTEXT://127.0.0.1:PORT (and --set kalda.admin.port=PORT)",
                         error.detail);
    case Errc::permission:
      return error.detail > 0 ? fmt::format("no permission for port {}; choose one above 1023", error.detail)
                              : fmt::format("no permission for {}; check its owner", directory);
    case Errc::no_such_file: return fmt::format("{} is not there and cannot be made; check log.dirs", directory);
    case Errc::disk_full: return fmt::format("no space left for {}; free some and start again", directory);
    case Errc::read_only: return fmt::format("{} is on a read-only file system", directory);
    case Errc::locked: return fmt::format("{} is in use by another broker; stop that one first", directory);
    case Errc::unreachable: return "a listener's host is not an address of this machine; check `listeners`";
    case Errc::too_many_files: return "too many open files; raise the limit (ulimit -n)";
    case Errc::io:
      if (error.system_errno == ENOTDIR) return fmt::format("{} is not a directory; check log.dirs", directory);
      return fmt::format("{} cannot be read or written; check the disk", directory);
    default: return "see the log above";
  }
}

/// What to try first, as lines to copy: `program` is how this one was called.
std::string welcome(const Started& started, std::string_view program) {
  if (started.listening.empty()) return {};
  const std::string at = to_string(started.listening.front());
  return fmt::format(
      "Try, in another terminal:\n"
      "  {1} topic create orders --partitions 3 -b {0}\n"
      "  echo 'hello, world' | {1} produce orders -b {0}\n"
      "  {1} consume orders --from beginning -b {0}\n"
      "Ctrl-C stops the broker.\n",
      at, program);
}

/// What may be set, by what it is about.
std::string settings_help() {
  constexpr std::size_t kColumns = 100;
  std::string text = "Settings, in the file or with --set:\n";
  for (const config::Subject& subject : config::broker_settings_by_subject()) {
    text += fmt::format("\n{}:\n", subject.words);
    std::string line;
    for (const std::string_view name : subject.names) {
      if (line.size() + name.size() + 2 > kColumns) text += std::exchange(line, "") + "\n";
      line += fmt::format("  {}", name);
    }
    text += line + "\n";
  }
  return text + "\n`kalda config explain NAME` says what one means, its default and whether it changes while the broker runs.\n"
                "Kafka's other settings are taken too, where they mean nothing here.\n";
}

int run(Fiber& f, const Options& options) {
  const auto config = load_config(f, options.source, "serve", /*tell=*/true);
  if (!config) return 2;
  std::string about;
  const Result<> ports = Broker::check_ports(f, *config);
  const Result<> served = !ports ? ports : Broker::run(f, *config, [&](const Started& started) {
    std::string text;
    for (const kernel::Endpoint& endpoint : started.listening) {
      text += fmt::format("kalda: serving Kafka clients on {}\n", to_string(endpoint));
    }
    if (started.admin) text += fmt::format("kalda: metrics and health on http://{}/metrics\n", to_string(*started.admin));
    say(f, text + welcome(started, options.program));
  }, &about);
  if (served) return 0;
  say(f, fmt::format("kalda serve: {} ({})\n", advice(served.error(), *config, about), words_of(served.error())));
  return 1;
}

}  // namespace

kernel::Command serve_command() {
  auto options = std::make_shared<Options>();
  return {
      .path = "serve",
      .summary = "Runs a broker with its controller; without any configuration on 127.0.0.1:9092",
      .define =
          [options](kernel::CommandLine line) -> kernel::CommandBody {
        add_config_options(line, options->source);
        line.footer(settings_help());
        options->program = line.program();
        return [options](Fiber& f) { return run(f, *options); };
      },
      .shards = [options](Fiber& f) -> Result<std::uint32_t> {
        const auto config = load_config(f, options->source, "serve", /*tell=*/false);
        return config ? static_cast<std::uint32_t>(config->shards) : 1u;
      },
  };
}

}  // namespace broker
