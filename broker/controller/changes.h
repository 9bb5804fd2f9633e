// What a controller is asked to change, and its answers.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/config/alteration.h"
#include "broker/metadata/image.h"
#include "net/errors.h"
#include "net/types.h"

namespace broker::controller {

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;           ///< -1: the broker's num.partitions
  std::int16_t replication_factor = -1;   ///< -1: default.replication.factor
  /// Explicit replicas by partition, instead of the two numbers. Entry i is partition assignments[i].first.
  std::vector<std::pair<std::int32_t, std::vector<net::BrokerId>>> assignments;
  std::vector<std::pair<std::string, std::optional<std::string>>> settings;
};

/// What became of one of the wanted topics; a code other than none comes with a message for people.
struct CreatedTopic {
  std::string name;
  net::ErrorCode code{};
  std::string message;
  net::TopicId id{};   ///< zero when it was only validated
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
};
struct DeletedTopic {
  net::TopicId id{};
  std::string name;
  net::ErrorCode code{};
  std::string message;
};

/// What is wanted of the settings of one resource.
struct SettingsWish {
  metadata::Resource resource;
  config::Alterations alterations;
};
struct AlteredSettings {
  net::ErrorCode code{};
  std::string message;
};

/// Where a broker has put its replica of a partition.
struct DirectoryAssignment {
  net::TopicId topic{};
  net::PartitionId partition{0};
  net::Uuid directory{};
};

/// More partitions for a topic.
struct PartitionsWish {
  std::string name;
  std::int32_t count = 0;  ///< in all
  /// The replicas of each new partition; nothing to have them placed.
  std::optional<std::vector<std::vector<net::BrokerId>>> assignments;
};
struct GrownTopic {
  std::string name;
  net::ErrorCode code{};
  std::string message;
};

/// 1000 consecutive producer ids that nobody else gets.
struct ProducerIdBlock {
  net::ProducerId first{0};
  std::int32_t count = 0;
};
inline constexpr std::int32_t kProducerIdBlock = 1000;

}  // namespace broker::controller
