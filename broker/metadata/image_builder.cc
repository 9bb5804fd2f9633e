#include "broker/metadata/image_builder.h"

#include <algorithm>
#include <concepts>

#include <fmt/format.h>

#include "kernel/check.h"

namespace broker::metadata {
namespace {

using kernel::fail;
using kernel::Result;

template <class T>
std::vector<T> owned(const net::List<T>& list) {
  return {list.begin(), list.end()};
}
template <class T>
std::vector<T> owned(const std::optional<net::List<T>>& list) {
  return list ? owned(*list) : std::vector<T>{};
}

// Which record of a kept type is meant.
std::string identity_of(const net::DelegationTokenRecord& record) { return std::string{record.token_id}; }
std::string identity_of(const net::UserScramCredentialRecord& record) {
  return fmt::format("{} {}", record.mechanism, record.name);
}
std::string identity_of(const net::AccessControlEntryRecord& record) { return record.id.text(); }
std::string identity_of(const net::RegisterControllerRecord& record) {
  return fmt::to_string(record.controller_id.raw());
}
std::string identity_of(const net::ZkMigrationStateRecord&) { return {}; }
std::string identity_of(const net::ClientQuotaRecord& record) {
  std::vector<std::string> parts;
  for (const auto& one : record.entity)
    parts.push_back(fmt::format("{}:{}{}:{}", one.entity_type.size(), one.entity_type, one.entity_name ? 1 : 0,
                                one.entity_name.value_or("")));
  std::ranges::sort(parts);
  std::string out{record.key};
  for (const std::string& part : parts) out += fmt::format(" {}:{}", part.size(), part);
  return out;
}

template <class Record>
concept Kept = requires(const Record& record) {
  { identity_of(record) } -> std::same_as<std::string>;
};

}  // namespace

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::unknown_topic: return "unknown_topic";
    case Reason::unknown_partition: return "unknown_partition";
    case Reason::unknown_broker: return "unknown_broker";
    case Reason::topic_exists: return "topic_exists";
    case Reason::bad_transaction: return "bad_transaction";
  }
  std::unreachable();
}

template <class Record>
Result<> ImageBuilder::keep(const Record& record, kernel::ByteView value) {
  KeptRecord key{.type = Record::kType, .identity = identity_of(record)};
  if constexpr (std::same_as<Record, net::ClientQuotaRecord>)
    if (record.remove) return forget(Record::kType, std::move(key.identity));
  image_.kept[std::move(key)] = {value.begin(), value.end()};
  return {};
}

Result<> ImageBuilder::apply(kernel::ByteView value) {
  net::Arena arena;
  const auto record = TRY(net::decode_framed<net::MetadataRecord>(value, arena));
  return std::visit(
      [&]<class Record>(const Record& change_record) -> Result<> {
        if constexpr (Kept<Record>) return keep(change_record, value);
        else return change(change_record);
      },
      record);
}

ImageRef ImageBuilder::build(net::Offset end, net::LeaderEpoch epoch, std::int64_t timestamp_ms) {
  CHECK(!in_transaction());
  changed_.clear();
  image_.offset = end;
  image_.epoch = epoch;
  image_.timestamp_ms = timestamp_ms;
  image_.invariants();
  return std::make_shared<const Image>(std::move(image_));
}

Result<> ImageBuilder::forget(std::int16_t type, std::string identity) {
  image_.kept.erase(KeptRecord{.type = type, .identity = std::move(identity)});
  return {};
}

Result<Topic*> ImageBuilder::change_topic(net::TopicId id, std::int16_t record_type) {
  if (const auto ours = changed_.find(id); ours != changed_.end()) return ours->second.get();
  const auto at = image_.topics_by_id.find(id);
  if (at == image_.topics_by_id.end()) return fail(Reason::unknown_topic, record_type);
  auto copy = std::make_shared<Topic>(*at->second);
  at->second = copy;
  image_.topics.find(copy->name)->second = copy;
  changed_.emplace(id, copy);
  return copy.get();
}

Result<Broker*> ImageBuilder::change_broker(net::BrokerId id, net::BrokerEpoch epoch, std::int16_t record_type) {
  const auto at = image_.brokers.find(id);
  if (at == image_.brokers.end() || at->second.epoch != epoch) return fail(Reason::unknown_broker, record_type);
  return &at->second;
}

