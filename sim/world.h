// The simulator: machines, links and disks in virtual time on one thread, driven by a seed.
//
//   StackPool stacks;
//   World world{{.seed = 7}, stacks};
//   Machine& broker = world.add_machine("b1");
//   world.boot(broker, "serve", [](Fiber& f) { run_broker(f); });
//   world.run_for(30s);
//   world.kill(broker, CrashKind::power_loss);
//
// One event queue ordered by (virtual time, sequence) holds timers, I/O completions, deliveries and faults. Code
// under test sees kernel::Node only and cannot tell. Everything random is drawn from the seed by domain.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/node.h"
#include "kernel/scheduler.h"
#include "kernel/scope.h"
#include "sim/policy.h"
#include "sim/trace.h"

namespace sim {

class Machine;
class SimNetwork;
class Process;

struct WorldOptions {
  std::uint64_t seed = 1;
  PolicyKind policy = PolicyKind::fifo;
  /// Virtual time that one slice of a fiber takes; time moves even for code that only yields.
  kernel::Duration slice{500};
  kernel::Duration message_delay_max{20'000};
  bool nudges = false;
  std::string planted_bug;
  kernel::Wall epoch{std::chrono::milliseconds{1'700'000'000'000}};
  /// Each machine starts with a wall clock that is off by up to this, mostly by little, and with a rate error.
  kernel::Duration wall_offset_max{0};
  std::int64_t drift_ppm_max = 0;
};

enum class CrashKind : std::uint8_t {
  process_kill,  ///< SIGKILL: what was written stays, streams are closed by the system
  power_loss,    ///< the rest of the machine goes too: unsynced bytes are at the seed's mercy, peers hear nothing
};

/// What a log line of a simulated node looked like, kept for people and for "error fails the run".
struct LogLine {
  std::int64_t time_ns;
  std::string node;
  kernel::Level level;
  std::string text;
};

class World final : private kernel::DispatchPolicy {
 public:
  World(WorldOptions options, kernel::StackPool& stacks);
  ~World() override;

  Machine& add_machine(std::string_view name);
  [[nodiscard]] Machine* find_machine(std::string_view name_or_address);
  [[nodiscard]] const std::vector<std::unique_ptr<Machine>>& machines() const { return machines_; }

  using Main = std::function<void(kernel::Fiber&)>;
  /// Starts a process on `machine` (which must be down) with `shards` shards; `main` runs as its first fiber.
  void boot(Machine& machine, std::uint32_t shards, Main main);
  /// Ends the process at once. Not from a fiber of the world: use after() from there.
  void kill(Machine& machine, CrashKind kind);
  /// Freezes and thaws all fibers of the machine's process; the world goes on around it.
  void pause(Machine& machine);
  void resume(Machine& machine);

  /// Runs `action` at a time, outside all fibers. Harness and faults are made of these.
  void after(kernel::Duration delay, std::function<void()> action);

  /// One event. False when nothing can ever happen any more.
  bool step();
  /// Steps until `done` answers true or `limit` of virtual time has passed; true if done.
  bool run_until(const std::function<bool()>& done, kernel::Duration limit);
  void run_for(kernel::Duration duration) {
    run_until([] { return false; }, duration);
  }

  [[nodiscard]] kernel::Mono now() const { return now_; }
  [[nodiscard]] kernel::Random random(kernel::Domain domain, std::uint64_t entity) {
    return kernel::Random{options_.seed, domain, entity, &trace_};
  }
  [[nodiscard]] const WorldOptions& options() const { return options_; }
  [[nodiscard]] Trace& trace() { return trace_; }
  [[nodiscard]] SimNetwork& network() { return *network_; }
  [[nodiscard]] Policy& policy() { return policy_; }
  [[nodiscard]] kernel::TimerQueue& timers() { return scheduler_.timers(); }
  [[nodiscard]] kernel::Scheduler& scheduler() { return scheduler_; }
  void record(EventKind kind, std::uint32_t node, std::uint64_t a, std::uint64_t b = 0) {
    trace_.record(kernel::ns_of(now_), kind, node, a, b);
  }

  /// How often each coverage mark was reached, by name.
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& marks() const { return marks_; }
  void mark(std::string_view name);
  /// Settles once per run whether the nudge `name` is active, and each time whether it fires, with the mark
  /// "nudge.<name>".
  bool nudge(std::string_view name);
  /// Stops nudging, for the liveness phase.
  void stop_nudges() { options_.nudges = false; }

  void log(LogLine line);
  void watch_logs(std::function<void(const LogLine&)> watcher) { log_watcher_ = std::move(watcher); }
  [[nodiscard]] std::uint64_t error_lines() const { return error_lines_; }
  [[nodiscard]] const std::vector<LogLine>& errors() const { return errors_; }

 private:
  kernel::Fiber& choose(kernel::RunQueue& ready, std::size_t count) override { return policy_.choose(ready, count); }
  void dispatching(kernel::Fiber& fiber) override;

  WorldOptions options_;
  Trace trace_;
  kernel::Mono now_{};
  kernel::Scheduler scheduler_;
  Policy policy_;
  std::unique_ptr<SimNetwork> network_;
  std::vector<std::unique_ptr<Machine>> machines_;
  class Action;
  struct ActionTag;
  std::vector<std::unique_ptr<Action>> idle_actions_;
  std::map<std::uint64_t, std::unique_ptr<Action>> actions_;
  std::uint64_t next_action_ = 0;
  struct Nudge {
    bool active;
    std::uint32_t per_million;
  };
  std::map<std::string, Nudge, std::less<>> nudges_;
  kernel::Random nudge_random_;
  std::map<std::string, std::uint64_t, std::less<>> marks_;
  std::function<void(const LogLine&)> log_watcher_;
  std::uint64_t error_lines_ = 0;
  std::vector<LogLine> errors_;
};

}  // namespace sim
