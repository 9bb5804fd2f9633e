// Compaction of one log: what may be cleaned, in which groups, and how the new segments take the place of the old.
//
// A group of closed segments becomes one, which is written and synced beside them as *.cleaned. Then
//   1. sync the directory, rename to *.swap, sync the directory: from here on a start completes the rest
//   2. the log in memory reads the new segment; who reads the old ones keeps their open files
//   3. the old files leave their names, sync the directory
//   4. the new ones take the names, sync the directory
// Killed before the end of 1, a start removes what was written; later, it removes the old and renames the new. Without
// the sync of 3 a power loss could bring an old segment back that overlaps with the new one.
#include <algorithm>

#include "broker/log/cleaner/passes.h"
#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "broker/log/log_directory.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Errc;
using kernel::Fiber;
using kernel::Result;

Offset Log::cleaning_bound() const {
  Offset limit = std::min(last_stable_offset(), synced_end_);
  // Only what lies before the segment of the synced watermark: recovery compares that one byte by byte.
  limit = std::min(limit, synced_mark_.segment_base);
  Offset bound = segments_.front()->base();
  for (std::size_t i = 1; i < segments_.size() && segments_[i]->base() <= limit; ++i) bound = segments_[i]->base();
  return bound;
}

Result<Log::Dirtiness> Log::dirtiness(Fiber& f) {
  Dirtiness out{.first_dirty = first_dirty(), .bound = cleaning_bound()};
  const std::vector<SegmentRef> segments = segments_;
  const std::int64_t now_ms = kernel::ms_of(f.wall());
  std::uint64_t all_bytes = 0;
  for (std::size_t i = 0; i + 1 < segments.size() && segments[i]->base() < out.bound; ++i) {
    const SegmentRef& segment = segments[i];
    if (segments[i + 1]->base() <= out.first_dirty) {
      all_bytes += segment->size_bytes();
      continue;
    }
    if (config_.compaction_lag_min_ms > 0) {
      const std::int64_t largest = TRY(segment->largest_timestamp(f));
      if ((largest >= 0 ? largest : segment->written_ms()) > now_ms - config_.compaction_lag_min_ms) {
        out.bound = segment->base();
        break;
      }
    }
    if (config_.compaction_lag_max_ms < INT64_MAX) {
      const std::int64_t first = TRY(segment->read_first_timestamp(f));
      out.overdue = out.overdue || (first > 0 && first < now_ms - config_.compaction_lag_max_ms);
    }
    all_bytes += segment->size_bytes();
    out.dirty_bytes += segment->size_bytes();
  }
  if (all_bytes > 0) out.ratio = static_cast<double>(out.dirty_bytes) / static_cast<double>(all_bytes);
  return out;
}

Result<> Log::rest(Fiber& f, const CleanRules& rules, std::uint64_t bytes) {
  const kernel::Duration pause = rules.rest ? rules.rest(f.now(), bytes) : kernel::Duration{0};
  if (pause.count() > 0 && upkeep_stops_ == 0) {
    const auto within = f.deadline_in(pause);
    static_cast<void>(upkeep_stop_.wait(f));
  } else {
    TRY(f.yield());  // appends and reads go first
  }
  if (f.cancelled()) return kernel::fail(Errc::cancelled);
  if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
  const bool goes_on = upkeep_stops_ == 0 && config_.compacts;
  return goes_on ? Result<>{} : kernel::fail(Errc::closed);
}

