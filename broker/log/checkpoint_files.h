// The small text files of a log directory and of a partition, as Kafka writes them.
//
//   leader-epoch-checkpoint: "0", the count, then "<epoch> <start offset>" ascending
//   recovery-point-offset-checkpoint, log-start-offset-checkpoint, replication-offset-checkpoint,
//   cleaner-offset-checkpoint: "0", the count, then "<topic> <partition> <offset>"
//
// Every line ends in a newline. Whoever writes one writes a new file, syncs it and renames it over the old one.
// Parsing errors: bad_version, bad_line, bad_count, duplicate; the detail is the number of the line.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/log/leader_epochs.h"
#include "broker/log/reason.h"

namespace broker::log {

using net::PartitionId;

kernel::Result<std::vector<EpochStart>> parse_leader_epochs(std::string_view text);
std::string format_leader_epochs(std::span<const EpochStart> entries);

struct PartitionOffset {
  std::string topic;
  PartitionId partition{0};
  Offset offset{0};
  friend bool operator==(const PartitionOffset&, const PartitionOffset&) = default;
};
/// In the order of the file.
kernel::Result<std::vector<PartitionOffset>> parse_partition_offsets(std::string_view text);
std::string format_partition_offsets(std::span<const PartitionOffset> entries);

}  // namespace broker::log
