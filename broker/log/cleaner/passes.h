// The two passes of a cleaning over the files of a log: one finds the last offset of each key, the other writes what
// stays into new files beside the old ones. They read a chunk at a time, leave hashing and compressing to workers, and
// ask between chunks whether and how fast to go on.
//
//   const Survey known = TRY(survey(f, segments, {.from = first_dirty, .to = bound, ...}));
//   const SegmentRef fresh = TRY(rewrite(f, group, filter, {...}));   // <base>.log.cleaned and its indexes, synced
//
// Errors of both: net::record::Reason (damage), io, disk_full, and those of `pace`.
#pragma once

#include <functional>
#include <span>

#include "broker/log/cleaner/batch_filter.h"
#include "broker/log/segment.h"
#include "kernel/fiber.h"

namespace broker::log::cleaner {

/// Called behind each chunk with the bytes that were read or written; suspends as long as they call for.
/// Errors: whatever ends the cleaning.
using Pace = std::function<kernel::Result<>(kernel::Fiber&, std::uint64_t bytes)>;

struct SurveyTask {
  Offset from{0};
  Offset to{0};
  HashSeed seed;
  std::uint64_t map_bytes_max = 128u << 20;
  double load_factor = 0.9;
  std::size_t chunk_bytes = 512u << 10;
  Pace pace;
};
struct Survey {
  OffsetMap map;
  Offset end{0};  ///< the keys of [from, end) are known; `to` unless the map was full or a transaction is undecided
  bool full = false;
  std::vector<AbortedTransaction> aborted;
  std::uint64_t bytes_read = 0;
};
/// `segments` hold all of [from, to).
kernel::Result<Survey> survey(kernel::Fiber& f, std::span<const SegmentRef> segments, const SurveyTask& task);

struct RewriteTask {
  std::string directory;
  std::uint32_t segment_index_bytes = 10u << 20;
  std::uint32_t index_interval_bytes = 4096;
  std::size_t chunk_bytes = 512u << 10;
  Pace pace;
};
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";

/// Writes what `filter` leaves of `sources`, whose aborted transactions are known, into one segment named kCleanedSuffix with the base of the first. Its files
/// are synced, their names are not. Errors also: too_large (it would grow beyond what an index can address).
kernel::Result<SegmentRef> rewrite(kernel::Fiber& f, std::span<const SegmentRef> sources, BatchFilter& filter,
                                   const RewriteTask& task);

}  // namespace broker::log::cleaner
