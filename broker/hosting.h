// Brings what a shard hosts in line with a new image, in three steps, each on every shard before the next: the partitions
// of topics that are gone leave, so that new topics may have their names; new partitions are opened; and only then,
// everywhere at once, the image is shown and changed settings reach the logs. Only what differs is looked at.
//
//   const metadata::Delta delta = metadata::delta_of(*before, *next);
//   ...on each shard: remove_deleted(there, shard, delta);
//   ...on each shard: open_new(there, shard, *next, delta, places);
//   ...on each shard: show(there, shard, next, delta);
#pragma once

#include "broker/broker_shard.h"
#include "broker/metadata/delta.h"
#include "broker/metadata/image.h"
#include "broker/placements.h"
#include "kernel/fiber.h"

namespace broker {

/// Suspends until the files are gone. Whoever asks for such a partition meanwhile is told to look who leads it.
void remove_deleted(kernel::Fiber& there, BrokerShard& shard, const metadata::Delta& delta);

/// Suspends. New partitions are opened where `places` says; one that cannot be opened is hosted as offline.
void open_new(kernel::Fiber& there, BrokerShard& shard, const metadata::Image& next, const metadata::Delta& delta,
              const Placements& places);

/// Does not suspend.
void show(kernel::Fiber& there, BrokerShard& shard, const metadata::ImageRef& next, const metadata::Delta& delta);

/// Tries again to open what could not be opened for a reason that may pass: no space, no open files. On the shard.
void open_what_waits(kernel::Fiber& there, BrokerShard& shard);

}  // namespace broker
