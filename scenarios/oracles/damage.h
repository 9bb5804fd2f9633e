// What the injector's book says of damage, and what the broker could know of it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "net/types.h"
#include "sim/disk_image.h"
#include "sim/world.h"

namespace scenarios {

/// Which files of a partition damage may come to.
[[nodiscard]] bool may_come_to(std::string_view path);
/// Whether any file in the directory of a partition has ever been damaged.
[[nodiscard]] bool was_damaged(const sim::DiskImage& image, const std::string& partition_directory);
/// Up to where each log was on record as synced, in the files of watermarks.
std::map<std::string, net::Offset> synced_watermarks(const sim::DiskImage& image, std::string_view log_directory);
/// An error that reports damage.
[[nodiscard]] bool is_damage_story(const sim::LogLine& line);

}  // namespace scenarios
