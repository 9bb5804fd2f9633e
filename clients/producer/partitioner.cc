#include "clients/producer/partitioner.h"

#include "net/record/partitioning.h"

namespace clients::producer {

net::PartitionId Partitioner::choose(std::string_view name, const core::TopicInfo& topic,
                                     const net::record::NullableBytes& key, std::size_t bytes) {
  if (key) return net::record::partition_of_key(*key, static_cast<std::int32_t>(topic.partitions.size()));
  auto found = sticky_.find(name);
  if (found == sticky_.end()) found = sticky_.emplace(std::string{name}, Sticky{}).first;
  Sticky& sticky = found->second;
  const core::PartitionInfo* current = topic.find(sticky.partition);
  const bool led = current != nullptr && current->leader != net::kBrokerIdNone;
  if (!led || sticky.bytes >= sticky_bytes_) sticky = {draw(topic), 0};
  sticky.bytes += bytes;
  return sticky.partition;
}

net::PartitionId Partitioner::draw(const core::TopicInfo& topic) {
  std::vector<net::PartitionId> led;
  for (const auto& [id, partition] : topic.partitions) {
    if (partition.leader != net::kBrokerIdNone) led.push_back(id);
  }
  if (!led.empty()) return led[random_.below(led.size())];
  return net::PartitionId{static_cast<std::int32_t>(random_.below(topic.partitions.size()))};
}

}  // namespace clients::producer
