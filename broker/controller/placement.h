// On which brokers new partitions go: as somebody tells, or in turns. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/metadata/image.h"
#include "kernel/random.h"
#include "net/errors.h"

namespace broker::controller {

/// Why something wanted is not done, for people too.
struct Refusal {
  net::ErrorCode code{};
  std::string message;
};
using Refused = std::optional<Refusal>;

/// What speaks against one partition's replicas as they were told. `factor`: what other partitions have.
[[nodiscard]] Refused check_assignment(const metadata::Image& image, const std::vector<net::BrokerId>& replicas,
                                       std::optional<std::size_t> factor);
/// A new partition on these brokers, the active ones in sync; nothing when none of them is active.
[[nodiscard]] std::optional<metadata::Partition> place(const metadata::Image& image,
                                                       std::vector<net::BrokerId> replicas);
/// Appends `count` new partitions to `out`: active brokers first, as leaders in turn from a random one on; others only
/// follow. More than kRecordsPerChangeMax are refused by the caller: so many and one are appended without a place.
[[nodiscard]] Refused place_by_turns(const metadata::Image& image, std::int32_t count, std::int16_t factor,
                                     kernel::Random& random, std::vector<metadata::Partition>& out);

}  // namespace broker::controller
