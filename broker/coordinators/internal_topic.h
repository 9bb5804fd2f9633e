// Internal topics are made when they are first needed, as configured.
#pragma once

#include "broker/config/broker_config.h"
#include "broker/controller/changes.h"

namespace broker::coordinators {

/// __consumer_offsets as a new topic: compacted, uncompressed by the broker, small segments.
[[nodiscard]] controller::NewTopic offsets_topic(const config::GroupConfig& config);

}  // namespace broker::coordinators
