#include "broker/log/upkeep.h"

#include <algorithm>

#include "kernel/node.h"

namespace broker::log {

using kernel::Errc;
using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

namespace {

/// After a start the disk has other things to do first.
constexpr kernel::Duration kFirstLookAfter = 30s;

bool ends_upkeep(const kernel::Error& why) { return why.is(Errc::cancelled); }
/// The log has gone, or its directory: no news, and the others go on.
bool is_over(const kernel::Error& why) { return why.is(Errc::closed) || why.is(LogReason::directory_offline); }

}  // namespace

UpkeepMetrics::UpkeepMetrics(kernel::MetricRegistry& r)
    : retention_segments_total{r.counter("kalda_log_retention_segments_total", "Segments that retention let go of")},
      retention_bytes_total{r.counter("kalda_log_retention_bytes_total", "Bytes of segments that retention let go of")},
      cleanings_total{r.counter("kalda_log_cleaner_cleanings_total", "Compactions of a log that came to their end")},
      cleanings_failed_total{r.counter("kalda_log_cleaner_failures_total", "Compactions of a log that failed")},
      cleaner_bytes_before_total{r.counter("kalda_log_cleaner_bytes_before_total", "Bytes of segments before compaction")},
      cleaner_bytes_after_total{r.counter("kalda_log_cleaner_bytes_after_total", "Bytes of segments after compaction")},
      cleaner_records_removed_total{r.counter("kalda_log_cleaner_records_removed_total", "Records compacted away")},
      cleaner_tombstones_removed_total{r.counter("kalda_log_cleaner_tombstones_removed_total",
                                                 "Tombstones compacted away because their time was over")},
      cleaner_moved_bytes_total{r.counter("kalda_log_cleaner_moved_bytes_total",
                                          "Bytes that compaction has read and written, those of the one under way too")},
      cleaner_running{r.gauge("kalda_log_cleaner_running", "Compactions under way")},
      cleaner_dirty_bytes{r.gauge("kalda_log_cleaner_dirty_bytes", "Bytes that compaction has not seen, at the last look")},
      cleaner_dirtiest_percent{r.gauge("kalda_log_cleaner_dirtiest_percent",
                                       "Share of dirty bytes of the dirtiest log, at the last look")},
      cleaner_map_fill_percent{r.gauge("kalda_log_cleaner_map_fill_percent",
                                       "How full the memory for keys was in the last compaction")},
      uncleanable_partitions{r.gauge("kalda_log_cleaner_uncleanable_partitions",
                                     "Partitions that are not compacted any more because it failed")},
      cleaning_seconds{r.histogram("kalda_log_cleaner_seconds", "Time of a compaction of one log")} {}

Result<> Upkeep::apply_retention(Fiber& f) {
  for (const std::shared_ptr<Log>& log : logs_()) {
    const auto done = log->apply_retention(f);
    TRY(f.yield());
    if (!done) {
      if (ends_upkeep(done.error())) return std::unexpected(done.error());
      if (!is_over(done.error())) {
        f.log().warn("retention_failed", {{"topic", log->identity().topic},
                                          {"partition", log->identity().partition},
                                          {"error", done.error()}});
      }
      continue;
    }
    if (done->segments == 0) continue;
    metrics_.retention_segments_total.add(static_cast<std::int64_t>(done->segments));
    metrics_.retention_bytes_total.add(static_cast<std::int64_t>(done->bytes));
    f.log().info("segments_expired", {{"topic", log->identity().topic},
                                      {"partition", log->identity().partition},
                                      {"segments", done->segments},
                                      {"size_bytes", done->bytes},
                                      {"log_start", log->log_start()}});
  }
  return {};
}

/// Answers when there will be more to remove.
Result<kernel::Mono> Upkeep::remove_leaving(Fiber& f) {
  kernel::Mono next = kernel::kNever;
  for (const std::shared_ptr<Log>& log : logs_()) {
    if (log->next_leaving() <= f.now()) {
      const auto removed = log->remove_leaving(f);
      if (!removed && ends_upkeep(removed.error())) return std::unexpected(removed.error());
      if (!removed) continue;  // with the next look at retention
    }
    next = std::min(next, log->next_leaving());
  }
  return next;
}

void Upkeep::run_retention(Fiber& f) {
  kernel::Mono next_look = kernel::saturating_add(f.now(), std::min(settings_().retention_check, kFirstLookAfter));
  while (!f.cancelled()) {
    const auto leaving = remove_leaving(f);
    if (!leaving && ends_upkeep(leaving.error())) return;
    {
      // What cannot be removed now (its log is being cut) is tried again in a moment.
      const kernel::Mono next_leaving = std::max(leaving.value_or(kernel::kNever), kernel::saturating_add(f.now(), 10ms));
      const auto within = f.deadline_at(std::min(next_look, next_leaving));
      static_cast<void>(files_leaving_.wait(f));
    }
    if (f.cancelled()) return;
    if (f.now() < next_look) continue;
    if (const auto done = apply_retention(f); !done) return;
    next_look = kernel::saturating_add(f.now(), std::max<kernel::Duration>(settings_().retention_check, 1ms));
  }
}

Result<std::vector<Upkeep::Dirty>> Upkeep::find_dirty(Fiber& f) {
  std::vector<Dirty> due;
  std::uint64_t dirty_bytes = 0;
  double dirtiest = 0;
  for (std::shared_ptr<Log>& log : logs_()) {
    if (!log->config().compacts || uncleanable_.contains(log->watermark_key())) continue;
    const auto how = log->dirtiness(f);
    if (!how) {
      if (ends_upkeep(how.error())) return std::unexpected(how.error());
      TRY(note_failure(f, *log, how.error()));
      continue;
    }
    dirty_bytes += how->dirty_bytes;
    dirtiest = std::max(dirtiest, how->ratio);
    if (how->is_due(log->config().cleanable_ratio_min)) due.push_back({std::move(log), *how});
  }
  metrics_.cleaner_dirty_bytes.set(static_cast<std::int64_t>(dirty_bytes));
  metrics_.cleaner_dirtiest_percent.set(static_cast<std::int64_t>(dirtiest * 100));
  std::ranges::sort(due, [](const Dirty& a, const Dirty& b) {
    if (a.how.overdue != b.how.overdue) return a.how.overdue;
    if (a.how.ratio != b.how.ratio) return a.how.ratio > b.how.ratio;
    return a.log->watermark_key() < b.log->watermark_key();
  });
  return due;
}

Result<> Upkeep::note_failure(Fiber& f, const Log& log, const kernel::Error& why) {
  if (ends_upkeep(why)) return std::unexpected(why);
  if (is_over(why)) return {};
  metrics_.cleanings_failed_total.add();
  const bool passes = may_pass(why) || why.is(Errc::io) || why.is(Errc::deadline);
  if (!passes) {
    uncleanable_.insert(log.watermark_key());
    metrics_.uncleanable_partitions.set(static_cast<std::int64_t>(uncleanable_.size()));
  }
  f.log().warn(passes ? "log_cleaning_postponed" : "log_uncleanable",
               {{"topic", log.identity().topic}, {"partition", log.identity().partition}, {"error", why}});
  return {};
}

Result<bool> Upkeep::clean_one(Fiber& f, Log& log) {
  const UpkeepSettings settings = settings_();
  const kernel::Mono begun = f.now();
  metrics_.cleaner_running.add(1);
  const auto cleaned = log.clean(f, {.map_bytes_max = settings.map_bytes_max,
                                     .load_factor = settings.load_factor,
                                     .chunk_bytes = settings.chunk_bytes,
                                     .rest = [&](kernel::Mono now, std::uint64_t bytes) {
                                       metrics_.cleaner_moved_bytes_total.add(static_cast<std::int64_t>(bytes));
                                       return throttle_.rest(now, bytes, settings_().bytes_per_second);
                                     }});
  metrics_.cleaner_running.add(-1);
  files_leaving_.notify_all();
  if (!cleaned) {
    TRY(note_failure(f, log, cleaned.error()));
    return false;
  }
  if (cleaned->to == cleaned->from) return false;
  metrics_.cleanings_total.add();
  metrics_.cleaner_bytes_before_total.add(static_cast<std::int64_t>(cleaned->bytes_before));
  metrics_.cleaner_bytes_after_total.add(static_cast<std::int64_t>(cleaned->bytes_after));
  metrics_.cleaner_records_removed_total.add(static_cast<std::int64_t>(cleaned->records_removed));
  metrics_.cleaner_tombstones_removed_total.add(static_cast<std::int64_t>(cleaned->tombstones_removed));
  metrics_.cleaner_map_fill_percent.set(static_cast<std::int64_t>(100 * cleaned->keys / cleaned->keys_max));
  metrics_.cleaning_seconds.record(f.now() - begun);
  f.log().info("log_cleaned", {{"topic", log.identity().topic},
                               {"partition", log.identity().partition},
                               {"first_dirty", cleaned->from},
                               {"cleaned_to", cleaned->to},
                               {"before_bytes", cleaned->bytes_before},
                               {"after_bytes", cleaned->bytes_after},
                               {"records_removed", cleaned->records_removed},
                               {"taken_ms", (f.now() - begun) / 1ms}});
  return true;
}

Result<std::size_t> Upkeep::clean_all(Fiber& f) {
  std::size_t cleaned = 0;
  const std::vector<Dirty> due = TRY(find_dirty(f));
  for (const Dirty& one : due) cleaned += TRY(clean_one(f, *one.log)) ? 1 : 0;
  return cleaned;
}

void Upkeep::run_cleaner(Fiber& f) {
  // At least a moment between two rounds, whatever is configured.
  while (f.sleep(std::max<kernel::Duration>(settings_().cleaner_backoff, 1ms))) {
    for (;;) {
      const auto cleaned = clean_all(f);
      if (!cleaned) return;
      if (*cleaned == 0) break;
    }
  }
}

}  // namespace broker::log
