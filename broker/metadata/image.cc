#include "broker/metadata/image.h"

#include <algorithm>

#include "kernel/check.h"

namespace broker::metadata {

const Settings& Image::settings_of(ResourceType type, std::string_view name) const {
  const auto at = settings.find(Resource{type, std::string{name}});
  return at == settings.end() ? no_settings_ : at->second;
}

std::int16_t Image::metadata_version() const {
  const auto at = features.find("metadata.version");
  return at == features.end() ? std::int16_t{0} : at->second;
}

net::Uuid directory_of(const Partition& partition, net::BrokerId replica) {
  const auto at = std::ranges::find(partition.replicas, replica);
  const auto index = static_cast<std::size_t>(at - partition.replicas.begin());
  return index < partition.directories.size() ? partition.directories[index] : net::Uuid{};
}

bool is_online(const Image& image, const Partition& partition, net::BrokerId replica) {
  const auto broker = image.brokers.find(replica);
  if (broker == image.brokers.end() || broker->second.fenced) return false;
  constexpr std::uint64_t kReservedIds = 100;  // those that name no directory
  const net::Uuid directory = directory_of(partition, replica);
  const std::vector<net::Uuid>& registered = broker->second.log_directories;
  if (registered.empty() || (directory.high == 0 && directory.low < kReservedIds)) return true;
  return std::ranges::find(registered, directory) != registered.end();
}

bool Image::same_content(const Image& other) const {
  const auto same_topic = [](const auto& a, const auto& b) { return a.first == b.first && *a.second == *b.second; };
  return cluster_id == other.cluster_id && std::ranges::equal(topics, other.topics, same_topic) &&
         brokers == other.brokers && settings == other.settings && features == other.features &&
         kraft_version == other.kraft_version && next_producer_id == other.next_producer_id && kept == other.kept;
}

void Image::invariants() const {
  CHECK(topics.size() == topics_by_id.size());
  if (!kernel::kVerify) return;
  for (const auto& [name, topic] : topics) {
    CHECK(topic->name == name);
    const auto by_id = topics_by_id.find(topic->id);
    CHECK(by_id != topics_by_id.end() && by_id->second == topic);
  }
}

}  // namespace broker::metadata
