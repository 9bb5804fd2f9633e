#include "sim/world.h"

#include <fmt/format.h>

#include "sim/machine.h"
#include "sim/network.h"

namespace sim {

using kernel::Duration;
using kernel::Mono;

/// Something to do at a time, owned by the world and reused.
class World::Action final : public kernel::Timer {
 public:
  explicit Action(World& world) : world_{world} {}
  std::uint64_t key = 0;
  std::function<void()> body;

 private:
  void fire() override {
    const auto self = world_.actions_.extract(key);
    std::function<void()> now = std::move(self.mapped()->body);
    world_.idle_actions_.push_back(std::move(self.mapped()));
    world_.record(EventKind::timer, 0, key);
    now();
  }
  World& world_;
};

World::World(WorldOptions options, kernel::StackPool& stacks)
    : options_{std::move(options)},
      scheduler_{stacks, this},
      policy_{options_.policy, random(kernel::Domain::schedule, 0)},
      network_{std::make_unique<SimNetwork>(*this)},
      nudge_random_{random(kernel::Domain::schedule, 1)} {}

World::~World() {
  for (const auto& machine : machines_) {
    if (machine->up()) kill(*machine, CrashKind::process_kill);
  }
  actions_.clear();
  idle_actions_.clear();
  machines_.clear();
}

Machine& World::add_machine(std::string_view name) {
  const auto id = static_cast<std::uint32_t>(machines_.size() + 1);
  machines_.push_back(std::make_unique<Machine>(*this, id, std::string{name}, fmt::format("10.0.0.{}", id)));
  Machine& machine = *machines_.back();
  kernel::Random drawn = random(kernel::Domain::clock, id);
  const auto most = static_cast<std::uint64_t>(options_.wall_offset_max.count());
  const auto off = static_cast<std::int64_t>(most > 0 ? drawn.heavy_tail(most, 1) : 0);
  const bool ahead = drawn.below(2) == 0;
  machine.clock().start_off(Duration{ahead ? off : -off}, drawn.between(-options_.drift_ppm_max, options_.drift_ppm_max));
  return machine;
}

Machine* World::find_machine(std::string_view name_or_address) {
  for (const auto& machine : machines_) {
    if (machine->name() == name_or_address || machine->address() == name_or_address) return machine.get();
  }
  return nullptr;
}

void World::boot(Machine& machine, std::uint32_t shards, Main main) {
  CHECK(!machine.up());
  CHECK(scheduler_.current() == nullptr);
  ++machine.incarnation_;
  machine.powered_ = true;
  machine.paused_ = false;
  record(EventKind::process, machine.id(), machine.incarnation_, shards);
  machine.process_ = std::make_unique<Process>(machine, shards);
  Process& process = *machine.process_;
  kernel::Fiber::start(*process.shards()[0], nullptr, "main", [&process, main = std::move(main)](kernel::Fiber& f) {
    main(f);
    process.main_ended = true;
  });
  network_->links_changed();  // peers of the process before hear of it
}

void World::kill(Machine& machine, CrashKind kind) {
  CHECK(machine.up());
  CHECK(scheduler_.current() == nullptr);
  mark(kind == CrashKind::power_loss ? "sim.process.power_lost" : "sim.process.killed");
  record(EventKind::process, machine.id(), 0xdead, static_cast<std::uint64_t>(kind));
  scheduler_.kill_fibers(machine.process_->shards());
  network_->crash(machine, kind == CrashKind::power_loss);
  machine.disk_.crash(kind == CrashKind::power_loss);
  machine.process_.reset();
  machine.paused_ = false;
  machine.clock_.thaw();
  if (kind == CrashKind::power_loss) machine.powered_ = false;
}

void World::pause(Machine& machine) {
  if (!machine.up() || machine.paused_) return;
  machine.paused_ = true;
  mark("sim.process.paused");
  record(EventKind::process, machine.id(), 0xf0);
  for (kernel::Shard* shard : machine.process_->shards()) scheduler_.hold(*shard);
}

void World::resume(Machine& machine) {
  if (!machine.up() || !machine.paused_) return;
  machine.paused_ = false;
  record(EventKind::process, machine.id(), 0xf1);
  for (kernel::Shard* shard : machine.process_->shards()) scheduler_.resume(*shard);
}

void World::after(Duration delay, std::function<void()> action) {
  std::unique_ptr<Action> fresh;
  if (idle_actions_.empty()) {
    fresh = std::make_unique<Action>(*this);
  } else {
    fresh = std::move(idle_actions_.back());
    idle_actions_.pop_back();
  }
  fresh->key = ++next_action_;
  fresh->body = std::move(action);
  timers().arm(*fresh, kernel::saturating_add(now_, delay));
  actions_.emplace_hint(actions_.end(), fresh->key, std::move(fresh));
}

void World::dispatching(kernel::Fiber& fiber) {
  auto& process = static_cast<Process&>(fiber.node());
  record(EventKind::dispatch, process.machine().id(), fiber.id());
}

bool World::step() {
  if (scheduler_.run_one()) {
    now_ += options_.slice;
    return true;
  }
  const Mono next = timers().next_due();
  if (next == kernel::kNever) return false;
  if (next > now_) now_ = next;
  return timers().fire_one(now_);
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const Mono end = kernel::saturating_add(now_, limit);
  while (!done()) {
    // Timers that are due take their turn among runnable fibers, else a busy fiber would stop time for the rest.
    if (timers().next_due() <= now_ && timers().fire_one(now_)) continue;
    if (scheduler_.idle() && timers().next_due() > end) {
      now_ = end;
      return done();
    }
    if (now_ > end) return false;
    if (!step()) return done();
  }
  return true;
}

void World::mark(std::string_view name) {
  const auto known = marks_.find(name);
  if (known != marks_.end()) {
    ++known->second;
  } else {
    marks_.emplace(name, 1);
  }
}

bool World::nudge(std::string_view name) {
  if (!options_.nudges) return false;
  auto known = nudges_.find(name);
  if (known == nudges_.end()) {
    kernel::Random drawn = nudge_random_.split(name);
    const Nudge nudge{drawn.chance(250'000), static_cast<std::uint32_t>(drawn.between(1'000, 300'000))};
    known = nudges_.emplace(name, nudge).first;
  }
  const bool fires = known->second.active && nudge_random_.chance(known->second.per_million);
  if (fires) mark(fmt::format("nudge.{}", name));
  return fires;
}

void World::log(LogLine line) {
  if (line.level == kernel::Level::error) {
    ++error_lines_;
    if (errors_.size() < 100) errors_.push_back(line);
  }
  if (log_watcher_) log_watcher_(line);
}

}  // namespace sim
