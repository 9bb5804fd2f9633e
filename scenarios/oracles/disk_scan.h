// What the log directories really hold, read straight from a machine's disk without the broker's help.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/record/batch_header.h"
#include "scenarios/run.h"
#include "sim/disk_image.h"

namespace scenarios {

struct ScannedLog {
  std::vector<net::record::BatchHeader> batches;  ///< whole and undamaged, from the start on
  bool ends_cleanly = true;                       ///< nothing but batches
};
/// Partition directories (not those on their way to deletion) under `log_directory`.
std::map<std::string, ScannedLog> scan_logs(const sim::DiskImage& image, std::string_view log_directory);

/// R12: `recovered` is a batch-aligned prefix of what survived the crash.
void check_recovered(Run& run, const std::map<std::string, ScannedLog>& survived,
                     const std::map<std::string, ScannedLog>& recovered);
/// L2 and I2 at rest: offsets are dense, sequences of a producer follow one another.
void check_shape(Run& run, const std::map<std::string, ScannedLog>& logs);

}  // namespace scenarios
