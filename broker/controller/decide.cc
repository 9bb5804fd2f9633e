#include "broker/controller/decide.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "broker/config/topic_config.h"
#include "broker/controller/placement.h"
#include "broker/controller/topic_names.h"
#include "broker/placements.h"
#include "kernel/check.h"
#include "net/codec/arena.h"
#include "net/framed_record.h"
#include "net/messages/metadata_records.h"

namespace broker::controller {
namespace {

using metadata::Broker;
using metadata::Partition;
using metadata::Topic;
using net::BrokerId;
using net::ErrorCode;

/// Ids below have a meaning of their own.
constexpr std::uint64_t kReservedIds = 100;

template <class Record>
FramedValue framed(const Record& record, std::int16_t version) {
  auto value = net::encode_framed(record, version);
  CHECK(value.has_value());
  return std::move(*value);
}

Refused assign_as_told(const Image& image, const NewTopic& wanted, Topic& topic) {
  constexpr ErrorCode kCode = ErrorCode::invalid_replica_assignment;
  if (wanted.replication_factor != -1)
    return Refusal{ErrorCode::invalid_request,
                   "A manual partition assignment was specified, but replication factor was not set to -1."};
  if (wanted.partitions != -1)
    return Refusal{ErrorCode::invalid_request,
                   "A manual partition assignment was specified, but numPartitions was not set to -1."};
  std::map<std::int32_t, Partition> made;
  std::optional<std::size_t> factor;
  for (const auto& [index, replicas] : wanted.assignments) {
    if (made.contains(index))
      return Refusal{kCode, fmt::format("Found multiple manual partition assignments for partition {}", index)};
    if (auto refused = check_assignment(image, replicas, factor)) return refused;
    factor = replicas.size();
    auto placed = place(image, replicas);
    if (!placed)
      return Refusal{kCode, fmt::format("All brokers specified in the manual partition assignment for partition {} "
                                        "are fenced or in controlled shutdown.", index)};
    made.emplace(index, std::move(*placed));
  }
  for (auto& [index, partition] : made) {
    if (index != static_cast<std::int32_t>(topic.partitions.size()))
      return Refusal{kCode, "partitions should be a consecutive 0-based integer sequence"};
    topic.partitions.push_back(std::move(partition));
  }
  return std::nullopt;
}

Refused assign_by_numbers(const Image& image, const NewTopic& wanted, const TopicDefaults& defaults,
                          kernel::Random& random, Topic& topic) {
  if (wanted.replication_factor < -1 || wanted.replication_factor == 0)
    return Refusal{ErrorCode::invalid_replication_factor,
                   "Replication factor must be larger than 0, or -1 to use the default value."};
  if (wanted.partitions < -1 || wanted.partitions == 0)
    return Refusal{ErrorCode::invalid_partitions, "Number of partitions was set to an invalid non-positive value."};
  const std::int32_t partitions = wanted.partitions == -1 ? defaults.partitions : wanted.partitions;
  const std::int16_t factor =
      wanted.replication_factor == -1 ? defaults.replication_factor : wanted.replication_factor;
  return place_by_turns(image, partitions, factor, random, topic.partitions);
}

/// What speaks against a name, from what the request and the image hold.
class NameJudge {
 public:
  NameJudge(const Image& image, std::span<const NewTopic> wanted) : image_{image} {
    for (const NewTopic& one : wanted) ++asked_[one.name];
    for (const auto& [name, topic] : image.topics)
      if (name.find_first_of("._") != name.npos) by_metric_.emplace(metric_name(name), name);
  }
  [[nodiscard]] Refused judge(std::string_view name) const {
    if (asked_.find(name)->second > 1) return Refusal{ErrorCode::invalid_request, "Duplicate topic name."};
    if (name == kMetadataTopic)
      return Refusal{ErrorCode::topic_authorization_failed, "The metadata log cannot be created as a topic."};
    if (image_.topics.contains(name))
      return Refusal{ErrorCode::topic_already_exists, fmt::format("Topic '{}' already exists.", name)};
    if (auto wrong = check_topic_name(name)) return Refusal{ErrorCode::invalid_topic_exception, std::move(*wrong)};
    if (const auto other = by_metric_.find(metric_name(name)); other != by_metric_.end() && has_mark(name))
      return Refusal{ErrorCode::invalid_topic_exception,
                     fmt::format("Topic '{}' collides with existing topic: {}", name, other->second)};
    return std::nullopt;
  }

