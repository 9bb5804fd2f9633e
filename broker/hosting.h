// Brings what a shard hosts in line with a new image: new partitions are open before the image names them, those that
// are gone leave it before their files go, and changed settings reach the logs. Only what differs is looked at.
//
//   bring_up(there, shard, next);       // on the shard; one at a time
#pragma once

#include "broker/broker_shard.h"
#include "broker/metadata/image.h"
#include "kernel/fiber.h"

namespace broker {

/// Suspends until the shard serves `next`. A partition that cannot be opened is hosted as offline.
void bring_up(kernel::Fiber& there, BrokerShard& shard, const metadata::ImageRef& next);

}  // namespace broker