/// Segments from the one with base `from` on, below `end`, that fit into one.
Result<std::vector<SegmentRef>> Log::next_group(Fiber& f, Offset from, Offset end) const {
  std::vector<SegmentRef> group;
  std::uint64_t bytes = 0, index_entries = 0, time_entries = 0;
  for (std::size_t i = segment_of(from); i + 1 < segments_.size() && segments_[i]->base() < end; ++i) {
    const SegmentRef segment = segments_[i];
    TRY(segment->load_indexes(f));
    bytes += segment->size_bytes();
    index_entries += segment->index().size();
    time_entries += segment->time_index().size();
    const bool fits = bytes <= config_.segment_bytes &&
                      index_entries * OffsetIndex::kEntryBytes <= config_.segment_index_bytes &&
                      time_entries * TimeIndex::kEntryBytes <= config_.segment_index_bytes &&
                      end_of_segment(i) - segments_[segment_of(from)]->base() <= std::numeric_limits<std::int32_t>::max();
    if (!group.empty() && !fits) break;
    group.push_back(segment);
  }
  return group;
}

Result<> Log::swap_in(Fiber& f, std::span<const SegmentRef> sources, const SegmentRef& fresh) {
  // On record must be a watermark behind what changes now, or recovery would take the new bytes for somebody else's.
  TRY(directory_.store_watermark(f, *this));
  TRY(directory_.sync_directory(f, path_));
  const Result<> swapped = finish_swap(f, sources, fresh);
  // Half of the names may be changed: only a start can tell.
  if (!swapped && !swapped.error().is(Errc::cancelled)) {
    directory_.go_offline(f, swapped.error(), path_);
    return kernel::fail(LogReason::directory_offline);
  }
  return swapped;
}

namespace {
/// What a slow disk does between two steps.
Result<> pause(Fiber& f) {
  if (!f.nudge("log.swap_pauses")) return {};
  return f.sleep(std::chrono::milliseconds{10});
}
}  // namespace

Result<> Log::finish_swap(Fiber& f, std::span<const SegmentRef> sources, const SegmentRef& fresh) {
  TRY(fresh->rename(f, cleaner::kSwapSuffix));
  if (!BUG(f, "log.swap_not_synced")) TRY(directory_.sync_directory(f, path_));

  const auto first = std::ranges::find(segments_, sources.front());
  CHECK(std::ranges::equal(std::span{first, sources.size()}, sources));
  const Offset end = (*(first + static_cast<std::ptrdiff_t>(sources.size())))->base();
  CHECK(committed_border_.segment_base >= end);
  CHECK(synced_mark_.segment_base >= end);
  *first = fresh;
  segments_.erase(first + 1, first + static_cast<std::ptrdiff_t>(sources.size()));
  tail_.drop_below(end);

  TRY(pause(f));
  for (const SegmentRef& source : sources) TRY(dispose(f, *source, source->base() != fresh->base()));
  if (!BUG(f, "log.swapped_out_not_synced")) TRY(directory_.sync_directory(f, path_));
  TRY(pause(f));
  TRY(fresh->rename(f, {}));
  TRY(pause(f));
  TRY(directory_.sync_directory(f, path_));
  share(*fresh);
  fresh->seal();
  return {};
}

Result<> Log::clear_cleaned_files(Fiber& f) {
  kernel::Disk& disk = f.node().disk();
  for (const kernel::DirectoryEntry& entry : TRY(disk.list(f, path_))) {
    if (entry.name.ends_with(cleaner::kCleanedSuffix)) TRY(disk.unlink(f, path_ + "/" + entry.name));
  }
  return {};
}

