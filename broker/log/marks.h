// The rare paths of the log that a campaign of simulated runs ought to reach.
#pragma once

#include <array>
#include <string_view>

namespace broker::log {

inline constexpr std::array<std::string_view, 13> kMarks{
    "broker.log.compacted",              "broker.log.compacted_in_parts",
    "broker.log.retention_moved_start",  "broker.log.rolled_by_retention",
    "broker.log.damage_detected",        "broker.log.directory_offline", "broker.log.disk_full_rolled_back",
    "broker.log.group_of_many_files",    "broker.log.recovered",         "broker.log.rewrote_unsynced_tail",
    "broker.log.rolled",                 "broker.log.torn_tail_cut",     "broker.log.watermark_used",
};

}  // namespace broker::log
