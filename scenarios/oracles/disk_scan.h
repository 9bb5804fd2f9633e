// What the log directories really hold, read straight from a machine's disk without the broker's help.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "broker/log/checkpoint_files.h"
#include "net/record/batch_header.h"
#include "scenarios/run.h"
#include "sim/disk_image.h"

namespace scenarios {

struct ScannedLog {
  std::vector<net::record::BatchHeader> batches;  ///< whole and undamaged, from the start on
  std::string directory;                          ///< the log directory
  bool ends_cleanly = true;                       ///< nothing but batches
  std::optional<std::vector<broker::log::EpochStart>> epochs;  ///< nothing when the file cannot be read
  net::Offset start{0};  ///< log-start-offset-checkpoint: what lies below is gone
  net::Offset active_base{0};  ///< where the newest segment begins
  /// Where the first gap is, or the end: what a recovery can keep.
  [[nodiscard]] net::Offset whole_end() const;
};
/// Whether a scenario has this log compacted: its offsets have gaps then, and what lies below its newest segment is
/// rewritten.
[[nodiscard]] bool is_compacted(std::string_view log);
/// Partition directories (not those on their way to deletion) under `log_directories`.
std::map<std::string, ScannedLog> scan_logs(const sim::DiskImage& image, std::span<const std::string> log_directories);

/// The records of one log.
struct ScannedRecords {
  net::Offset start{0};
  net::Offset active_base{0};
  std::map<std::int64_t, std::string> keys;                     ///< by offset; a record without a key has ""
  std::map<net::ProducerId, net::Offset> last_of_producer;      ///< last offset of its last batch
};
/// Nothing when there is no such log, or a compaction is exchanging its files just now.
std::optional<ScannedRecords> scan_records(const sim::DiskImage& image, std::span<const std::string> log_directories,
                                           const std::string& log);

/// R12: `recovered` is a batch-aligned prefix of what survived the crash.
void check_recovered(Run& run, const std::map<std::string, ScannedLog>& survived,
                     const std::map<std::string, ScannedLog>& recovered);
/// R5: the epoch of every batch that is not below the start is on record where it began, at every start.
void check_epochs(Run& run, const std::map<std::string, ScannedLog>& logs);
/// L2 and I2 at rest: offsets are dense (of a compacted log: they rise), sequences of a producer follow one another.
/// A log of `relaxed` may have lost what a producer's first sequences were in.
void check_shape(Run& run, const std::map<std::string, ScannedLog>& logs, const std::set<std::string>& relaxed);

}  // namespace scenarios