 private:
  static bool has_mark(std::string_view name) { return name.find_first_of("._") != name.npos; }
  const Image& image_;
  std::map<std::string, int, std::less<>> asked_;
  std::map<std::string, std::string, std::less<>> by_metric_;
};

Refused build_topic(const Image& image, const NewTopic& wanted, const TopicDefaults& defaults, kernel::Random& random,
                    Topic& topic) {
  if (auto wrong = config::check_topic_settings(wanted.settings))
    return Refusal{ErrorCode::invalid_config, std::move(*wrong)};
  return wanted.assignments.empty() ? assign_by_numbers(image, wanted, defaults, random, topic)
                                    : assign_as_told(image, wanted, topic);
}

void append_topic(std::vector<FramedValue>& records, const Image& image, const Topic& topic, const NewTopic& wanted) {
  records.push_back(metadata::topic_record(topic));
  std::map<std::string, std::string> settings;  // one named twice: the last counts
  for (const auto& [name, value] : wanted.settings) settings[name] = *value;
  for (const auto& [name, value] : settings)
    records.push_back(metadata::setting_record({metadata::ResourceType::topic, topic.name}, name, value));
  for (std::size_t i = 0; i < topic.partitions.size(); ++i)
    records.push_back(metadata::partition_record(topic, i, image.metadata_version()));
}

}  // namespace

CreateDecision decide_new_topics(const Image& image, std::span<const NewTopic> wanted, const TopicDefaults& defaults,
                                 kernel::Random& random) {
  const NameJudge names{image, wanted};
  CreateDecision out;
  std::size_t records = 0;
  for (const NewTopic& one : wanted) {
    CreatedTopic answer{.name = one.name};
    Topic topic{.name = one.name, .id = {}, .partitions = {}};
    Refused refused = names.judge(one.name);
    if (!refused) refused = build_topic(image, one, defaults, random, topic);
    if (refused) {
      answer.code = refused->code;
      answer.message = std::move(refused->message);
      out.answers.push_back(std::move(answer));
      continue;
    }
    records += 1 + one.settings.size() + topic.partitions.size();
    if (records > kRecordsPerChangeMax) break;
    do topic.id = net::TopicId{random_id(random)};
    while (image.topics_by_id.contains(topic.id));
    answer.id = topic.id;
    answer.partitions = static_cast<std::int32_t>(topic.partitions.size());
    answer.replication_factor = static_cast<std::int16_t>(topic.partitions.front().replicas.size());
    append_topic(out.records, image, topic, one);
    out.answers.push_back(std::move(answer));
  }
  if (records <= kRecordsPerChangeMax) return out;
  CreateDecision all_refused;
  for (const NewTopic& one : wanted)
    all_refused.answers.push_back({.name = one.name, .code = ErrorCode::policy_violation,
                                   .message = "Excessively large number of partitions per request."});
  return all_refused;
}

DeleteDecision decide_deletions(const Image& image, std::span<const net::TopicId> ids) {
  DeleteDecision out;
  std::map<net::TopicId, int> asked;
  for (const net::TopicId id : ids) ++asked[id];
  for (const net::TopicId id : ids) {
    DeletedTopic answer{.id = id};
    const metadata::Topic* topic = image.find_topic(id);
    if (topic != nullptr) answer.name = topic->name;
    if (asked[id] > 1) {
      answer.code = ErrorCode::invalid_request;
      answer.message = "Duplicate topic id.";
    } else if (topic == nullptr) {
      answer.code = ErrorCode::unknown_topic_id;
      answer.message = "This server does not host this topic ID.";
    } else {
      net::RemoveTopicRecord record;
      record.topic_id = id;
      out.records.push_back(framed(record, 0));
    }
    out.answers.push_back(std::move(answer));
  }
  return out;
}

std::vector<FramedValue> decide_registration(const Image& image, const Broker& registration) {
  Broker broker = registration;
  broker.fenced = true;
  broker.in_controlled_shutdown = false;
  if (broker.features.empty()) broker.features = supported_features();
  net::BrokerRegistrationChangeRecord unfence;
  unfence.broker_id = broker.id;
  unfence.broker_epoch = broker.epoch;
  unfence.fenced = -1;
  return {metadata::broker_record(broker, image.metadata_version()), framed(unfence, 0)};
}

namespace {
FramedValue leader_change(net::TopicId topic, std::size_t partition, BrokerId leader) {
  net::PartitionChangeRecord change;
  change.partition_id = net::PartitionId{static_cast<std::int32_t>(partition)};
  change.topic_id = topic;
  change.leader = leader;
  return framed(change, 0);
}
}  // namespace

std::vector<FramedValue> decide_directories(const Image& image, BrokerId broker, std::span<const net::Uuid> online) {
  const auto known = image.brokers.find(broker);
  if (known == image.brokers.end() || image.metadata_version() < metadata::kWithDirectories) return {};
  net::Arena arena;
  net::BrokerRegistrationChangeRecord left;
  left.broker_id = broker;
  left.broker_epoch = known->second.epoch;
  left.log_dirs = arena.copy(std::vector<net::Uuid>{online.begin(), online.end()});
  std::vector<FramedValue> out{framed(left, 2)};
  for (const auto& [id, topic] : image.topics_by_id) {
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const Partition& partition = topic->partitions[i];
      if (partition.leader != broker) continue;
      const net::Uuid directory = metadata::directory_of(partition, broker);
      if (!is_directory(directory) || std::ranges::find(online, directory) != online.end()) continue;
      out.push_back(leader_change(id, i, net::kBrokerIdNone));
    }
  }
  return out;
}

