// Opening what a partition's directory holds: lazily after a clean stop, from what was synced on after a kill, else by a
// scan from the recovery point.
//
//   Recovered found = TRY(recover(f, {.directory = dir, .evidence = evidence, .config = config}));
//
// After a power loss everything from the segment of the recovery point on is read: size and checksum of each batch;
// indexes (of aborted transactions too), producers and epochs are rebuilt. At the first bad batch:
// - at or above what was known to be synced (the synced watermark, or the recovery point) it is a torn tail, never
//   acknowledged: the log is cut there and later segments go;
// - below, it is damage to acknowledged data: LogReason::damaged, an error event names file and position, and nothing
//   was touched. The same when bytes below the watermark, or all segments, are missing altogether.
// A watermark is void, not evidence, when a valid batch of a later leader epoch stands where it speaks of another, or
// the log ends before it and a newer leader epoch is on record: Kafka has written here since. The noted batch at another
// offset, or another one of an epoch that was ours, is damage.
// Offsets that are missing below the synced end, within a segment or between two, are damage too, unless the topic
// compacts, or has been compacted there, or somebody else has written.
// A gap between two segments above the synced end is a torn tail too: the older one's last bytes never arrived.
//
// After a kill on the same boot what was synced is in the page cache as it was: only what lies above the watermark is
// read and checked, when the noted batch is there and what is known of the rest fits it (indexes by their last entries,
// producers from the newest snapshot by headers, one segment meeting the next). Damage below is told to who reads it, as
// after a clean stop. Where something does not fit, or what there is is small, all is read as after a power loss.
//
// What was read from above the watermark may be in the page cache only, or be there though a sync of it has failed
// before the stop: on the same boot it is rewritten, and it is synced before it counts.
#pragma once

#include <string>
#include <vector>

#include "broker/log/leader_epochs.h"
#include "broker/log/log_directory.h"
#include "broker/log/producers_on_disk.h"
#include "broker/log/segment.h"

namespace broker::log {

struct RecoveryTask {
  std::string directory;
  WatermarkKey key;  ///< for events
  LogEvidence evidence;
  LogConfig config;
  std::shared_ptr<OpenFiles> files;  ///< that its segments share
};

struct Recovered {
  std::vector<SegmentRef> segments;  ///< at least one; the last one has its indexes and is open for writing
  Offset log_start{0};
  Offset end{0};
  LeaderEpochs epochs;
  ProducerState producers;
  Watermark watermark;  ///< of the end: all of it is synced
  bool scanned = false;  ///< it was not stopped cleanly
};

kernel::Result<Recovered> recover(kernel::Fiber& f, const RecoveryTask& task);

kernel::Result<> write_epochs(kernel::Fiber& f, const std::string& directory, const LeaderEpochs& epochs);

}  // namespace broker::log
