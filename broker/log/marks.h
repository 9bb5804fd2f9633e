// The rare paths of the log that a campaign of simulated runs ought to reach.
#pragma once

#include <array>
#include <string_view>

namespace broker::log {

inline constexpr std::array<std::string_view, 30> kMarks{
    "broker.log.compacted",              "broker.log.compacted_in_parts",
    "broker.log.retention_moved_start",  "broker.log.rolled_by_retention",
    "broker.log.damage_detected",        "broker.log.directory_offline", "broker.log.disk_full_rolled_back",
    "broker.log.no_descriptor_rolled_back", "broker.log.closed_for_descriptor", "broker.log.sync_waits_for_descriptor",
    "broker.log.group_of_many_files",    "broker.log.recovered",         "broker.log.rewrote_unsynced_tail",
    "broker.log.rolled",                 "broker.log.torn_tail_cut",     "broker.log.transaction_index_rebuilt",
    "broker.log.tail_does_not_fit",      "broker.log.tail_recovered",     "broker.log.watermark_used",
    // Several directories, and what becomes of one.
    "broker.log.directory_not_opened",   "broker.log.directory_stalled", "broker.directories_assigned",
    "broker.directory_dropped",          "broker.partition_in_offline_directory", "broker.partition_opened_late",
    "broker.coordinator_load_waited",    "broker.produce.batch_offloaded",
    "broker.produce.huge_batch",         "broker.produce.packed_memory_waited",
    "broker.log.batch_searched_by_worker",
};

}  // namespace broker::log