std::vector<FramedValue> decide_assignments(const Image& image, BrokerId broker,
                                            std::span<const DirectoryAssignment> assignments) {
  std::vector<FramedValue> out;
  if (image.metadata_version() < metadata::kWithDirectories) return out;
  for (const DirectoryAssignment& one : assignments) {
    const Topic* topic = image.find_topic(one.topic);
    const auto index = static_cast<std::size_t>(one.partition.raw());
    if (topic == nullptr || index >= topic->partitions.size()) continue;
    const Partition& partition = topic->partitions[index];
    const auto replica = std::ranges::find(partition.replicas, broker);
    if (replica == partition.replicas.end() || metadata::directory_of(partition, broker) == one.directory) continue;
    std::vector<net::Uuid> directories = partition.directories;
    directories.resize(partition.replicas.size());
    directories[static_cast<std::size_t>(replica - partition.replicas.begin())] = one.directory;
    net::Arena arena;
    net::PartitionChangeRecord change;
    change.partition_id = one.partition;
    change.topic_id = one.topic;
    change.directories = arena.copy(directories);
    out.push_back(framed(change, 1));
  }
  return out;
}

std::vector<FramedValue> decide_leaderships(const Image& image, BrokerId broker) {
  std::vector<FramedValue> out;
  net::Arena arena;
  for (const auto& [id, topic] : image.topics_by_id) {
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const Partition& partition = topic->partitions[i];
      const bool in_sync = std::ranges::find(partition.isr, broker) != partition.isr.end();
      // Kafka takes the one replica out of the in-sync set while its broker comes back from an unclean stop. Stopped
      // just then it leaves a partition that nobody is in sync with, and that nobody else has.
      const bool only_replica = partition.isr.empty() && partition.replicas == std::vector{broker};
      if (!(in_sync || only_replica) || (partition.leader != broker && partition.leader != net::kBrokerIdNone)) continue;
      if (!metadata::is_online(image, partition, broker)) {  // the directory it is in is not to be had
        if (partition.leader == broker) out.push_back(leader_change(id, i, net::kBrokerIdNone));
        continue;
      }
      net::PartitionChangeRecord change;
      change.partition_id = net::PartitionId{static_cast<std::int32_t>(i)};
      change.topic_id = id;
      change.leader = broker;
      if (only_replica) change.isr = arena.copy(partition.replicas);
      // There are such replicas only where the level has a version of this record that names them.
      if (only_replica && !partition.eligible_leader_replicas.empty()) change.eligible_leader_replicas.emplace();
      if (only_replica && !partition.last_known_leaders.empty()) change.last_known_elr.emplace();
      out.push_back(framed(change, change.eligible_leader_replicas || change.last_known_elr ? 2 : 0));
    }
  }
  return out;
}

ProducerIdDecision decide_producer_ids(const Image& image, BrokerId broker) {
  net::ProducerIdsRecord record;
  record.broker_id = broker;
  if (const auto at = image.brokers.find(broker); at != image.brokers.end()) record.broker_epoch = at->second.epoch;
  record.next_producer_id = net::ProducerId{image.next_producer_id.raw() + kProducerIdBlock};
  return {.block = {.first = image.next_producer_id, .count = kProducerIdBlock}, .record = framed(record, 0)};
}

std::vector<metadata::SupportedFeature> supported_features() {
  return {{"eligible.leader.replicas.version", 0, 1}, {"group.version", 0, 1},   {"kraft.version", 0, 1},
          {"metadata.version", 7, 33},                {"share.version", 0, 2},   {"streams.version", 0, 1},
          {"transaction.version", 0, 2}};
}

std::vector<FramedValue> bootstrap_records() {
  std::vector<FramedValue> out{metadata::feature_record("metadata.version", 33)};
  for (const auto& [name, min, max] : supported_features())
    if (name != "metadata.version" && name != "kraft.version") out.push_back(metadata::feature_record(name, max));
  return out;
}

net::Uuid random_id(kernel::Random& random) {
  while (true) {
    net::Uuid id{random.u64(), random.u64()};
    id.high = (id.high & ~0xf000ull) | 0x4000ull;                              // version 4
    id.low = (id.low & ~(3ull << 62)) | (2ull << 62);                          // of the usual variant
    if ((id.high != 0 || id.low >= kReservedIds) && id.text().front() != '-') return id;
  }
}

}  // namespace broker::controller