Result<> ImageBuilder::change(const net::RegisterBrokerRecord& record) {
  Broker broker{.id = record.broker_id,
                .epoch = record.broker_epoch,
                .incarnation = record.incarnation_id,
                .fenced = record.fenced,
                .in_controlled_shutdown = record.in_controlled_shutdown,
                .rack = std::string{record.rack.value_or("")},
                .log_directories = owned(record.log_dirs),
                .cordoned_directories = owned(record.cordoned_log_dirs)};
  for (const auto& one : record.end_points)
    broker.endpoints.push_back({.listener = std::string{one.name}, .host = std::string{one.host}, .port = one.port,
                                .security_protocol = one.security_protocol});
  for (const auto& one : record.features)
    broker.features.push_back({std::string{one.name}, one.min_supported_version, one.max_supported_version});
  image_.brokers[record.broker_id] = std::move(broker);
  return {};
}

Result<> ImageBuilder::change(const net::UnregisterBrokerRecord& record) {
  static_cast<void>(TRY(change_broker(record.broker_id, record.broker_epoch, record.kType)));
  image_.brokers.erase(record.broker_id);
  return {};
}

Result<> ImageBuilder::change(const net::FenceBrokerRecord& record) {
  TRY(change_broker(record.id, net::BrokerEpoch{record.epoch}, record.kType))->fenced = true;
  return {};
}

Result<> ImageBuilder::change(const net::UnfenceBrokerRecord& record) {
  TRY(change_broker(record.id, net::BrokerEpoch{record.epoch}, record.kType))->fenced = false;
  return {};
}

Result<> ImageBuilder::change(const net::BrokerRegistrationChangeRecord& record) {
  Broker& broker = *TRY(change_broker(record.broker_id, record.broker_epoch, record.kType));
  if (record.fenced != 0) broker.fenced = record.fenced > 0;
  if (record.in_controlled_shutdown != 0) broker.in_controlled_shutdown = record.in_controlled_shutdown > 0;
  if (!record.log_dirs.empty()) broker.log_directories = owned(record.log_dirs);
  if (record.cordoned_log_dirs) broker.cordoned_directories = owned(*record.cordoned_log_dirs);
  return {};
}

Result<> ImageBuilder::change(const net::TopicRecord& record) {
  if (image_.topics.contains(record.name) || image_.topics_by_id.contains(record.topic_id))
    return fail(Reason::topic_exists, record.kType);
  auto topic = std::make_shared<Topic>();
  topic->name = record.name;
  topic->id = record.topic_id;
  image_.topics.emplace(topic->name, topic);
  image_.topics_by_id.emplace(topic->id, topic);
  changed_.emplace(topic->id, topic);
  return {};
}

Result<> ImageBuilder::change(const net::PartitionRecord& record) {
  Topic& topic = *TRY(change_topic(record.topic_id, record.kType));
  const auto index = static_cast<std::size_t>(record.partition_id.raw());
  // They are written in order; one that leaves a gap is not ours nor Kafka's.
  if (record.partition_id.raw() < 0 || index > topic.partitions.size())
    return fail(Reason::unknown_partition, record.kType);
  if (index == topic.partitions.size()) topic.partitions.emplace_back();
  topic.partitions[index] = Partition{.leader = record.leader,
                                      .leader_epoch = record.leader_epoch,
                                      .partition_epoch = record.partition_epoch,
                                      .replicas = owned(record.replicas),
                                      .isr = owned(record.isr),
                                      .directories = owned(record.directories),
                                      .removing_replicas = owned(record.removing_replicas),
                                      .adding_replicas = owned(record.adding_replicas),
                                      .eligible_leader_replicas = owned(record.eligible_leader_replicas),
                                      .last_known_leaders = owned(record.last_known_elr),
                                      .leader_recovery_state = record.leader_recovery_state};
  return {};
}

Result<> ImageBuilder::change(const net::PartitionChangeRecord& record) {
  Topic& topic = *TRY(change_topic(record.topic_id, record.kType));
  const auto index = static_cast<std::size_t>(record.partition_id.raw());
  if (record.partition_id.raw() < 0 || index >= topic.partitions.size())
    return fail(Reason::unknown_partition, record.kType);
  Partition& partition = topic.partitions[index];
  constexpr net::BrokerId kUnchanged{-2};
  if (record.leader != kUnchanged) {
    partition.leader = record.leader;
    partition.leader_epoch = net::LeaderEpoch{partition.leader_epoch.raw() + 1};
  }
  ++partition.partition_epoch;
  const auto replace = [](auto& field, const auto& value) {
    if (value) field = owned(*value);
  };
  replace(partition.isr, record.isr);
  replace(partition.replicas, record.replicas);
  replace(partition.removing_replicas, record.removing_replicas);
  replace(partition.adding_replicas, record.adding_replicas);
  replace(partition.directories, record.directories);
  replace(partition.eligible_leader_replicas, record.eligible_leader_replicas);
  replace(partition.last_known_leaders, record.last_known_elr);
  if (record.leader_recovery_state >= 0) partition.leader_recovery_state = record.leader_recovery_state;
  return {};
}

