#include "sim/machine.h"

#include "sim/network.h"

namespace sim {

using kernel::Duration;
using kernel::Fiber;
using kernel::Mono;
using kernel::Result;

Mono SimClock::local(Mono world) const {
  if (is_frozen_) return local_anchor_;
  const std::int64_t passed = (world - world_anchor_).count();
  return local_anchor_ + Duration{passed + passed / 1'000'000 * drift_ppm_};
}

Mono SimClock::scheduler_time(Mono local) const {
  if (local == kernel::kNever) return kernel::kNever;
  if (is_frozen_) return world_.now() + (local - local_anchor_);  // whoever is woken too early looks again
  const std::int64_t passed = (local - local_anchor_).count();
  // One millionth more than exact, so that the local clock has surely reached its time.
  const std::int64_t scaled = passed - passed / 1'000'000 * drift_ppm_;
  Mono world = world_anchor_ + Duration{scaled};
  while (this->local(world) < local) world += Duration{1 + (local - this->local(world)).count()};
  return world;
}

kernel::Wall SimClock::wall() const {
  if (wall_offset_ != wall_offset_seen_) {
    world_.mark(wall_offset_ < wall_offset_seen_ ? "sim.clock.wall_went_back" : "sim.clock.wall_jumped_ahead");
    wall_offset_seen_ = wall_offset_;
  }
  return wall_at(wall_offset_);
}

kernel::Wall SimClock::wall_at(Duration offset) const {
  const Duration since = now().time_since_epoch() + offset;
  return world_.options().epoch + std::chrono::floor<std::chrono::milliseconds>(since);
}

void SimClock::freeze() {
  if (is_frozen_) return;
  const Mono reading = now();
  world_anchor_ = world_.now();
  local_anchor_ = reading;
  is_frozen_ = true;
}

void SimClock::thaw() {
  if (!is_frozen_) return;
  const Duration slept = world_.now() - world_anchor_;
  is_frozen_ = false;
  world_anchor_ = world_.now();
  for (Duration* offset : {&wall_offset_, &wall_offset_highest_, &wall_offset_lowest_}) *offset += slept;
  wall_offset_seen_ += slept;
  if (slept > Duration{0}) world_.mark("sim.clock.slept");
}

void SimClock::set_drift(std::int64_t parts_per_million) {
  CHECK(parts_per_million >= -500 && parts_per_million <= 500);
  if (is_frozen_) {
    drift_ppm_ = parts_per_million;
    return;
  }
  if (parts_per_million != drift_ppm_) world_.mark("sim.clock.drift_changed");
  const Mono reading = now();
  world_anchor_ = world_.now();
  local_anchor_ = reading;
  drift_ppm_ = parts_per_million;
}

void SimClock::start_off(Duration wall_offset, std::int64_t drift_ppm) {
  CHECK(drift_ppm >= -500 && drift_ppm <= 500);
  wall_offset_ = wall_offset_seen_ = wall_offset_highest_ = wall_offset_lowest_ = wall_offset;
  drift_ppm_ = drift_ppm;
}

Machine::Machine(World& world, std::uint32_t id, std::string name, std::string address)
    : world_{world}, id_{id}, name_{std::move(name)}, address_{std::move(address)}, clock_{world}, disk_{*this} {}
Machine::~Machine() = default;

class Process::SimShard final : public kernel::Shard {
 public:
  SimShard(Process& process, std::uint32_t id) : Shard{process, id, process.machine().world().scheduler()} {}
  void post(kernel::Message& message) override {
    auto& process = static_cast<Process&>(node());
    World& world = process.machine().world();
    // In order for each pair of shards, so in order for each target: later posts never arrive before earlier ones.
    const auto spread = static_cast<std::uint64_t>(world.options().message_delay_max.count()) + 1;
    delays_ = delays_ ? delays_ : std::optional{world.random(kernel::Domain::schedule, 100 + id())};
    last_arrival_ =
        std::max(last_arrival_, world.now() + Duration{static_cast<std::int64_t>(delays_->below(spread))});
    world.after(last_arrival_ - world.now(), [this, &message, machine = &process.machine(),
                                              incarnation = process.incarnation()] {
      if (machine->incarnation() != incarnation || !machine->up()) return;  // the sender's frame is gone
      machine->world().record(EventKind::message, machine->id(), id());
      message.deliver(*this);
    });
  }

