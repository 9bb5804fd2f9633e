// What is set for one broker, layer by layer: on its own resource, on the cluster's default, in its file. The first
// layer that has a name counts, then the built-in default. The first two change while the broker runs.
//
//   const Layers layers{config, image->settings_of(ResourceType::broker, "1"), image->settings_of(ResourceType::broker, "")};
//   const TopicConfig topic = resolve_topic(own_settings, layers);
//   const DynamicConfig now = dynamic_config(layers);
//
// Pure values; a shard makes a new one when either resource changes.
#pragma once

#include <chrono>

#include "broker/config/broker_config.h"

namespace broker::config {

struct Layers {
  /// What stands in the file only.
  explicit Layers(const BrokerConfig& config);
  /// `own_set` and `cluster_set` are as the metadata has them. What may not be changed while a broker runs, or holds a
  /// value we cannot take (another program wrote it), is left out.
  Layers(const BrokerConfig& config, const Given& own_set, const Given& cluster_set);

  Given own;      ///< of this broker
  Given cluster;  ///< of every broker
  Given fixed;    ///< of the file
  Given merged;   ///< what counts of each name, built-in defaults apart
};

/// Settings of the broker itself that are read where they are used, so that a change needs no restart.
struct DynamicConfig {
  std::chrono::milliseconds producer_expiration{0};
  // log.cleaner.*, of the whole node
  std::chrono::milliseconds cleaner_backoff{0};
  std::uint64_t cleaner_map_bytes = 0;
  double cleaner_load_factor = 0;
  std::uint64_t cleaner_chunk_bytes = 0;
  double cleaner_bytes_per_second = 0;
};
[[nodiscard]] DynamicConfig dynamic_config(const Layers& layers);

/// What speaks against setting these names on the resource of one broker (`is_own`) or on the cluster's default, in
/// words; nothing when they may be set. `changed` holds the new values only.
[[nodiscard]] std::optional<std::string> check_broker_change(const Layers& before, const Given& changed, bool is_own);

}  // namespace broker::config
