// What leaves a log at its front: where the log start is moved to, and how whole segments below it go.
#include <algorithm>

#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "broker/log/log_directory.h"
#include "broker/log/recovery.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Errc;
using kernel::Fiber;
using kernel::Result;

namespace {
/// Longer than any process lives, and far from where nanoseconds overflow.
constexpr std::chrono::milliseconds kDelayMax = std::chrono::years{100};
}  // namespace

Result<> Log::advance_start(Fiber& f, Offset start) { return settled(f, advance_start_now(f, start)); }

Result<> Log::advance_start_now(Fiber& f, Offset start) {
  TRY(persist_start(f, start));
  if (upkeep_.locked()) return {};
  const auto lock = TRY(upkeep_.lock(f));
  const auto whole = f.shield();
  if (left_) return {};
  TRY(drop_below_start(f));
  return {};
}

/// First the note: once it is safe the segments below may go in any order, and a crash brings none of them back.
Result<> Log::persist_start(Fiber& f, Offset start) {
  const auto one_at_a_time = TRY(starting_.lock(f));
  // A client's deadline must not leave a file in the making that the next writer of it would meet.
  const auto whole = f.shield();
  if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
  if (left_) return kernel::fail(Errc::closed);
  start = std::min(start, committed_);
  if (start <= log_start_) return {};
  if (!BUG(f, "log.start_not_noted")) TRY(directory_.directory().store_log_start(f, identity_, start));
  log_start_ = start;
  const auto lock = TRY(structure_.lock(f));
  epochs_dirty_ |= epochs_.truncate_from_start(start);
  return store_epochs(f);
}

Result<Log::Retained> Log::drop_below_start(Fiber& f) {
  Retained done;
  // Others only add at the end meanwhile.
  while (segments_.size() > 1 && segments_[1]->base() <= log_start_) {
    const SegmentRef gone = segments_.front();
    // Readers that have begun there go on; if it cannot be opened for them, they hear that it is gone.
    const auto file = gone->file(f);
    static_cast<void>(gone->retire(f, file ? *file : nullptr));
    segments_.erase(segments_.begin());
    TRY(dispose(f, *gone, /*with_snapshot=*/true));
    ++done.segments;
    done.bytes += gone->size_bytes();
  }
  if (done.segments > 0) TRY(f.node().disk().sync_directory(f, path_));
  return done;
}

Result<> Log::dispose(Fiber& f, const Segment& gone, bool with_snapshot) {
  kernel::Disk& disk = f.node().disk();
  const kernel::Duration delay = std::min(std::chrono::milliseconds{config_.file_delete_delay_ms}, kDelayMax);
  std::vector<std::string> files;
  for (const std::string_view suffix : kSegmentSuffixes) files.push_back(gone.path(suffix));
  if (with_snapshot) files.push_back(gone.path(".snapshot"));
  for (const std::string& file : files) {
    const Result<> moved = delay.count() > 0 ? disk.rename(f, file, file + ".deleted") : disk.unlink(f, file);
    if (!moved && moved.error().is(Errc::no_such_file)) continue;
    TRY(moved);
    if (delay.count() <= 0) continue;
    const kernel::Mono due = kernel::saturating_add(f.now(), delay);
    leaving_.insert(std::ranges::upper_bound(leaving_, due, {}, &Leaving::due), {due, file + ".deleted"});
  }
  return {};
}

Result<> Log::remove_leaving(Fiber& f) {
  while (!leaving_.empty() && leaving_.front().due <= f.now() && accepting_) {
    const std::string path = std::move(leaving_.front().path);
    leaving_.pop_front();
    const Result<> gone = f.node().disk().unlink(f, path);
    if (!gone && !gone.error().is(Errc::no_such_file)) return settled(f, gone);
  }
  return {};
}

/// The base of the first segment that the policy keeps.
Result<Offset> Log::retained_from(Fiber& f, std::int64_t now_ms) {
  if (!config_.deletes && !BUG(f, "log.retention_of_compacted")) return log_start_;
  std::size_t kept = 0;
  const auto may_go = [&] {
    if (kept == segments_.size()) return false;
    const bool is_active = kept + 1 == segments_.size();
    if (is_active && segments_[kept]->size_bytes() == 0) return false;
    return end_of_segment(kept) <= committed_;
  };
  if (config_.retention_bytes >= 0) {
    std::uint64_t total = size_bytes();
    const auto goes = [&] {
      const std::uint64_t left = BUG(f, "log.retention_leaves_less") ? 0 : segments_[kept]->size_bytes();
      return total >= left + static_cast<std::uint64_t>(config_.retention_bytes);
    };
    while (may_go() && goes())
      total -= segments_[kept++]->size_bytes();
  }
  if (config_.retention_ms >= 0) {
    while (may_go()) {
      const SegmentRef segment = segments_[kept];
      const std::int64_t largest = BUG(f, "log.retention_by_first_record") ? TRY(segment->read_first_timestamp(f))
                                                                           : TRY(segment->largest_timestamp(f));
      if (now_ms - (largest >= 0 ? largest : segment->written_ms()) <= config_.retention_ms) break;
      // Nothing goes because of a number that nobody has held against the batches.
      if (!segment->indexes_loaded()) {
        TRY(segment->load_indexes(f));
        continue;
      }
      ++kept;
    }
  }
  if (kept < segments_.size()) return segments_[kept]->base();
  // All of it: the active segment is closed, unless something has come meanwhile.
  const SegmentRef active = segments_.back();
  const std::uint64_t bytes = active->size_bytes();
  const auto lock = TRY(structure_.lock(f));
  if (segments_.back() == active && active->size_bytes() == bytes && written_end_ <= committed_) {
    const Result<> rolled = settled(f, roll(f));
    if (!rolled) return std::unexpected(rolled.error());
    f.node().mark("broker.log.rolled_by_retention");
  }
  return segments_.back()->base();
}

Result<Log::Retained> Log::apply_retention(Fiber& f) {
  if (upkeep_.locked() || upkeep_stops_ > 0) return Retained{};
  const auto lock = TRY(upkeep_.lock(f));
  if (!accepting_) return kernel::fail(Errc::closed);
  const auto step = [&]() -> Result<Retained> {
    Retained done = TRY(drop_below_start(f));
    const Offset from = TRY(retained_from(f, kernel::ms_of(f.wall())));
    if (from <= log_start_) return done;
    TRY(persist_start(f, from));
    f.node().mark("broker.log.retention_moved_start");
    readable_.notify_all();
    const Retained more = TRY(drop_below_start(f));
    return Retained{done.segments + more.segments, done.bytes + more.bytes};
  };
  const Result<Retained> done = step();
  if (!done) return std::unexpected(settled(f, std::unexpected(done.error())).error());
  return done;
}

}  // namespace broker::log