 private:
  Mono last_arrival_{};
  std::optional<kernel::Random> delays_;
};

class Process::NodeLog final : public kernel::LogSink {
 public:
  explicit NodeLog(Machine& machine) : machine_{machine} {}
  bool wants(kernel::Level) const override { return true; }
  void write(kernel::Level level, kernel::Wall when, std::string_view event,
             std::span<const kernel::Field> fields) override {
    machine_.world().log({kernel::ns_of(machine_.world().now()), machine_.name(), level,
                          kernel::to_text(level, when, event, fields, /*colour=*/false)});
  }

 private:
  Machine& machine_;
};

class Process::NodeNetwork final : public kernel::Network {
 public:
  explicit NodeNetwork(Machine& machine) : machine_{machine} {}
  Result<kernel::ListenerHandle> listen(Fiber&, const kernel::Endpoint& at) override {
    return machine_.world().network().listen(machine_, at);
  }
  Result<kernel::SocketHandle> connect(Fiber& f, const kernel::Endpoint& to) override {
    return machine_.world().network().connect(f, machine_, to);
  }
  Result<std::vector<kernel::Endpoint>> resolve(Fiber& f, std::string_view host, std::uint16_t port) override {
    TRY(f.yield());
    if (host == "localhost" || host == "127.0.0.1") return std::vector{kernel::Endpoint{machine_.address(), port}};
    return machine_.world().network().resolve(host, port);
  }

 private:
  Machine& machine_;
};

/// A simulated process has nobody at its keyboard.
class Process::NodeConsole final : public kernel::Console {
 public:
  Result<std::string> read(Fiber&, std::size_t) override { return std::string{}; }
  Result<> write(Fiber&, std::string_view) override { return {}; }
  Result<> write_error(Fiber&, std::string_view) override { return {}; }
  bool input_is_terminal() const override { return false; }
  bool output_is_terminal() const override { return false; }
  bool error_is_terminal() const override { return false; }
};

Process::Process(Machine& machine, std::uint32_t shards)
    : Node{machine.name()},
      machine_{machine},
      incarnation_{machine.incarnation()},
      log_{std::make_unique<NodeLog>(machine)},
      network_{std::make_unique<NodeNetwork>(machine)},
      console_{std::make_unique<NodeConsole>()},
      offload_delays_{random(kernel::Domain::schedule, 2)} {
  open_doors({.clock = &machine.clock(),
              .disk = &machine.disk(),
              .network = network_.get(),
              .console = console_.get(),
              .log_sink = log_.get()});
  for (std::uint32_t id = 0; id < shards; ++id) {
    owned_shards_.push_back(std::make_unique<SimShard>(*this, id));
    add_shard(*owned_shards_.back());
  }
}

Process::~Process() = default;

kernel::Random Process::random(kernel::Domain domain, std::uint64_t entity) const {
  return machine_.world().random(
      domain, kernel::mix64(static_cast<std::uint64_t>(machine_.id()) << 32 | incarnation_, entity));
}

void Process::offload(Fiber& f, kernel::WorkRef work) {
  if (f.shard().dead()) return;
  World& world = machine_.world();
  struct State {
    bool done = false;
    Fiber* waiter;
  };
  const auto state = std::make_shared<State>(State{false, &f});
  struct Leave {
    State& state;
    ~Leave() { state.waiter = nullptr; }
  } leave{*state};
  const auto delay = Duration{offload_delays_.between(1'000, 200'000)};
  work();
  world.after(delay, [state] {
    state->done = true;
    if (state->waiter != nullptr) state->waiter->wake();
  });
  while (!state->done) f.park_regardless();
}

void Process::request_stop() {
  stop_requested_ = true;
  for (Fiber* fiber : waiting_for_stop_) fiber->wake();
}

Result<> Process::wait_for_stop(Fiber& f) {
  struct Leave {
    std::vector<Fiber*>& waiting;
    Fiber& f;
    ~Leave() { std::erase(waiting, &f); }
  } leave{waiting_for_stop_, f};
  waiting_for_stop_.push_back(&f);
  while (!stop_requested_) TRY(f.park());
  return {};
}

}  // namespace sim
