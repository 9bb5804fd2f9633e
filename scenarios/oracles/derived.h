// What is derived from a log and kept beside it equals what the log says.
//
//   check_producers(run, image, "/data");        // after an orderly stop: I3
//   MetadataHistory metadata{run};
//   metadata.look(image, "/data");               // whenever all that is on the disk is there for good: M4 and M5
#pragma once

#include <map>
#include <string_view>

#include "scenarios/run.h"
#include "sim/disk_image.h"

namespace scenarios {

/// I3: each snapshot of producers says of every producer in the log what its last batch below the snapshot says. One that
/// is in no batch may be known still, where the log does not begin at its beginning.
void check_producers(Run& run, const sim::DiskImage& image, std::string_view log_directory);

/// M4: the metadata at an offset are the same for ever, whether folded from the beginning or from a snapshot. M5: a
/// snapshot is the fold of what it stands for, and where the log does not begin at its beginning there is one.
class MetadataHistory {
 public:
  explicit MetadataHistory(Run& run) : run_{run} {}
  /// Another disk: nothing is known of it.
  void forget() { states_.clear(); }
  void look(const sim::DiskImage& image, std::string_view log_directory);

 private:
  /// Whether that is the state at the offset, as far as it is known.
  bool agrees(std::int64_t offset, std::uint32_t state);
  Run& run_;
  std::map<std::int64_t, std::uint32_t> states_;  ///< a checksum of all there is, by the offset behind it
};

}  // namespace scenarios
