// What records more partitions of topics need: pure, as decide.h, with Kafka's checks in its order.
#pragma once

#include <span>
#include <vector>

#include "broker/controller/changes.h"
#include "broker/controller/decide.h"
#include "broker/metadata/image.h"
#include "kernel/random.h"

namespace broker::controller {

struct PartitionsDecision {
  std::vector<GrownTopic> answers;  ///< one for each wanted, in order
  std::vector<FramedValue> records;
};
[[nodiscard]] PartitionsDecision decide_new_partitions(const Image& image, std::span<const PartitionsWish> wanted,
                                                       kernel::Random& random);

}  // namespace broker::controller
