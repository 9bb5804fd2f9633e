// G9: what a coordinator answered is the fold of its log.
#pragma once

#include "scenarios/workloads/group.h"
#include "sim/disk_image.h"

namespace scenarios {

/// After an orderly stop: the committed offsets of `group`, read from the segments of __consumer_offsets, are those that
/// its clients were told, by partition.
void check_group_fold(Run& run, const sim::DiskImage& image, std::span<const std::string> log_directories, const std::string& group, const std::string& topic,
                      const std::vector<CommittedOffset>& told);

}  // namespace scenarios
