#include <algorithm>
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
    case FaultKind::disk_loss:
      crash(machine, CrashKind::power_loss, fault.lasts);
      if (!machine.up()) machine.disk().replace();
      return;
    case FaultKind::wall_step: machine.clock().step_wall(std::chrono::milliseconds{fault.amount}); return;
    case FaultKind::drift: machine.clock().set_drift(fault.amount - 500); return;
    case FaultKind::reset_one: world_.network().reset_streams(machine, /*all=*/false); return;
    case FaultKind::reset_all: world_.network().reset_streams(machine, /*all=*/true); return;
    default: break;  // what lasts
  }
  under_way_.push_back(&fault);
  settle(fault, /*begins=*/true);
  world_.after(fault.lasts, [this, &fault] {
    if (healed_) return;
    std::erase(under_way_, &fault);
    settle(fault, /*begins=*/false);
  });
}

std::size_t Injector::volume_of(const Fault& fault) const {
  return fault.volume % world_.machines()[fault.machine]->disk().volumes();
}

std::int64_t Injector::strongest(FaultKind kind, std::optional<std::uint32_t> machine,
                                 std::optional<std::size_t> volume) const {
  std::int64_t most = 0;
  for (const Fault* fault : under_way_) {
    if (fault->kind != kind || fault->machine != machine.value_or(fault->machine)) continue;
    if (!volume || volume_of(*fault) == *volume) most = std::max(most, fault->amount);
  }
  return most;
}

bool Injector::any(FaultKind kind, std::uint32_t machine, std::optional<std::size_t> volume) const {
  return std::ranges::any_of(under_way_, [&](const Fault* f) {
    return f->kind == kind && f->machine == machine && (!volume || volume_of(*f) == *volume);
  });
}

void Injector::settle(const Fault& changed, bool begins) {
  Machine& machine = *world_.machines()[changed.machine];
  NetworkOptions& network = world_.network().options();
  const auto ppm = static_cast<std::uint32_t>(strongest(changed.kind));
  switch (changed.kind) {
    case FaultKind::pause:
      if (any(FaultKind::pause, changed.machine)) return world_.pause(machine);
      return any(FaultKind::suspend, changed.machine) ? void() : world_.resume(machine);
    case FaultKind::suspend:
      if (any(FaultKind::suspend, changed.machine) && machine.up()) {
        world_.pause(machine);
        return machine.clock().freeze();
      }
      machine.clock().thaw();
      return any(FaultKind::pause, changed.machine) ? void() : world_.resume(machine);
    case FaultKind::isolate: return settle_isolation(changed.machine, begins);
    case FaultKind::resolve_stale: network.resolve_stale_ppm = ppm; return;
    case FaultKind::refuse: network.refuse_ppm = ppm; return;
    case FaultKind::flaky_streams: network.reset_ppm = ppm; return;
    case FaultKind::resolve_error: network.resolve_error_ppm = ppm; return;
    case FaultKind::cut:
    case FaultKind::cut_one_way:
    case FaultKind::clog:
    case FaultKind::slow_reader: return settle_link(changed, begins);
    default: return settle_disk(changed, begins);
  }
}

