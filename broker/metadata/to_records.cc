#include "broker/metadata/to_records.h"

#include "kernel/check.h"
#include "net/codec/arena.h"
#include "net/framed_record.h"

namespace broker::metadata {
namespace {

// From which metadata.version on a record may be written in which version.
constexpr std::int16_t kWithEligibleLeaders = 23;   // 4.0-IV1
constexpr std::int16_t kWithCordonedDirectories = 30;  // 4.3-IV0

template <class Record>
FramedValue framed(const Record& record, std::int16_t version) {
  auto value = net::encode_framed(record, version);
  CHECK(value.has_value());  // what an image holds fits the version its level allows
  return std::move(*value);
}

void append_kept(std::vector<FramedValue>& out, const Image& image, std::int16_t type) {
  for (auto at = image.kept.lower_bound(KeptRecord{.type = type, .identity = {}});
       at != image.kept.end() && at->first.type == type; ++at)
    out.push_back(at->second);
}

}  // namespace

FramedValue broker_record(const Broker& broker, std::int16_t metadata_version) {
  net::Arena arena;
  const bool with_directories = metadata_version >= kWithDirectories;
  const bool with_cordoned = metadata_version >= kWithCordonedDirectories;
  net::RegisterBrokerRecord record;
  record.broker_id = broker.id;
  record.broker_epoch = broker.epoch;
  record.incarnation_id = broker.incarnation;
  record.fenced = broker.fenced;
  record.in_controlled_shutdown = broker.in_controlled_shutdown;
  record.rack = std::nullopt;
  if (!broker.rack.empty()) record.rack = broker.rack;
  for (const Endpoint& one : broker.endpoints)
    arena.push_back(record.end_points, {.name = one.listener, .host = one.host, .port = one.port,
                                        .security_protocol = one.security_protocol, .unknown_tags = {}});
  for (const SupportedFeature& one : broker.features)
    arena.push_back(record.features, {.name = one.name, .min_supported_version = one.min,
                                      .max_supported_version = one.max, .unknown_tags = {}});
  if (with_directories) record.log_dirs = arena.copy(broker.log_directories);
  if (with_cordoned && !broker.cordoned_directories.empty())
    record.cordoned_log_dirs = arena.copy(broker.cordoned_directories);
  return framed(record, with_cordoned ? 4 : with_directories ? 3 : 1);
}

FramedValue topic_record(const Topic& topic) {
  net::TopicRecord record;
  record.name = topic.name;
  record.topic_id = topic.id;
  return framed(record, 0);
}

FramedValue partition_record(const Topic& topic, std::size_t partition, std::int16_t metadata_version) {
  net::Arena arena;
  const Partition& from = topic.partitions[partition];
  const bool with_directories = metadata_version >= kWithDirectories;
  const bool with_eligible = metadata_version >= kWithEligibleLeaders;
  net::PartitionRecord record;
  record.partition_id = net::PartitionId{static_cast<std::int32_t>(partition)};
  record.topic_id = topic.id;
  record.replicas = arena.copy(from.replicas);
  record.isr = arena.copy(from.isr);
  record.removing_replicas = arena.copy(from.removing_replicas);
  record.adding_replicas = arena.copy(from.adding_replicas);
  record.leader = from.leader;
  record.leader_recovery_state = from.leader_recovery_state;
  record.leader_epoch = from.leader_epoch;
  record.partition_epoch = from.partition_epoch;
  if (with_directories) record.directories = arena.copy(from.directories);
  if (with_eligible && !from.eligible_leader_replicas.empty())
    record.eligible_leader_replicas = arena.copy(from.eligible_leader_replicas);
  if (with_eligible && !from.last_known_leaders.empty())
    record.last_known_elr = arena.copy(from.last_known_leaders);
  return framed(record, with_eligible ? 2 : with_directories ? 1 : 0);
}

FramedValue setting_record(const Resource& resource, std::string_view name, std::optional<std::string_view> value) {
  net::ConfigRecord record;
  record.resource_type = static_cast<std::int8_t>(resource.type);
  record.resource_name = resource.name;
  record.name = name;
  record.value = value;
  return framed(record, 0);
}

FramedValue feature_record(std::string_view name, std::int16_t level) {
  net::FeatureLevelRecord record;
  record.name = name;
  record.feature_level = level;
  return framed(record, 0);
}

std::vector<FramedValue> to_records(const Image& image) {
  std::vector<FramedValue> out;
  const std::int16_t level = image.metadata_version();
  if (level != 0) out.push_back(feature_record("metadata.version", level));
  for (const auto& [name, feature_level] : image.features)
    if (name != "metadata.version") out.push_back(feature_record(name, feature_level));

  for (const auto& [id, broker] : image.brokers) out.push_back(broker_record(broker, level));
  append_kept(out, image, net::RegisterControllerRecord::kType);

  for (const auto& [id, topic] : image.topics_by_id) {
    out.push_back(topic_record(*topic));
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) out.push_back(partition_record(*topic, i, level));
  }
  for (const auto& [resource, settings] : image.settings)
    for (const auto& [name, value] : settings) out.push_back(setting_record(resource, name, value));

  append_kept(out, image, net::ClientQuotaRecord::kType);
  if (image.next_producer_id.raw() > 0) {
    net::ProducerIdsRecord record;
    record.broker_id = net::kBrokerIdNone;
    record.next_producer_id = image.next_producer_id;
    out.push_back(framed(record, 0));
  }
  append_kept(out, image, net::AccessControlEntryRecord::kType);
  append_kept(out, image, net::UserScramCredentialRecord::kType);
  append_kept(out, image, net::DelegationTokenRecord::kType);
  append_kept(out, image, net::ZkMigrationStateRecord::kType);
  return out;
}

}  // namespace broker::metadata
