#include <chrono>

#include "sim/faults/plan.h"
#include "sim/machine.h"
#include "sim/network.h"

namespace sim {

using kernel::Duration;
using namespace std::chrono_literals;

void Injector::start() {
  for (const Fault& fault : plan_.faults) {
    world_.after(fault.at, [this, &fault] {
      if (!healed_) fire(fault);
    });
  }
}

void Injector::boot_later(Machine& machine, Duration after) {
  world_.after(after, [this, &machine] {
    if (!machine.up()) boot_(machine);
  });
}

void Injector::crash(Machine& machine, CrashKind kind, Duration down_for) {
  if (!machine.up()) return;
  world_.kill(machine, kind);
  if (on_crash) on_crash(machine, kind);
  boot_later(machine, down_for);
}

void Injector::fire(const Fault& fault) {
  Machine& machine = *world_.machines()[fault.machine];
  ++fired_;
  world_.record(EventKind::fault, machine.id(), static_cast<std::uint64_t>(fault.kind),
                static_cast<std::uint64_t>(fault.amount));
  world_.mark(std::string{"sim.fault."} + std::string{name_of(fault.kind)});
  switch (fault.kind) {
    case FaultKind::process_kill: return crash(machine, CrashKind::process_kill, fault.lasts);
    case FaultKind::power_loss: return crash(machine, CrashKind::power_loss, fault.lasts);
    case FaultKind::crash_loop:
      for (std::int64_t i = 0; i < fault.amount; ++i) {
        world_.after(2 * fault.lasts * i, [this, &machine, &fault, i] {
          if (!healed_) crash(machine, i % 2 == 0 ? CrashKind::process_kill : CrashKind::power_loss, fault.lasts);
        });
      }
      return;
    case FaultKind::pause: world_.pause(machine); break;
    case FaultKind::wall_step: machine.clock().step_wall(std::chrono::milliseconds{fault.amount}); return;
    case FaultKind::drift: machine.clock().set_drift(fault.amount - 500); return;
    case FaultKind::reset_one: world_.network().reset_streams(machine, /*all=*/false); return;
    case FaultKind::reset_all: world_.network().reset_streams(machine, /*all=*/true); return;
    case FaultKind::refuse: world_.network().options().refuse_ppm = static_cast<std::uint32_t>(fault.amount); break;
    case FaultKind::flaky_streams:
      world_.network().options().reset_ppm = static_cast<std::uint32_t>(fault.amount);
      break;
    case FaultKind::resolve_error:
      world_.network().options().resolve_error_ppm = static_cast<std::uint32_t>(fault.amount);
      break;
    case FaultKind::cut:
    case FaultKind::cut_one_way:
    case FaultKind::clog:
    case FaultKind::slow_reader: fire_link(machine, fault); break;
    default: fire_disk(machine, fault);
  }
  world_.after(fault.lasts, [this, &fault] {
    if (!healed_) end(fault);
  });
}

void Injector::fire_disk(Machine& machine, const Fault& fault) {
  DiskFaults& disk = machine.disk().faults();
  const auto ppm = static_cast<std::uint32_t>(fault.amount);
  switch (fault.kind) {
    case FaultKind::disk_slow: disk.slow_factor = ppm; break;
    case FaultKind::disk_hung: disk.hung = true; break;
    case FaultKind::disk_full: disk.full = true; break;
    case FaultKind::disk_short_io: disk.short_io_ppm = ppm; break;
    case FaultKind::disk_write_error: disk.write_error_ppm = ppm; break;
    case FaultKind::disk_sync_error: disk.sync_error_ppm = ppm; break;
    case FaultKind::disk_read_error: disk.read_error_ppm = ppm; break;
    default: CHECK(false);
  }
}

void Injector::fire_link(Machine& machine, const Fault& fault) {
  const Machine& peer = *world_.machines()[fault.peer];
  LinkFaults& out = world_.network().link(machine, peer);
  LinkFaults& back = world_.network().link(peer, machine);
  switch (fault.kind) {
    case FaultKind::cut: out.cut = back.cut = true; break;
    case FaultKind::cut_one_way: out.cut = true; break;
    case FaultKind::clog: out.clogged_until = back.clogged_until = world_.now() + fault.lasts; break;
    case FaultKind::slow_reader: out.bytes_per_second = static_cast<std::uint64_t>(fault.amount); break;
    default: CHECK(false);
  }
}

void Injector::end(const Fault& fault) {
  Machine& machine = *world_.machines()[fault.machine];
  DiskFaults& disk = machine.disk().faults();
  NetworkOptions& network = world_.network().options();
  switch (fault.kind) {
    case FaultKind::pause: return world_.resume(machine);
    case FaultKind::refuse: network.refuse_ppm = 0; return;
    case FaultKind::flaky_streams: network.reset_ppm = 0; return;
    case FaultKind::resolve_error: network.resolve_error_ppm = 0; return;
    case FaultKind::disk_slow: disk.slow_factor = 1; return;
    case FaultKind::disk_hung: machine.disk().unhang(); return;
    case FaultKind::disk_full: disk.full = false; return;
    case FaultKind::disk_short_io: disk.short_io_ppm = 0; return;
    case FaultKind::disk_write_error: disk.write_error_ppm = 0; return;
    case FaultKind::disk_sync_error: disk.sync_error_ppm = 0; return;
    case FaultKind::disk_read_error: disk.read_error_ppm = 0; return;
    case FaultKind::cut:
    case FaultKind::cut_one_way:
    case FaultKind::clog:
    case FaultKind::slow_reader: {
      const Machine& peer = *world_.machines()[fault.peer];
      world_.network().link(machine, peer) = {};
      world_.network().link(peer, machine) = {};
      world_.network().links_changed();
      return;
    }
    default: return;
  }
}

void Injector::heal() {
  healed_ = true;
  world_.network().heal_all();
  world_.stop_nudges();
  for (const auto& machine : world_.machines()) {
    machine->disk().unhang();
    machine->disk().faults() = {.capacity_bytes = machine->disk().faults().capacity_bytes};
    world_.resume(*machine);
    if (!machine->up()) boot_(*machine);
  }
}

}  // namespace sim