void Injector::settle_disk(const Fault& changed, bool begins) {
  SimDisk& disk = world_.machines()[changed.machine]->disk();
  const std::size_t volume = volume_of(changed);
  DiskFaults& faults = disk.faults(volume);
  const bool on = any(changed.kind, changed.machine, volume);
  if (changed.kind == FaultKind::no_descriptors) return void(disk.faults(0).no_descriptors = on);
  const auto amount = static_cast<std::uint32_t>(strongest(changed.kind, changed.machine, volume));
  switch (changed.kind) {
    case FaultKind::disk_slow: faults.slow_factor = std::max(amount, 1u); return;
    case FaultKind::disk_hung: return on ? void(faults.hung = true) : disk.unhang(volume);
    case FaultKind::disk_full: faults.full = on; return;
    case FaultKind::disk_short_io: faults.short_io_ppm = amount; return;
    case FaultKind::disk_write_error: faults.write_error_ppm = amount; return;
    case FaultKind::disk_sync_error: faults.sync_error_ppm = amount; return;
    case FaultKind::disk_read_error: faults.read_error_ppm = amount; return;
    case FaultKind::disk_read_only: faults.read_only = on; return;
    case FaultKind::disk_lost_write: faults.lost_write_ppm = amount; return;
    case FaultKind::disk_misdirected_write: faults.misdirected_ppm = amount; return;
    case FaultKind::disk_stale_read:
      faults.stale_ppm = amount;
      if (!on) disk.image().mend(Damage::stale_read);
      return;
    case FaultKind::disk_rot:
      if (begins) disk.rot(world_.random(kernel::Domain::faults, static_cast<std::uint64_t>(changed.at.count())),
                           static_cast<std::uint32_t>(changed.amount));
      return;
    case FaultKind::disk_bad_pages:
      // Which pages is settled by the fault alone, so that a plan without its neighbours spoils the same ones.
      if (begins) disk.spoil(world_.random(kernel::Domain::faults, static_cast<std::uint64_t>(changed.at.count())),
                             static_cast<std::uint32_t>(changed.amount), volume);
      if (!on) disk.unspoil(volume);
      return;
    default: CHECK(false);
  }
}

void Injector::settle_direction(std::uint32_t from, std::uint32_t to) {
  LinkFaults& link = world_.network().link(*world_.machines()[from], *world_.machines()[to]);
  link.cut = false;
  link.bytes_per_second = 0;
  for (const Fault* fault : under_way_) {
    const bool here = fault->machine == from && fault->peer == to;
    const bool back = fault->machine == to && fault->peer == from;
    if (fault->kind == FaultKind::cut && (here || back)) link.cut = true;
    if (fault->kind == FaultKind::isolate && (fault->machine == from || fault->machine == to)) link.cut = true;
    if (fault->kind == FaultKind::cut_one_way && here) link.cut = true;
    if (fault->kind == FaultKind::slow_reader && here) {
      const auto rate = static_cast<std::uint64_t>(fault->amount);
      link.bytes_per_second = link.bytes_per_second == 0 ? rate : std::min(link.bytes_per_second, rate);
    }
  }
}

void Injector::settle_isolation(std::uint32_t machine, bool begins) {
  for (std::uint32_t other = 0; other < world_.machines().size(); ++other) {
    if (other == machine) continue;
    settle_direction(machine, other);
    settle_direction(other, machine);
  }
  if (!begins) world_.network().links_changed();
}

void Injector::settle_link(const Fault& changed, bool begins) {
  const Machine& machine = *world_.machines()[changed.machine];
  const Machine& peer = *world_.machines()[changed.peer];
  if (changed.kind == FaultKind::clog && begins) {  // ends by itself
    for (LinkFaults* link : {&world_.network().link(machine, peer), &world_.network().link(peer, machine)}) {
      link->clogged_until = std::max(link->clogged_until, world_.now() + changed.lasts);
    }
  }
  settle_direction(changed.machine, changed.peer);
  settle_direction(changed.peer, changed.machine);
  if (!begins) world_.network().links_changed();
}

void Injector::heal() {
  healed_ = true;
  under_way_.clear();
  world_.network().heal_all();
  world_.stop_nudges();
  for (const auto& machine : world_.machines()) {
    for (std::size_t volume = 0; volume < machine->disk().volumes(); ++volume) {
      machine->disk().unhang(volume);
      machine->disk().unspoil(volume);
      machine->disk().faults(volume) = {.capacity_bytes = machine->disk().faults(volume).capacity_bytes};
    }
    machine->disk().image().mend_all();
    machine->clock().thaw();
    world_.resume(*machine);
    if (!machine->up()) boot_(*machine);
  }
}

}  // namespace sim
