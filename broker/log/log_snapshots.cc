// Snapshots of the producers while a segment is being written. A start after a kill applies the headers behind the
// newest but one below the synced watermark, instead of all from the segment's base on.
//
// They are not synced: for a start after a power loss those at the bases of segments count. Two are kept, for the
// watermark may not have come to the newest yet.
#include <algorithm>

#include "broker/log/log.h"
#include "broker/log/producers_on_disk.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Buffer;
using kernel::Fiber;
using kernel::Result;

namespace {
/// Headers of so much are read in a millisecond; a snapshot costs about 0.1 ms.
constexpr std::uint64_t kBetweenSnapshotsBytes = 4u << 20;
/// And at least so many times its size: many producers must not cost more than their batches.
constexpr std::uint64_t kBetweenSnapshotsOfSize = 64;
constexpr std::size_t kSnapshotsBetweenMax = 2;
}  // namespace

Result<> Log::keep_producers(Fiber& w) {
  const std::uint64_t behind = written_border_.log_bytes - snapshots_.log_bytes;
  if (behind < std::max(kBetweenSnapshotsBytes, kBetweenSnapshotsOfSize * snapshots_.bytes) && !w.nudge("log.snapshot_early"))
    return {};
  snapshots_.log_bytes = written_border_.log_bytes;
  // Of transactions that were aborted before it the start hears from the file alone.
  TRY(segments_.back()->write_indexes(w, /*all=*/true));
  const Offset at = written_end_;
  const std::vector<std::byte> content = written_producers().encode_snapshot();
  snapshots_.bytes = content.size();
  kernel::Disk& disk = w.node().disk();
  const std::string path = path_ + "/" + segment_file_name(at, ".snapshot");
  {
    const kernel::FileHandle file = TRY(disk.open(w, path + ".tmp", kernel::OpenMode::create_empty()));
    const std::array<Buffer, 1> chain{Buffer::copy_of(content)};
    TRY(kernel::write_all(w, *file, 0, chain));
  }
  TRY(disk.rename(w, path + ".tmp", path));
  auto& between = snapshots_.between;
  if (between.empty() || between.back() != at) between.push_back(at);
  while (between.size() > kSnapshotsBetweenMax) {
    const Offset old = between.front();
    between.pop_front();
    // What was the end when it was written may be a segment's base now.
    if (std::ranges::find(segments_, old, &Segment::base) != segments_.end()) continue;
    const auto gone = disk.unlink(w, path_ + "/" + segment_file_name(old, ".snapshot"));
    if (!gone && !gone.error().is(kernel::Errc::no_such_file)) return gone;
  }
  return {};
}

}  // namespace broker::log
