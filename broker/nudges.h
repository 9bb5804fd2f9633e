// Where the broker may be nudged to do a legal but rare thing (Fiber::nudge), as the coverage marks that a campaign of
// simulated runs ought to reach: "nudge.", then the name at the place.
#pragma once

#include <array>
#include <string_view>

namespace broker {

inline constexpr std::array<std::string_view, 12> kNudges{
    "nudge.controller.early_snapshot", "nudge.coordinators.load_one_batch", "nudge.fetch.early_answer",
    "nudge.log.files_closed_early",
    "nudge.log.indexes_late",          "nudge.log.one_batch_written",       "nudge.log.swap_pauses", "nudge.log.sync_group_of_one",
    "nudge.log.snapshot_early",        "nudge.log.tail_forgotten",        "nudge.log.tiny_segment",
    "nudge.server.one_byte_read",
};

}  // namespace broker
