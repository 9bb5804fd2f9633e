// What records a change needs: pure functions of an image, without I/O. Answers and checks are Kafka's, in its order.
//
//   TopicDecision decided = decide_new_topics(*image, wanted, defaults, random);
//   if (!validate_only) write(decided.records);
//   return decided.answers;
#pragma once

#include <span>
#include <vector>

#include "broker/controller/changes.h"
#include "broker/metadata/image.h"
#include "broker/metadata/to_records.h"
#include "kernel/random.h"

namespace broker::controller {

using metadata::FramedValue;
using metadata::Image;

struct TopicDefaults {
  std::int32_t partitions = 1;
  std::int16_t replication_factor = 1;
};

/// A request that makes more records than this is refused as a whole, as Kafka does.
inline constexpr std::size_t kRecordsPerChangeMax = 10'000;

struct CreateDecision {
  std::vector<CreatedTopic> answers;  ///< one for each wanted, in order
  std::vector<FramedValue> records;   ///< to be written together
};
[[nodiscard]] CreateDecision decide_new_topics(const Image& image, std::span<const NewTopic> wanted,
                                               const TopicDefaults& defaults, kernel::Random& random);

struct DeleteDecision {
  std::vector<DeletedTopic> answers;
  std::vector<FramedValue> records;
};
[[nodiscard]] DeleteDecision decide_deletions(const Image& image, std::span<const net::TopicId> ids);

/// The registration of a broker with the epoch it names, and that it serves at once.
[[nodiscard]] std::vector<FramedValue> decide_registration(const Image& image, const metadata::Broker& registration);
/// What makes it known that of a broker's directories only `online` are left: partitions in others have no leader, as
/// long as nobody else is in sync.
[[nodiscard]] std::vector<FramedValue> decide_directories(const Image& image, net::BrokerId broker,
                                                          std::span<const net::Uuid> online);
/// In which directories a broker has put its replicas. What is known already, or does not exist, makes no record.
[[nodiscard]] std::vector<FramedValue> decide_assignments(const Image& image, net::BrokerId broker,
                                                          std::span<const DirectoryAssignment> assignments);
/// What makes a broker that has started anew the leader of what it led, or can lead: a new leader epoch for each
/// partition, since its log may be shorter than what was read from it before. In a directory that it does not have
/// now it leads nothing.
[[nodiscard]] std::vector<FramedValue> decide_leaderships(const Image& image, net::BrokerId broker);

/// The next block, whoever asks for it.
struct ProducerIdDecision {
  ProducerIdBlock block;
  FramedValue record;
};
[[nodiscard]] ProducerIdDecision decide_producer_ids(const Image& image, net::BrokerId broker);

/// The features that this release works with, and how far each goes.
[[nodiscard]] std::vector<metadata::SupportedFeature> supported_features();
/// The records a new cluster starts with, as Kafka 4.4 has them: the level of each feature.
[[nodiscard]] std::vector<FramedValue> bootstrap_records();

/// Not zero, not one of the ids that mean something, without '-' in front (it would look like an option).
[[nodiscard]] net::Uuid random_id(kernel::Random& random);

}  // namespace broker::controller
