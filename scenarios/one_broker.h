// The broker of a scenario with one: its machine, a supervisor that starts it again whenever it ends, disasters, healing,
// and what its disk may hold after each.
//
//   OneBroker broker{run, stage};
//   broker.boot();
//   ...boot clients...
//   if (!broker.suffer({.peers = {1, 2, 3}})) return;      // thirty seconds of disasters
//   stage.producing = false;
//   if (!broker.settle([&] { return stage.producers_done == 3; }, "a client")) return;
//   stage.stopping = true;
//   const auto logs = broker.stop();                       // an orderly stop: nothing when the run is over
#pragma once

#include <optional>

#include "broker/config/broker_config.h"
#include "scenarios/oracles/damage.h"
#include "scenarios/oracles/derived.h"
#include "scenarios/oracles/disk_scan.h"
#include "scenarios/workloads/tasks.h"
#include "sim/faults/plan.h"
#include "sim/machine.h"

namespace scenarios {

/// The first one, with the metadata log.
inline constexpr std::string_view kLogDirectory = "/data";

class OneBroker {
 public:
  /// Adds the machine. Settings that tune are drawn, each with a hostile value next to the ordinary one; `more` comes on
  /// top of them.
  OneBroker(Run& run, Stage& stage, const std::vector<std::string>& more = {},
            bool several_directories = false);

  void boot();
  struct Disasters {
    std::vector<std::uint32_t> peers;    ///< indexes of machines whose links may be cut
    std::vector<std::uint32_t> victims = {};  ///< of machines that may go down besides the broker's
    std::function<void(sim::Machine&)> boot_victim = {};
    std::set<sim::FaultKind> allowed = {};  ///< empty: all that damage nothing
    std::string rewriting = {};  ///< a log: while compaction changes its files a crash is likely
  };
  /// Safety: thirty seconds of work under a plan of disasters, then everything heals. False when the run is over.
  bool suffer(Disasters disasters);
  /// Liveness: everything works again, so `done` comes within five minutes; `who` is named when it does not. False when
  /// the run is over.
  bool settle(const std::function<bool()>& done, std::string_view who);
  /// V9: once nobody of `clients` lives any more, nothing is under way for anybody.
  void audit_parked(const std::vector<sim::Machine*>& clients);
  /// An orderly stop; answers what is on the disk then. Nothing when the run is over.
  std::optional<std::map<std::string, ScannedLog>> stop();
  [[nodiscard]] sim::Machine& machine() { return machine_; }
  /// From now on damage of data comes to files of `stage.topic`, and is judged by what it may cost: what lies at or
  /// above it, where the broker could not know that it was synced, and no more.
  void expect_damage();
  /// The disk is whole again, and the broker starts anew.
  void mend();
  /// The power fails, and the machine comes back with an empty disk.
  void lose_disk();
  /// One to three, each on a disk of its own; the metadata log is in the first.
  [[nodiscard]] const std::vector<std::string>& log_directories() const { return config_.log_directories; }
  /// Called at every start, once what a crash has left is recovered.
  std::function<void()> on_started = [] {};

 private:
  void judge_start();
  void note_crash(sim::CrashKind kind);
  /// True while the process has ended by itself, e.g. because its disk failed.
  [[nodiscard]] bool gave_up() const { return machine_.up() && machine_.process()->main_ended; }
  void shoot_at_moments(kernel::Mono until);
  void shoot_at_compactions(const std::string& log, kernel::Mono until);
  /// An operator who starts the broker again when one of its log directories has failed: at some time, and at once when
  /// the disasters are over.
  void look_after_directories();
  /// After it has ended by itself or was asked to.
  void start_again();
  [[nodiscard]] bool has_offline_directory() const;
  void ask_to_stop();
  [[nodiscard]] bool coordinators_loaded() const;
  /// How often the broker was told that the resolver failed, and each of its disks, so far.
  [[nodiscard]] std::vector<std::uint64_t> told_errors() const;
  /// What it says in errors has a reason when any of them has failed it.
  [[nodiscard]] bool was_told_errors() const { return told_errors() != told_errors_at_boot_; }
  /// A process ends by itself when the resolver or the disk of the metadata have failed it: V12 otherwise.
  [[nodiscard]] bool has_excuse() const;
  void judge_end();
  [[nodiscard]] bool is_damaged(const PartitionName& at) const;
  void strike_damaged(const std::map<std::string, ScannedLog>& before);
  void judge_damage(const std::map<std::string, ScannedLog>& recovered);

  Run& run_;
  Stage& stage_;
  sim::Machine& machine_;
  broker::config::BrokerConfig config_;
  std::uint32_t shards_ = 1;
  std::optional<sim::Injector> injector_;
  MetadataHistory metadata_{run_};
  std::map<std::string, ScannedLog> survived_;
  bool expects_damage_ = false;
  std::map<std::string, net::Offset> synced_to_;  ///< what watermarks said at the last crash, by log
  bool crashed_ = false;
  bool stop_asked_ = false;
  bool served_ = false;      ///< since the last boot
  bool healed_ = false;
  bool over_ = false;  ///< the last stop was asked for
  std::vector<std::uint64_t> told_errors_at_boot_;
  kernel::Result<> last_outcome_{};
};

}  // namespace scenarios
