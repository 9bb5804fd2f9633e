// Looks after the logs of one shard behind the backs of those who use them: retention, files that wait for their
// removal, compaction. Two fibers of low priority, which yield between the pieces of their work.
//
//   log::Upkeep upkeep{shard.metrics(), [&] { return logs_hosted_here(); }, [&] { return settings_now(); }};
//   scope.spawn("retention", [&](Fiber& f) { upkeep.run_retention(f); });      // until cancelled
//   scope.spawn("cleaner", [&](Fiber& f) { upkeep.run_cleaner(f); });
//
// A log whose compaction fails for what lies in it is not tried again until a restart: an event names it and
// kalda_log_cleaner_uncleanable_partitions counts it. Where the disk is full or does not answer it is tried again.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "broker/log/cleaner/throttle.h"
#include "broker/log/log.h"
#include "kernel/fiber.h"
#include "kernel/metrics.h"
#include "kernel/notify.h"

namespace broker::log {

/// This shard's share; asked for again before each piece of work.
struct UpkeepSettings {
  kernel::Duration retention_check{0};
  kernel::Duration cleaner_backoff{0};
  std::uint64_t map_bytes_max = 0;
  double load_factor = 0.9;
  std::size_t chunk_bytes = 1;
  double bytes_per_second = 1;
};

struct UpkeepMetrics {
  explicit UpkeepMetrics(kernel::MetricRegistry& r);
  kernel::Counter retention_segments_total;
  kernel::Counter retention_bytes_total;
  kernel::Counter cleanings_total;
  kernel::Counter cleanings_failed_total;
  kernel::Counter cleaner_bytes_before_total;
  kernel::Counter cleaner_bytes_after_total;
  kernel::Counter cleaner_records_removed_total;
  kernel::Counter cleaner_tombstones_removed_total;
  kernel::Counter cleaner_moved_bytes_total;
  kernel::Gauge cleaner_running;
  kernel::Gauge cleaner_dirty_bytes;
  kernel::Gauge cleaner_dirtiest_percent;
  kernel::Gauge cleaner_map_fill_percent;
  kernel::Gauge uncleanable_partitions;
  kernel::Histogram cleaning_seconds;
};

class Upkeep {
 public:
  using Logs = std::function<std::vector<std::shared_ptr<Log>>()>;
  using Settings = std::function<UpkeepSettings()>;
  Upkeep(kernel::MetricRegistry& metrics, Logs logs, Settings settings)
      : metrics_{metrics}, logs_{std::move(logs)}, settings_{std::move(settings)} {}

  /// Until the fiber is cancelled.
  void run_retention(kernel::Fiber& f);
  void run_cleaner(kernel::Fiber& f);

  /// One look at every log. Errors: cancelled, directory_offline.
  kernel::Result<> apply_retention(kernel::Fiber& f);
  /// Compacts each log that needs it once, the overdue and then the dirtiest ones first. Answers how many are cleaner
  /// than before. Errors: cancelled, directory_offline.
  kernel::Result<std::size_t> clean_all(kernel::Fiber& f);
  [[nodiscard]] const UpkeepMetrics& metrics() const { return metrics_; }

 private:
  struct Dirty {
    std::shared_ptr<Log> log;
    Log::Dirtiness how;
  };
  kernel::Result<std::vector<Dirty>> find_dirty(kernel::Fiber& f);
  kernel::Result<bool> clean_one(kernel::Fiber& f, Log& log);
  kernel::Result<> note_failure(kernel::Fiber& f, const Log& log, const kernel::Error& why);
  kernel::Result<kernel::Mono> remove_leaving(kernel::Fiber& f);

  UpkeepMetrics metrics_;
  Logs logs_;
  Settings settings_;
  cleaner::Throttle throttle_;
  std::set<WatermarkKey> uncleanable_;
  kernel::Notify files_leaving_;
};

}  // namespace broker::log
