#include "sim/faults/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/machine.h"

namespace sim {

using kernel::Duration;
using kernel::Random;
using namespace std::chrono_literals;

std::string_view name_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::process_kill: return "process_kill";
    case FaultKind::power_loss: return "power_loss";
    case FaultKind::pause: return "pause";
    case FaultKind::crash_loop: return "crash_loop";
    case FaultKind::disk_slow: return "disk_slow";
    case FaultKind::disk_hung: return "disk_hung";
    case FaultKind::disk_full: return "disk_full";
    case FaultKind::disk_short_io: return "disk_short_io";
    case FaultKind::disk_write_error: return "disk_write_error";
    case FaultKind::disk_sync_error: return "disk_sync_error";
    case FaultKind::disk_read_error: return "disk_read_error";
    case FaultKind::disk_read_only: return "disk_read_only";
    case FaultKind::disk_bad_pages: return "disk_bad_pages";
    case FaultKind::cut: return "cut";
    case FaultKind::cut_one_way: return "cut_one_way";
    case FaultKind::clog: return "clog";
    case FaultKind::slow_reader: return "slow_reader";
    case FaultKind::reset_one: return "reset_one";
    case FaultKind::reset_all: return "reset_all";
    case FaultKind::refuse: return "refuse";
    case FaultKind::flaky_streams: return "flaky_streams";
    case FaultKind::resolve_error: return "resolve_error";
    case FaultKind::wall_step: return "wall_step";
    case FaultKind::drift: return "drift";
    case FaultKind::suspend: return "suspend";
    case FaultKind::isolate: return "isolate";
    case FaultKind::no_descriptors: return "no_descriptors";
    case FaultKind::resolve_stale: return "resolve_stale";
    case FaultKind::disk_rot: return "disk_rot";
    case FaultKind::disk_lost_write: return "disk_lost_write";
    case FaultKind::disk_misdirected_write: return "disk_misdirected_write";
    case FaultKind::disk_stale_read: return "disk_stale_read";
    case FaultKind::disk_loss: return "disk_loss";
  }
  std::unreachable();
}

std::string to_string(const Fault& fault, const World& world) {
  const auto seconds = [](Duration d) { return static_cast<double>(d.count()) / 1e9; };
  const std::size_t volumes = world.machines()[fault.machine]->disk().volumes();
  return fmt::format("{:>8.3f}s {} {}{} peer {} for {:.3f}s amount {}", seconds(fault.at), name_of(fault.kind),
                     world.machines()[fault.machine]->name(),
                     volumes > 1 ? fmt::format(" volume {}", fault.volume % volumes) : "",
                     world.machines()[fault.peer]->name(), seconds(fault.lasts), fault.amount);
}

namespace {

/// How long a kind lasts and how much of it there is. Mostly short, rarely long.
void draw_shape(Fault& fault, Random& random) {
  const auto ms = [&](std::int64_t least, std::int64_t most) {
    return Duration{std::chrono::milliseconds{least}} +
           Duration{static_cast<std::int64_t>(random.heavy_tail(static_cast<std::uint64_t>((most - least) * 1'000'000), 1))};
  };
  switch (fault.kind) {
    case FaultKind::process_kill:
    case FaultKind::power_loss: fault.lasts = ms(5, 3000); break;
    case FaultKind::pause:
    case FaultKind::suspend: fault.lasts = ms(10, 15'000); break;
    case FaultKind::crash_loop: fault.lasts = ms(1, 200), fault.amount = random.between(2, 5); break;
    case FaultKind::disk_slow: fault.lasts = ms(100, 5000), fault.amount = random.between(10, 300); break;
    case FaultKind::disk_hung: fault.lasts = ms(50, 8000); break;
    case FaultKind::disk_full:
    case FaultKind::no_descriptors: fault.lasts = ms(100, 5000); break;
    case FaultKind::disk_short_io: fault.lasts = ms(500, 20'000), fault.amount = random.between(10'000, 400'000); break;
    case FaultKind::disk_write_error:
    case FaultKind::disk_sync_error: fault.lasts = ms(50, 2000), fault.amount = random.between(5'000, 200'000); break;
    case FaultKind::disk_read_error: fault.lasts = ms(50, 2000), fault.amount = random.between(5'000, 100'000); break;
    case FaultKind::disk_read_only: fault.lasts = ms(50, 5000); break;
    case FaultKind::disk_bad_pages: fault.lasts = ms(100, 8000), fault.amount = random.between(5'000, 300'000); break;
    case FaultKind::cut:
    case FaultKind::cut_one_way:
    case FaultKind::isolate:
    case FaultKind::clog: fault.lasts = ms(50, 10'000); break;
    case FaultKind::slow_reader: fault.lasts = ms(200, 5000), fault.amount = random.between(2'000, 200'000); break;
    case FaultKind::reset_one:
    case FaultKind::reset_all: break;
    case FaultKind::refuse:
    case FaultKind::resolve_stale:
    case FaultKind::resolve_error: fault.lasts = ms(100, 3000), fault.amount = random.between(100'000, 900'000); break;
    case FaultKind::flaky_streams: fault.lasts = ms(100, 5000), fault.amount = random.between(1'000, 50'000); break;
    case FaultKind::wall_step: fault.amount = random.between(-86'400'000, 86'400'000); break;
    case FaultKind::drift: fault.amount = random.between(0, 1000); break;
    case FaultKind::disk_rot: fault.lasts = 1ms, fault.amount = random.between(5'000, 200'000); break;
    case FaultKind::disk_lost_write:
    case FaultKind::disk_misdirected_write:
    case FaultKind::disk_stale_read: fault.lasts = ms(50, 5000), fault.amount = random.between(2'000, 300'000); break;
    case FaultKind::disk_loss: fault.lasts = ms(5, 3000); break;
  }
}

}  // namespace

FaultPlan draw_plan(Random random, const PlanGround& ground) {
  CHECK(!ground.victims.empty() && !ground.peers.empty());
  FaultPlan plan;
  std::vector<FaultKind> kinds;
  for (std::size_t k = 0; k < kFaultKinds; ++k) {
    const auto kind = static_cast<FaultKind>(k);
    const bool allowed = ground.allowed.empty() ? !damages(kind) : ground.allowed.contains(kind);
    // A third of the kinds in a run: what is left out gives the rest room (swarm testing).
    if (random.below(3) == 0 && allowed) kinds.push_back(kind);
  }
  if (kinds.empty()) return plan;
  // The mean time between disasters is drawn too: calm runs and storms.
  const auto mean_gap = std::chrono::milliseconds{random.between(200, 4000)};
  for (Duration at = std::chrono::milliseconds{random.between(0, 3000)}; at < ground.duration;) {
    Fault fault{.at = at, .kind = kinds[random.below(kinds.size())]};
    fault.machine = ground.victims[random.below(ground.victims.size())];
    fault.peer = ground.peers[random.below(ground.peers.size())];
    draw_shape(fault, random);
    fault.volume = static_cast<std::uint32_t>(random.split("volume").split(plan.faults.size()).below(1u << 20));
    plan.faults.push_back(fault);
    at += Duration{static_cast<std::int64_t>(random.below(2 * static_cast<std::uint64_t>(Duration{mean_gap}.count())))};
  }
  return plan;
}

}  // namespace sim
