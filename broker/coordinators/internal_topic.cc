#include "broker/coordinators/internal_topic.h"

#include <fmt/format.h>

#include "broker/coordinators/placement.h"

namespace broker::coordinators {

controller::NewTopic offsets_topic(const config::GroupConfig& config) {
  controller::NewTopic topic;
  topic.name = kOffsetsTopic;
  topic.partitions = config.offsets_partitions;
  topic.replication_factor = config.offsets_replication_factor;
  topic.settings = {{"cleanup.policy", "compact"},
                    {"compression.type", "producer"},
                    {"segment.bytes", fmt::to_string(config.offsets_segment_bytes)}};
  return topic;
}

}  // namespace broker::coordinators
