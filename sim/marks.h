// The simulator's coverage marks: each kind of trouble says that it fired.
#pragma once

#include <string_view>

namespace sim {

inline constexpr std::string_view kMarks[] = {
    "sim.disk.full",
    "sim.disk.hung",
    "sim.disk.metadata_operation_lost",
    "sim.disk.metadata_out_of_order",
    "sim.disk.page_dropped",
    "sim.disk.page_out_of_order",
    "sim.disk.read_error",
    "sim.disk.sector_tear",
    "sim.disk.short_read",
    "sim.disk.short_write",
    "sim.disk.size_without_data",
    "sim.disk.slow",
    "sim.disk.sync_error",
    "sim.disk.write_error",
    "sim.fault.clog",
    "sim.fault.crash_loop",
    "sim.fault.cut",
    "sim.fault.cut_one_way",
    "sim.fault.disk_full",
    "sim.fault.disk_hung",
    "sim.fault.disk_read_error",
    "sim.fault.disk_short_io",
    "sim.fault.disk_slow",
    "sim.fault.disk_sync_error",
    "sim.fault.disk_write_error",
    "sim.fault.drift",
    "sim.fault.flaky_streams",
    "sim.fault.pause",
    "sim.fault.power_loss",
    "sim.fault.process_kill",
    "sim.fault.refuse",
    "sim.fault.reset_all",
    "sim.fault.reset_one",
    "sim.fault.resolve_error",
    "sim.fault.slow_reader",
    "sim.fault.wall_step",
    "sim.network.black_hole",
    "sim.network.half_open",
    "sim.network.half_open_found",
    "sim.network.refused",
    "sim.network.reset",
    "sim.network.resolve_error",
    "sim.network.slow_reader",
};

}  // namespace sim