Result<> ImageBuilder::change(const net::RemoveTopicRecord& record) {
  const auto at = image_.topics_by_id.find(record.topic_id);
  if (at == image_.topics_by_id.end()) return fail(Reason::unknown_topic, record.kType);
  image_.settings.erase(Resource{ResourceType::topic, at->second->name});
  image_.topics.erase(at->second->name);
  image_.topics_by_id.erase(at);
  changed_.erase(record.topic_id);
  return {};
}

void ImageBuilder::clear_eligible_leaders(std::string_view topic_name) {
  const auto holds = [](const Partition& p) {
    return !p.eligible_leader_replicas.empty() || !p.last_known_leaders.empty();
  };
  for (const auto& [name, shared] : image_.topics) {
    if (!topic_name.empty() && name != topic_name) continue;
    if (std::ranges::none_of(shared->partitions, holds)) continue;
    Topic& topic = **change_topic(shared->id, net::ClearElrRecord::kType);
    for (Partition& partition : topic.partitions) {
      partition.eligible_leader_replicas.clear();
      partition.last_known_leaders.clear();
    }
  }
}

Result<> ImageBuilder::change(const net::ClearElrRecord& record) {
  if (!record.topic_name.empty() && !image_.topics.contains(record.topic_name))
    return fail(Reason::unknown_topic, record.kType);
  clear_eligible_leaders(record.topic_name);
  return {};
}

Result<> ImageBuilder::change(const net::ConfigRecord& record) {
  Resource resource{static_cast<ResourceType>(record.resource_type), std::string{record.resource_name}};
  if (record.value) {
    image_.settings[std::move(resource)].insert_or_assign(std::string{record.name}, std::string{*record.value});
    return {};
  }
  const auto at = image_.settings.find(resource);
  if (at == image_.settings.end()) return {};
  if (const auto setting = at->second.find(record.name); setting != at->second.end()) at->second.erase(setting);
  if (at->second.empty()) image_.settings.erase(at);
  return {};
}

Result<> ImageBuilder::change(const net::FeatureLevelRecord& record) {
  if (record.feature_level != 0) {
    image_.features.insert_or_assign(std::string{record.name}, record.feature_level);
  } else if (const auto at = image_.features.find(record.name); at != image_.features.end()) {
    image_.features.erase(at);
  }
  return {};
}

Result<> ImageBuilder::change(const net::ProducerIdsRecord& record) {
  image_.next_producer_id = record.next_producer_id;
  return {};
}

Result<> ImageBuilder::change(const net::NoOpRecord&) { return {}; }

Result<> ImageBuilder::change(const net::BeginTransactionRecord& record) {
  if (in_transaction()) return fail(Reason::bad_transaction, record.kType);
  before_transaction_ = std::make_unique<Image>(image_);
  changed_.clear();  // shared with the image to go back to
  return {};
}

Result<> ImageBuilder::change(const net::EndTransactionRecord& record) {
  if (!in_transaction()) return fail(Reason::bad_transaction, record.kType);
  before_transaction_.reset();
  return {};
}

Result<> ImageBuilder::change(const net::AbortTransactionRecord& record) {
  if (!in_transaction()) return fail(Reason::bad_transaction, record.kType);
  image_ = std::move(*before_transaction_);
  before_transaction_.reset();
  changed_.clear();
  return {};
}

Result<> ImageBuilder::change(const net::RemoveDelegationTokenRecord& record) {
  return forget(net::DelegationTokenRecord::kType, std::string{record.token_id});
}

Result<> ImageBuilder::change(const net::RemoveUserScramCredentialRecord& record) {
  return forget(net::UserScramCredentialRecord::kType, fmt::format("{} {}", record.mechanism, record.name));
}

Result<> ImageBuilder::change(const net::RemoveAccessControlEntryRecord& record) {
  return forget(net::AccessControlEntryRecord::kType, record.id.text());
}

Result<> ImageBuilder::change(const net::UnregisterControllerRecord& record) {
  return forget(net::RegisterControllerRecord::kType, fmt::to_string(record.controller_id.raw()));
}

}  // namespace broker::metadata
