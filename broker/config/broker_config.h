// The configuration of one broker: Kafka's server.properties and `key=value` overrides, judged as a whole.
//
//   const LoadedConfig loaded = load_broker_config(file_text, {"num.partitions=3"});
//   for (const std::string& problem : loaded.problems) complain(problem);     // then there is no config
//   serve(*loaded.config);
//
// Without a single setting: node 1, both roles, PLAINTEXT on 127.0.0.1:9092, data under .kalda/data.
// Pure: nothing is opened or resolved here.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/types.h"

namespace broker::config {

struct Listener {
  std::string name;
  std::string host;         ///< empty: all interfaces
  std::uint16_t port = 0;   ///< 0: any free one
  friend bool operator==(const Listener&, const Listener&) = default;
};

using Given = std::map<std::string, std::string, std::less<>>;

/// group.* and offsets.*: what coordinators of groups go by, and how their topic is made.
struct GroupConfig {
  std::chrono::milliseconds session_timeout_min{0};
  std::chrono::milliseconds session_timeout_max{0};
  std::chrono::milliseconds initial_rebalance_delay{0};
  std::int32_t size_max = 0;
  std::uint32_t offset_metadata_bytes_max = 0;
  std::chrono::milliseconds offsets_retention{0};
  std::chrono::milliseconds offsets_retention_check{0};
  std::chrono::milliseconds offsets_commit_timeout{0};
  std::uint32_t offsets_load_bytes = 0;
  std::int32_t offsets_partitions = 0;
  std::int16_t offsets_replication_factor = 0;
  std::uint32_t offsets_segment_bytes = 0;
  std::int32_t offsets_codec = 0;  ///< Kafka's number of a compression codec
};

/// The typed values are those of the settings with the like name; see definition.h for what each means.
struct BrokerConfig {
  net::BrokerId node_id{1};
  std::string rack;                       ///< empty when it has none
  std::vector<Listener> listeners;        ///< for clients and brokers; at least one
  /// What clients are told, one per listener and in its order. Port 0 stands for the one that was bound.
  std::vector<Listener> advertised;
  /// Not listened on: the controller runs in this process. Goes into the voter set; at least one.
  std::vector<Listener> controller_listeners;

  std::vector<std::string> log_directories;  ///< at least one
  std::string metadata_directory;            ///< may be one of them
  std::int32_t shards = 0;                   ///< 0: as many as there are processors
  std::string admin_address;
  std::optional<std::uint16_t> admin_port;   ///< none: no metrics and health over HTTP

  std::int32_t default_partitions = 1;
  std::int16_t default_replication_factor = 1;
  bool auto_create_topics = true;
  bool delete_topics = true;

  std::uint32_t request_bytes_max = 0;         ///< socket.request.max.bytes
  std::uint64_t request_memory_bytes = 0;      ///< queued.max.request.bytes; never below request_bytes_max
  std::uint32_t fetch_bytes_max = 0;
  std::uint32_t fetch_sessions_max = 0;
  std::int32_t describe_partitions_max = 0;    ///< max.request.partition.size.limit
  std::chrono::milliseconds connection_idle_max{0};  ///< 0: connections may idle for ever

  std::chrono::milliseconds producer_expiration_check{0};
  std::chrono::milliseconds checkpoint_interval{60'000};
  std::chrono::milliseconds retention_check{0};
  bool cleaner_enabled = true;
  std::uint64_t metadata_snapshot_bytes = 0;   ///< metadata.log.max.record.bytes.between.snapshots
  std::uint32_t metadata_segment_bytes = 0;
  std::chrono::milliseconds metadata_segment_age{0};

  GroupConfig groups;

  /// What was set, by name: everything that Kafka calls static.
  Given given;
};

struct LoadedConfig {
  std::optional<BrokerConfig> config;  ///< exactly when there are no problems
  /// Each a sentence that names the setting, what is wrong and what to do.
  std::vector<std::string> problems;
  std::vector<std::string> warnings;   ///< taken, but unsafe
  std::vector<std::string> notices;    ///< taken, but without meaning here
};

/// `overrides` are "key=value" and count before the text.
[[nodiscard]] LoadedConfig load_broker_config(std::string_view properties_text,
                                              std::span<const std::string> overrides = {});

/// The value in force of a known setting that takes its own, then its fallbacks', then the default into account;
/// numbers of other units are converted. Nothing when unset.
[[nodiscard]] std::optional<std::string> effective_value(std::string_view name, const Given& given);

/// Whether only this machine can reach a host as it is written in a setting.
[[nodiscard]] bool is_loopback(std::string_view host);
/// NAME://host:port, the host may be [::1]; nothing when it is not of that form.
[[nodiscard]] std::optional<Listener> parse_listener(std::string_view text);

}  // namespace broker::config
