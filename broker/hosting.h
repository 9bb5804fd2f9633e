// Brings what a shard hosts in line with a new image: new partitions are open before the image names them, those that
// are gone leave it before their files go, and changed settings reach the logs. Only what differs is looked at.
//
//   bring_up(there, shard, next);       // on the shard; one at a time
#pragma once

#include "broker/broker_shard.h"
#include "broker/metadata/image.h"
#include "broker/placements.h"
#include "kernel/fiber.h"

namespace broker {

/// Suspends until the shard serves `next`. New partitions are opened where `places` says; one that cannot be opened is
/// hosted as offline.
void bring_up(kernel::Fiber& there, BrokerShard& shard, const metadata::ImageRef& next, const Placements& places);

/// Tries again to open what could not be opened for a reason that may pass: no space, no open files. On the shard.
void open_what_waits(kernel::Fiber& there, BrokerShard& shard);

}  // namespace broker
