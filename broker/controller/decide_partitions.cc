#include "broker/controller/decide_partitions.h"

#include <map>

#include <fmt/format.h>

#include "broker/controller/placement.h"
#include "broker/coordinators/placement.h"

namespace broker::controller {
namespace {

using metadata::Partition;
using metadata::Topic;
using net::ErrorCode;

Refused place_as_told(const Image& image, const PartitionsWish& wish, Topic& topic) {
  const std::size_t factor = topic.partitions.front().replicas.size();
  for (const std::vector<net::BrokerId>& replicas : *wish.assignments) {
    if (auto refused = check_assignment(image, replicas, factor)) return refused;
    auto placed = place(image, replicas);
    if (!placed)
      return Refusal{ErrorCode::invalid_replica_assignment,
                     fmt::format("All brokers specified in the manual partition assignment for partition {} are fenced "
                                 "or in controlled shutdown.", topic.partitions.size())};
    topic.partitions.push_back(std::move(*placed));
  }
  return std::nullopt;
}

/// Grows `topic`, a copy of what there is.
Refused grow(const Image& image, const PartitionsWish& wish, kernel::Random& random, Topic& topic) {
  const auto count = static_cast<std::int32_t>(topic.partitions.size());
  if (wish.count == count)
    return Refusal{ErrorCode::invalid_partitions, fmt::format("Topic already has {} partition(s).", count)};
  if (wish.count < count)
    return Refusal{ErrorCode::invalid_partitions,
                   fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.", wish.name,
                               count, wish.count)};
  const std::int32_t additional = wish.count - count;
  if (!wish.assignments) {
    const auto factor = static_cast<std::int16_t>(topic.partitions.front().replicas.size());
    return place_by_turns(image, additional, factor, random, topic.partitions);
  }
  if (wish.assignments->size() != static_cast<std::size_t>(additional))
    return Refusal{ErrorCode::invalid_replica_assignment,
                   fmt::format("Attempted to add {} additional partition(s), but only {} assignment(s) were specified.",
                               additional, wish.assignments->size())};
  return place_as_told(image, wish, topic);
}

}  // namespace

PartitionsDecision decide_new_partitions(const Image& image, std::span<const PartitionsWish> wanted,
                                         kernel::Random& random) {
  PartitionsDecision out;
  std::map<std::string, int, std::less<>> asked;
  for (const PartitionsWish& wish : wanted) ++asked[wish.name];
  std::size_t records = 0;
  for (const PartitionsWish& wish : wanted) {
    GrownTopic& answer = out.answers.emplace_back(GrownTopic{.name = wish.name, .code = {}, .message = {}});
    const Topic* topic = image.find_topic(wish.name);
    Refused refused;
    Topic grown;
    if (asked.find(wish.name)->second > 1) {
      refused = Refusal{ErrorCode::invalid_request, "Duplicate topic name."};
    } else if (topic == nullptr) {
      refused = Refusal{ErrorCode::unknown_topic_or_partition, "This server does not host this topic-partition."};
    } else if (coordinators::is_internal_topic(wish.name)) {
      // Kafka takes it, and every group whose number now falls elsewhere loses its offsets.
      refused = Refusal{ErrorCode::invalid_request, "Groups and transactions of an internal topic are found by the "
                                                    "number of its partitions, which therefore stays."};
    } else {
      grown = *topic;
      refused = grow(image, wish, random, grown);
    }
    if (refused) {
      answer.code = refused->code;
      answer.message = std::move(refused->message);
      continue;
    }
    records += grown.partitions.size() - topic->partitions.size();
    if (records > kRecordsPerChangeMax) break;
    for (std::size_t i = topic->partitions.size(); i < grown.partitions.size(); ++i)
      out.records.push_back(metadata::partition_record(grown, i, image.metadata_version()));
  }
  if (records <= kRecordsPerChangeMax) return out;
  out = {};
  for (const PartitionsWish& wish : wanted)
    out.answers.push_back({.name = wish.name, .code = ErrorCode::policy_violation,
                           .message = "Excessively large number of partitions per request."});
  return out;
}

}  // namespace broker::controller
