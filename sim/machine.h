// A simulated machine: what stays when its process dies (disk, address, clock) and the process that runs on it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "kernel/node.h"
#include "sim/disk.h"
#include "sim/world.h"

namespace sim {

/// Monotonic time with a rate error, wall time with an offset that may step.
class SimClock final : public kernel::Clock {
 public:
  explicit SimClock(World& world) : world_{world} {}
  [[nodiscard]] kernel::Mono now() const override { return local(world_.now()); }
  [[nodiscard]] kernel::Wall wall() const override;
  [[nodiscard]] kernel::Mono scheduler_time(kernel::Mono local) const override;
  /// Rate error in parts per million, within ±500. Keeps the present reading.
  void set_drift(std::int64_t parts_per_million);
  /// Moves the wall clock, either way.
  void step_wall(kernel::Duration by) {
    wall_offset_ += by;
    wall_offset_highest_ = std::max(wall_offset_highest_, wall_offset_);
    wall_offset_lowest_ = std::min(wall_offset_lowest_, wall_offset_);
  }
  /// The monotonic clock stands still, as of a machine that sleeps, and goes on where it was; the wall clock has gone on.
  void freeze();
  void thaw();
  /// How far off it is from the beginning; nobody sees that as a step.
  void start_off(kernel::Duration wall_offset, std::int64_t drift_ppm);
  [[nodiscard]] kernel::Duration wall_offset() const { return wall_offset_; }
  /// For judges: the latest time that anybody can have read here so far, whatever steps the clock was put by.
  [[nodiscard]] kernel::Wall latest_wall() const { return wall_at(wall_offset_highest_); }
  /// How far its steps have been apart.
  [[nodiscard]] kernel::Duration wall_span() const { return wall_offset_highest_ - wall_offset_lowest_; }

 private:
  [[nodiscard]] kernel::Mono local(kernel::Mono world) const;
  [[nodiscard]] kernel::Wall wall_at(kernel::Duration offset) const;
  World& world_;
  std::int64_t drift_ppm_ = 0;
  kernel::Mono world_anchor_{};
  kernel::Mono local_anchor_{};
  kernel::Duration wall_offset_{0};
  kernel::Duration wall_offset_highest_{0};
  kernel::Duration wall_offset_lowest_{0};
  mutable kernel::Duration wall_offset_seen_{0};  // by who read the clock last
  bool is_frozen_ = false;
};

class Machine {
 public:
  Machine(World& world, std::uint32_t id, std::string name, std::string address);
  ~Machine();
  [[nodiscard]] World& world() const { return world_; }
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] SimClock& clock() { return clock_; }
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] Process* process() const { return process_.get(); }
  /// Counts boots; what an old process left in the event queue sees that it is not meant any more.
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
  [[nodiscard]] bool up() const { return process_ != nullptr; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] bool powered() const { return powered_; }

 private:
  friend class World;
  World& world_;
  std::uint32_t id_;
  std::string name_;
  std::string address_;
  SimClock clock_;
  SimDisk disk_;
  std::unique_ptr<Process> process_;
  std::uint64_t incarnation_ = 0;
  bool paused_ = false;
  bool powered_ = true;
};

/// The doors of one boot of a machine.
class Process final : public kernel::Node {
 public:
  Process(Machine& machine, std::uint32_t shards);
  ~Process() override;
  [[nodiscard]] kernel::Random random(kernel::Domain domain, std::uint64_t entity) const override;
  [[nodiscard]] bool nudge(std::string_view name) override { return machine_.world().nudge(name); }
  void mark(std::string_view name) override { machine_.world().mark(name); }
  [[nodiscard]] std::string_view planted_bug() const override { return machine_.world().options().planted_bug; }
  void offload(kernel::Fiber& f, kernel::WorkRef work) override;
  [[nodiscard]] bool stop_requested() const override { return stop_requested_; }
  kernel::Result<> wait_for_stop(kernel::Fiber& f) override;
  /// What Ctrl-C does to a production process.
  void request_stop();
  [[nodiscard]] Machine& machine() const { return machine_; }
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
  /// True when the main fiber has ended.
  bool main_ended = false;

 private:
  class SimShard;
  class NodeLog;
  class NodeNetwork;
  class NodeConsole;
  Machine& machine_;
  std::uint64_t incarnation_;
  std::vector<std::unique_ptr<SimShard>> owned_shards_;
  std::unique_ptr<NodeLog> log_;
  std::unique_ptr<NodeNetwork> network_;
  std::unique_ptr<NodeConsole> console_;
  kernel::Random offload_delays_;
  bool stop_requested_ = false;
  std::vector<kernel::Fiber*> waiting_for_stop_;
};

}  // namespace sim