Result<Log::Cleaned> Log::clean_now(Fiber& f, const CleanRules& rules) {
  const Dirtiness dirty = TRY(dirtiness(f));
  Cleaned out{.from = dirty.first_dirty, .to = dirty.first_dirty};
  if (dirty.dirty_bytes == 0 || dirty.bound <= dirty.first_dirty) return out;
  // The last batch of each producer as of an end that no crash takes back.
  cleaner::LastOfProducers last_of_producers;
  const ProducerState producers = written_producers();
  for (const auto& [id, entry] : producers.entries()) {
    auto& last = last_of_producers[id];
    last.epoch = entry.epoch;
    if (!entry.batches.empty()) last.data_offset = entry.batches.back().last_offset;
  }
  if (BUG(f, "log.compaction_forgets_producers")) last_of_producers.clear();
  TRY(sync(f));

  const cleaner::Pace pace = [&](Fiber& p, std::uint64_t bytes) { return rest(p, rules, bytes); };
  auto random = f.node().random(kernel::Domain::application, kernel::hash64(path_));
  const std::vector<SegmentRef> segments = segments_;
  const cleaner::Survey known = TRY(cleaner::survey(
      f, segments,
      {.from = dirty.first_dirty,
       .to = BUG(f, "log.compaction_beyond_bound") ? written_end_ : dirty.bound,
       .seed = {random.u64(), random.u64()},
       .map_bytes_max = rules.map_bytes_max,
       .load_factor = rules.load_factor,
       .chunk_bytes = rules.chunk_bytes,
       .pace = pace}));
  out.keys = known.map.size();
  out.keys_max = known.map.keys_max();
  if (known.end <= dirty.first_dirty) return known.full ? Result<Cleaned>{kernel::fail(Errc::exhausted)} : out;
  if (known.full) f.node().mark("broker.log.compacted_in_parts");

  const std::int64_t now_ms = BUG(f, "log.tombstone_horizon_of_records") ? TRY(segments.front()->largest_timestamp(f))
                                                                         : kernel::ms_of(f.wall());
  cleaner::BatchFilter filter{{.map = known.map,
                               .end = known.end,
                               .now_ms = now_ms,
                               .delete_retention_ms = BUG(f, "log.tombstones_go_at_once") ? 0 : config_.delete_retention_ms,
                               .aborted = known.aborted,
                               .last_of_producers = last_of_producers}};
  const cleaner::RewriteTask task{.directory = path_,
                                  .segment_index_bytes = config_.segment_index_bytes,
                                  .index_interval_bytes = config_.index_interval_bytes,
                                  .chunk_bytes = rules.chunk_bytes,
                                  .pace = pace};
  const Offset end = std::min(known.end, dirty.bound);
  for (Offset from = segments_.front()->base(); from < end;) {
    const std::vector<SegmentRef> group = TRY(next_group(f, from, end));
    const std::vector<SegmentRef> now = segments_;
    for (const SegmentRef& source : group) TRY(load_transactions(f, now, segment_of(source->base())));
    from = end_of_segment(segment_of(group.back()->base()));
    const SegmentRef fresh = TRY(cleaner::rewrite(f, group, filter, task));
    std::vector<kernel::FileHandle> in_hand;
    for (const SegmentRef& source : group) in_hand.push_back(TRY(source->file(f)));
    for (std::size_t i = 0; i < group.size(); ++i) {
      out.bytes_before += group[i]->size_bytes();
      TRY(group[i]->retire(f, in_hand[i]));
    }
    out.bytes_after += fresh->size_bytes();
    TRY(swap_in(f, group, fresh));
  }
  out.records_read = filter.counts().records_read;
  out.records_removed = filter.counts().records_removed;
  out.tombstones_removed = filter.counts().tombstones_removed;
  out.to = first_dirty_ = end;
  TRY(directory_.directory().store_first_dirty(f, identity_, end));
  f.node().mark("broker.log.compacted");
  return out;
}

Result<Log::Cleaned> Log::clean(Fiber& f, const CleanRules& rules) {
  const auto lock = TRY(upkeep_.lock(f));
  if (!accepting_ || !config_.compacts) return kernel::fail(Errc::closed);
  if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
  auto cleaned = clean_now(f, rules);
  if (cleaned) return cleaned;
  if (cleaned.error().room == kernel::Room::net) {
    f.log().error("log_damaged", {{"directory", path_}, {"error", cleaned.error()}});
    f.node().mark("broker.log.damage_detected");
    cleaned = kernel::fail(LogReason::damaged, cleaned.error().detail);
  }
  // Room for the log itself; what cannot be removed now is written over, or goes at the next start.
  if (directory_.online() && !f.cancelled()) static_cast<void>(clear_cleaned_files(f));
  return cleaned;
}

}  // namespace broker::log
