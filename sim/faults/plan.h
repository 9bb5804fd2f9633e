// A schedule of disasters as data: drawn from a seed, printed, replayed as it is written.
//
//   const FaultPlan plan = draw_plan(random, {.machines = {broker}, .peers = clients, .duration = 20s});
//   Injector injector{world, plan, [&](Machine& m) { world.boot(m, …); }};
//   injector.start();
//   …                                             // the safety phase
//   injector.heal();                              // everything works again; the liveness phase begins
//
// Swarm: each plan draws which kinds of trouble it has at all, and how often; between disasters there is time to get
// on. Each kind has a switch (allowed), a rate (by the swarm's draw), this scripted form, a mark that says that it was
// set off ("sim.fault.<name>"), and one of the thing it troubles that says that it was felt (tests/sim/faults_test.cc).
// Faults overlap: a link, a disk or a process is in the state that all faults under way ask for together, so that the
// end of one takes nothing away from another.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/random.h"
#include "kernel/time.h"
#include "sim/disk_image.h"
#include "sim/policy.h"
#include "sim/world.h"

namespace sim {

enum class FaultKind : std::uint8_t {
  process_kill,    // then boot again after `lasts`
  power_loss,      // then boot again after `lasts`
  pause,           // for `lasts`
  crash_loop,      // `amount` kills, each soon after the boot before it
  disk_slow,       // latencies times `amount`
  disk_hung,
  disk_full,
  disk_short_io,   // `amount` per million operations
  disk_write_error,
  disk_sync_error, // with the silent drop
  disk_read_error,
  disk_read_only,  // as after a remount that an operator takes back
  disk_bad_pages,  // `amount` per million of what only the medium holds cannot be read, until rewritten or over
  cut,             // both ways between machine and peer
  cut_one_way,     // from machine to peer
  clog,
  slow_reader,     // `amount` bytes a second from machine to peer
  reset_one,
  reset_all,
  refuse,          // connects, `amount` per million
  flaky_streams,   // writes that reset their stream, `amount` per million
  resolve_error,
  wall_step,       // by `amount` ms, either way
  drift,           // `amount` - 500 parts per million
  suspend,         // for `lasts`, and the monotonic clock stands still meanwhile
  isolate,         // both ways between machine and everybody
  no_descriptors,  // no file can be opened
  resolve_stale,   // names lead to where they led before, `amount` per million: nobody listens there
  // Damage that the device does not report, to files that the disk was told (SimDisk::damage_only()).
  disk_rot,               // `amount` per million of what only the medium holds, until written again or healed
  disk_lost_write,        // `amount` per million synced pages keep what was there before, until written again or healed
  disk_misdirected_write, // the same, and another page of the file takes what was written
  disk_stale_read,        // `amount` per million synced pages show what was there before, for `lasts`
  disk_loss,              // power loss, and an empty disk at the boot after `lasts`
};
inline constexpr std::size_t kFaultKinds = static_cast<std::size_t>(FaultKind::disk_loss) + 1;
/// Whether it may take what was safe: more than a machine whose disk has the only copy can bear.
[[nodiscard]] constexpr bool damages(FaultKind kind) { return kind >= FaultKind::disk_rot; }
std::string_view name_of(FaultKind kind);

struct Fault {
  kernel::Duration at{};
  FaultKind kind = FaultKind::process_kill;
  std::uint32_t machine = 0;  ///< index into the machines of the plan's ground
  std::uint32_t peer = 0;     ///< index into all machines
  kernel::Duration lasts{};
  std::int64_t amount = 0;
  std::uint32_t volume = 0;   ///< which of the machine's disks, counted round
};
/// "  3.250s power_loss b1 for 1.200s".
std::string to_string(const Fault& fault, const World& world);

struct FaultPlan {
  std::vector<Fault> faults;  ///< by time
};

struct PlanGround {
  std::vector<std::uint32_t> victims;  ///< indexes of machines that may suffer (brokers)
  std::vector<std::uint32_t> peers;    ///< whom links may be cut to (clients)
  kernel::Duration duration{};
  std::set<FaultKind> allowed;         ///< empty: all that damage nothing
};
FaultPlan draw_plan(kernel::Random random, const PlanGround& ground);

/// Carries a plan out.
class Injector {
 public:
  using Boot = std::function<void(Machine&)>;
  /// `before_boot` is told after a crash and before the boot; `boot` starts the machine's process again.
  Injector(World& world, FaultPlan plan, Boot boot) : world_{world}, plan_{std::move(plan)}, boot_{std::move(boot)} {}
  /// Told right after a crash, when what survived is settled.
  std::function<void(Machine&, CrashKind)> on_crash;

  void start();
  /// Ends every trouble there is, for good, and boots what is down. Faults still planned do not happen.
  void heal();
  [[nodiscard]] std::uint64_t fired() const { return fired_; }
  /// Kills and boots again later; used by plans and by supervisors of a process that gave up.
  void crash(Machine& machine, CrashKind kind, kernel::Duration down_for);

 private:
  void fire(const Fault& fault);
  /// Brings what `changed`, which has begun or ended, is about to what all faults under way ask for.
  void settle(const Fault& changed, bool begins);
  void settle_disk(const Fault& changed, bool begins);
  void settle_link(const Fault& changed, bool begins);
  void settle_direction(std::uint32_t from, std::uint32_t to);
  void settle_isolation(std::uint32_t machine, bool begins);
  /// The greatest amount among the faults of `kind` under way, on `machine` or anywhere; 0 when there is none.
  [[nodiscard]] std::int64_t strongest(FaultKind kind, std::optional<std::uint32_t> machine = {},
                                       std::optional<std::size_t> volume = {}) const;
  [[nodiscard]] bool any(FaultKind kind, std::uint32_t machine, std::optional<std::size_t> volume = {}) const;
  /// Which of its machine's disks a fault is of.
  [[nodiscard]] std::size_t volume_of(const Fault& fault) const;
  void boot_later(Machine& machine, kernel::Duration after);
  World& world_;
  FaultPlan plan_;
  Boot boot_;
  std::vector<const Fault*> under_way_;
  std::uint64_t fired_ = 0;
  bool healed_ = false;
};

}  // namespace sim
