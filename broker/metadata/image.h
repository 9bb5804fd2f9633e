// The cluster's metadata at one offset of __cluster_metadata: an immutable snapshot that every shard reads.
// Changes make a new image that shares what did not change; a reader keeps the one it took.
//
//   const ImageRef image = broker.image();
//   if (const Topic* topic = image->find_topic("orders")) ... topic->partitions[0].leader
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/types.h"
#include "net/uuid.h"

namespace broker::metadata {

struct Partition {
  net::BrokerId leader{-1};
  net::LeaderEpoch leader_epoch{0};
  std::int32_t partition_epoch = 0;
  std::vector<net::BrokerId> replicas;
  std::vector<net::BrokerId> isr;
  std::vector<net::Uuid> directories;  ///< of each replica, in its order
  std::vector<net::BrokerId> removing_replicas;
  std::vector<net::BrokerId> adding_replicas;
  std::vector<net::BrokerId> eligible_leader_replicas;
  std::vector<net::BrokerId> last_known_leaders;  ///< last_known_elr
  std::int8_t leader_recovery_state = 0;          ///< 0 recovered, 1 recovering
  friend bool operator==(const Partition&, const Partition&) = default;
};

struct Topic {
  std::string name;
  net::TopicId id{};
  std::vector<Partition> partitions;  ///< by partition id
  friend bool operator==(const Topic&, const Topic&) = default;
};
using TopicRef = std::shared_ptr<const Topic>;

struct Endpoint {
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
  std::int16_t security_protocol = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// The levels of a feature that a broker can work with.
struct SupportedFeature {
  std::string name;
  std::int16_t min = 0;
  std::int16_t max = 0;
  friend bool operator==(const SupportedFeature&, const SupportedFeature&) = default;
};

struct Broker {
  net::BrokerId id{-1};
  net::BrokerEpoch epoch{-1};
  net::Uuid incarnation{};
  bool fenced = true;
  bool in_controlled_shutdown = false;
  std::string rack;  ///< empty when it has none
  std::vector<Endpoint> endpoints;
  std::vector<net::Uuid> log_directories;
  std::vector<net::Uuid> cordoned_directories;  ///< that get no new partitions
  std::vector<SupportedFeature> features;
  friend bool operator==(const Broker&, const Broker&) = default;
};

/// Kafka's numbers of configuration resource types.
enum class ResourceType : std::int8_t { topic = 2, broker = 4, broker_logger = 8, client_metrics = 16, group = 32 };
struct Resource {
  ResourceType type = ResourceType::topic;
  std::string name;  ///< empty for the cluster-wide broker defaults
  friend auto operator<=>(const Resource&, const Resource&) = default;
};
using Settings = std::map<std::string, std::string, std::less<>>;

/// A record that is kept as it came. The key tells which earlier one it replaces.
struct KeptRecord {
  std::int16_t type = 0;
  std::string identity;  ///< within its type: a token id, an entity, a user and mechanism
  friend auto operator<=>(const KeptRecord&, const KeptRecord&) = default;
};

class Image {
 public:
  /// Exclusive end of what it contains.
  net::Offset offset{0};
  /// Of the leader that wrote the last record, and when that was.
  net::LeaderEpoch epoch{0};
  std::int64_t timestamp_ms = 0;
  std::string cluster_id;
  std::map<std::string, TopicRef, std::less<>> topics;  ///< by name
  std::map<net::TopicId, TopicRef> topics_by_id;
  std::map<net::BrokerId, Broker> brokers;
  std::map<Resource, Settings> settings;
  /// Finalized levels, but for kraft.version, which the quorum keeps.
  std::map<std::string, std::int16_t, std::less<>> features;
  std::int16_t kraft_version = 0;
  net::ProducerId next_producer_id{0};
  /// What this image does not interpret (credentials, tokens, quotas, access control, controllers): the framed
  /// values, so that a snapshot loses nothing.
  std::map<KeptRecord, std::vector<std::byte>> kept;

  [[nodiscard]] const Topic* find_topic(std::string_view name) const {
    const auto at = topics.find(name);
    return at == topics.end() ? nullptr : at->second.get();
  }
  [[nodiscard]] const Topic* find_topic(net::TopicId id) const {
    const auto at = topics_by_id.find(id);
    return at == topics_by_id.end() ? nullptr : at->second.get();
  }
  /// Explicitly set values of a resource; empty when none are.
  [[nodiscard]] const Settings& settings_of(ResourceType type, std::string_view name) const;
  /// The finalized level of metadata.version, which says how records are written; 0 when there is none yet.
  [[nodiscard]] std::int16_t metadata_version() const;
  /// The same content, wherever in the log: offset, epoch and time do not count.
  [[nodiscard]] bool same_content(const Image& other) const;
  void invariants() const;

 private:
  Settings no_settings_;  ///< what settings_of() answers for most topics
};
using ImageRef = std::shared_ptr<const Image>;

/// Whether the replica's broker serves, and so does the directory the replica is in, as far as it is known.
[[nodiscard]] bool is_online(const Image& image, const Partition& partition, net::BrokerId replica);
/// The directory of that replica; zero when it is not known.
[[nodiscard]] net::Uuid directory_of(const Partition& partition, net::BrokerId replica);

}  // namespace broker::metadata
