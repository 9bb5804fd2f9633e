#include "scenarios/one_broker.h"

#include <fmt/format.h>

#include "broker/broker.h"
#include "broker/coordinators/group/group_metrics.h"
#include "broker/log/log_directory.h"
#include "broker/log/reason.h"

namespace scenarios {

using kernel::Fiber;
using namespace std::chrono_literals;

namespace {

constexpr auto kSafety = 30s;

/// One half of the time one, else two or three; each but the first, which shares it with the rest, on its own disk.
std::string draw_directories(Run& run, sim::Machine& machine) {
  kernel::Random random = run.random("log directories");
  std::string paths = "/data";
  const std::int64_t count = random.below(2) == 0 ? 1 : random.between(2, 3);
  for (std::int64_t i = 2; i <= count; ++i) {
    const std::string path = fmt::format("/data{}", i);
    machine.disk().add_volume(path);
    paths += "," + path;
  }
  if (count > 1) run.world().mark("scenarios.several_log_directories");
  return paths;
}

/// Settings that tune, each with its hostile value next to the ordinary one.
std::vector<std::string> draw_settings(Run& run, sim::Machine& machine, const Stage& stage,
                                       bool several_directories) {
  kernel::Random random = run.random("settings");
  std::vector<std::string> settings{
      fmt::format("listeners=PLAINTEXT://{}:{}", machine.address(), stage.broker_port),
      fmt::format("log.dirs={}", several_directories ? draw_directories(run, machine) : std::string{kLogDirectory}),
      fmt::format("num.partitions={}", stage.partitions),
      fmt::format("kalda.shards={}", random.between(1, 3)),
      "kalda.admin.port=-1",
      "log.retention.ms=-1",  // some records say that they are from 1970
  };
  const auto maybe = [&](std::string_view setting) {
    if (random.below(2) == 0) settings.emplace_back(setting);
  };
  maybe("log.index.interval.bytes=512");
  maybe("log.index.size.max.bytes=256");
  maybe("metadata.log.max.record.bytes.between.snapshots=1000");
  maybe("max.incremental.fetch.session.cache.slots=1");
  maybe("connections.max.idle.ms=3000");
  maybe("log.flush.offset.checkpoint.interval.ms=700");
  return settings;
}

/// A failing disk is what these errors are about; anything else that is logged as an error is a finding.
bool is_disk_story(const sim::LogLine& line) {
  const auto has = [&](std::string_view words) { return line.text.find(words) != std::string::npos; };
  if (is_damage_story(line)) return false;
  const auto offline = static_cast<int>(broker::log::LogReason::directory_offline);
  return has("directory_offline") || has(fmt::format("broker.{} ", offline)) || has("sync_failed") || has("write_failed") || has("kernel.io") || has("kernel.read_only") ||
         has("disk_full");
}

}  // namespace

OneBroker::OneBroker(Run& run, Stage& stage, const std::vector<std::string>& more, bool several_directories)
    : run_{run}, stage_{stage}, machine_{run.world().add_machine("broker")} {
  kernel::Random random = run.random("disk");
  machine_.disk().image().set_personality(random.below(2) == 0 ? sim::Personality::ordered : sim::Personality::strict);
  stage.broker_host = machine_.name();
  stage.coordinators_loaded = [this] { return coordinators_loaded(); };
  run.expect_errors([this](const sim::LogLine& line) {
    return (was_told_errors() && is_disk_story(line)) || (expects_damage_ && is_damage_story(line));
  });
  auto settings = draw_settings(run, machine_, stage, several_directories);
  settings.insert(settings.end(), more.begin(), more.end());
  auto loaded = broker::config::load_broker_config("", settings);
  for (const std::string& problem : loaded.problems) run.violation("settings", problem);
  if (!loaded.config) loaded = broker::config::load_broker_config("");
  config_ = *loaded.config;
  shards_ = static_cast<std::uint32_t>(std::max(config_.shards, 1));
}

std::vector<std::uint64_t> OneBroker::told_errors() const {
  const auto& marks = run_.world().marks();
  const auto resolver = marks.find("sim.network.resolve_error");
  std::vector<std::uint64_t> told{resolver == marks.end() ? 0 : resolver->second};
  for (std::size_t i = 0; i < machine_.disk().volumes(); ++i) told.push_back(machine_.disk().errors_told(i));
  return told;
}

bool OneBroker::has_excuse() const {
  const auto told = told_errors();
  const auto is_new = [&](std::size_t i) { return told[i] > told_errors_at_boot_[i]; };
  return is_new(0) || is_new(1);
}

bool OneBroker::has_offline_directory() const {
  if (!machine_.up() || machine_.process()->main_ended) return false;
  for (const auto& reading : machine_.process()->shards().front()->metrics().read())
    if (reading.name == broker::log::kOnlineMetric && reading.value == 0) return true;
  return false;
}

bool OneBroker::coordinators_loaded() const {
  if (!machine_.up() || machine_.process()->main_ended) return false;
  std::int64_t loads = 0;
  for (const auto& shard : machine_.process()->shards()) {
    for (const auto& reading : shard->metrics().read())
      if (reading.name == broker::coordinators::group::kLoadMetric) loads += reading.count;
  }
  return loads >= config_.groups.offsets_partitions;
}

void OneBroker::ask_to_stop() {
  stop_asked_ = true;
  machine_.process()->request_stop();
}

void OneBroker::look_after_directories() {
  if (log_directories().size() == 1) return;
  auto moods = std::make_shared<kernel::Random>(run_.random("operator of disks"));
  auto look = std::make_shared<std::function<void()>>();
  *look = [this, moods, again = std::weak_ptr{look}] {
    if (over_) return;
    if (has_offline_directory() && !stop_asked_ && (healed_ || moods->below(6) == 0)) {
      run_.world().mark("scenarios.restarted_for_a_directory");
      ask_to_stop();
    }
    if (const auto self = again.lock()) run_.world().after(1s, [self] { (*self)(); });
  };
  run_.world().after(1s, [look] { (*look)(); });
}

void OneBroker::start_again() {
  judge_end();
  run_.world().kill(machine_, sim::CrashKind::process_kill);
  note_crash(sim::CrashKind::process_kill);
  boot();
}

void OneBroker::judge_end() {
  run_.judged("V12");
  const bool never_came_up = !served_ && !last_outcome_ && broker::log::may_pass(last_outcome_.error());
  if (!stop_asked_ && !has_excuse() && !never_came_up) {
    run_.violation("V12", fmt::format("the broker ended by itself, and nothing had failed it: {}",
                                      last_outcome_ ? "without an error" : describe(last_outcome_.error())));
  }
}

void OneBroker::boot() {
  told_errors_at_boot_ = told_errors();
  stop_asked_ = served_ = false;
  run_.world().boot(machine_, shards_, [this](Fiber& f) {
    last_outcome_ = broker::Broker::run(f, config_, [this](const broker::Started&) {
      served_ = true;
      judge_start();
    });
  });
}

void OneBroker::judge_start() {
  ++stage_.broker_starts;
  const auto logs = scan_logs(machine_.disk().image(), log_directories());
  check_epochs(run_, logs);
  if (std::exchange(crashed_, false)) {
    if (expects_damage_) judge_damage(logs);
    check_recovered(run_, survived_, logs);
  }
  on_started();
}

void OneBroker::note_crash(sim::CrashKind kind) {
  const auto before = std::exchange(survived_, scan_logs(machine_.disk().image(), log_directories()));
  if (expects_damage_ && crashed_) strike_damaged(before);  // by a recovery that was cut short
  if (expects_damage_) synced_to_ = synced_watermarks(machine_.disk().image(), kLogDirectory);
  crashed_ = true;
  // What the medium holds after a power failure is there for good.
  if (kind == sim::CrashKind::power_loss) metadata_.look(machine_.disk().image(), kLogDirectory);
  std::map<std::string, net::Offset> ends;
  for (const auto& [name, log] : survived_) ends[name] = log.whole_end();
  stage_.ledger.crashed(kind, ends);
}

/// Right after a client was told something, or as it asks for a change.
void OneBroker::shoot_at_moments(kernel::Mono until) {
  auto shots = std::make_shared<kernel::Random>(run_.random("shots"));
  auto left = std::make_shared<std::int64_t>(shots->below(3) == 0 ? shots->between(1, 300) : INT64_MAX);
  stage_.on_moment = [this, shots, left, until] {
    sim::World& world = run_.world();
    if (--*left > 0 || world.now() >= until) return;
    *left = shots->between(1, 600);
    const auto kind = shots->below(4) == 0 ? sim::CrashKind::process_kill : sim::CrashKind::power_loss;
    world.after(kernel::Duration{static_cast<std::int64_t>(shots->heavy_tail(5'000'000, 3))}, [this, until, kind] {
      if (run_.world().now() < until) injector_->crash(machine_, kind, 50ms);
    });
  };
  // And an orderly restart, as operators do; the supervisor starts it again.
  if (shots->below(2) == 0) {
    run_.world().after(std::chrono::milliseconds{shots->between(2'000, 28'000)}, [this] {
      if (machine_.up()) ask_to_stop();
    });
  }
}

/// While new segments take the place of old ones.
void OneBroker::shoot_at_compactions(const std::string& log, kernel::Mono until) {
  constexpr auto kLook = 2ms;
  auto shots = std::make_shared<kernel::Random>(run_.random("shots at compactions"));
  if (log.empty() || shots->below(3) != 0) return;
  auto look = std::make_shared<std::function<void()>>();
  *look = [this, shots, log, until, kLook, again = std::weak_ptr{look}] {
    if (run_.world().now() >= until) return;
    const bool swapping = std::ranges::any_of(log_directories(), [&](const std::string& path) {
      const auto directory = machine_.disk().image().find(fmt::format("{}/{}", path, log));
      return directory && std::ranges::any_of((*directory)->entries, [](const auto& entry) {
        return entry.first.ends_with(".swap");
      });
    });
    auto next = kLook;
    if (swapping && machine_.up() && shots->below(8) == 0) {
      injector_->crash(machine_, sim::CrashKind::power_loss, 50ms);
      next = std::chrono::milliseconds{shots->between(500, 5000)};
    }
    if (const auto self = again.lock()) run_.world().after(next, [self] { (*self)(); });
  };
  run_.world().after(kLook, [look] { (*look)(); });
}

bool OneBroker::suffer(Disasters disasters) {
  sim::World& world = run_.world();
  std::vector<std::uint32_t> victims = disasters.victims;
  victims.insert(victims.begin(), 0);
  const sim::FaultPlan plan = sim::draw_plan(
      world.random(kernel::Domain::faults, 0),
      {.victims = victims, .peers = disasters.peers, .duration = kSafety, .allowed = disasters.allowed});
  injector_.emplace(world, plan, [this, boot_victim = std::move(disasters.boot_victim)](sim::Machine& machine) {
    if (&machine == &machine_) boot();
    else boot_victim(machine);
  });
  injector_->on_crash = [this](sim::Machine& machine, sim::CrashKind kind) {
    if (&machine == &machine_) note_crash(kind);
  };
  injector_->start();
  look_after_directories();
  const kernel::Mono ends = world.now() + kSafety;
  shoot_at_moments(ends);
  shoot_at_compactions(disasters.rewriting, ends);
  while (world.now() < ends && !run_.failed() && !run_.stopped()) {
    run_.until([&] { return world.now() >= ends || gave_up() || run_.failed(); }, kSafety);
    if (!gave_up()) continue;
    judge_end();
    injector_->crash(machine_, sim::CrashKind::process_kill, 200ms);
  }
  if (run_.failed() || run_.stopped()) return false;
  injector_->heal();
  healed_ = true;
  run_.world().after(2s, [this] { stage_.healed = true; });
  // An orderly stop that is under way comes to its end, and directories that had failed serve again.
  return settle([&] { return machine_.up() && !gave_up() && !stop_asked_ && !has_offline_directory(); }, "the broker");
}

bool OneBroker::settle(const std::function<bool()>& done, std::string_view who) {
  const bool settled = run_.until(
      [&] {
        if (gave_up()) {
          run_.world().after(0s, [this] {
            if (gave_up()) start_again();
          });
        }
        return done() || run_.failed();
      },
      300s);
  if (run_.failed() || run_.stopped()) return false;
  run_.judged("liveness");
  if (!settled) run_.violation("liveness", fmt::format("{} did not come to its end within 300 s after everything healed", who));
  return settled;
}

std::optional<std::map<std::string, ScannedLog>> OneBroker::stop() {
  over_ = true;
  ask_to_stop();
  run_.until([&] { return machine_.process()->main_ended; }, 60s);
  if (run_.stopped()) return std::nullopt;
  run_.judged("liveness");
  if (!machine_.process()->main_ended) {
    run_.violation("liveness", "the broker did not stop when it was asked to");
    return std::nullopt;
  }
  if (!last_outcome_) {
    run_.violation("liveness", fmt::format("the broker stopped with {}", describe(last_outcome_.error())));
    return std::nullopt;
  }
  metadata_.look(machine_.disk().image(), kLogDirectory);
  check_producers(run_, machine_.disk().image(), kLogDirectory);
  return scan_logs(machine_.disk().image(), log_directories());
}

bool OneBroker::is_damaged(const PartitionName& at) const {
  return expects_damage_ && was_damaged(machine_.disk().image(), fmt::format("{}/{}", kLogDirectory, to_string(at)));
}

void OneBroker::expect_damage() {
  expects_damage_ = true;
  machine_.disk().damage_only([topic = stage_.topic](std::string_view path) {
    return path.starts_with(fmt::format("{}/{}-", kLogDirectory, topic)) && may_come_to(path);
  });
  stage_.may_be_damaged = [this](const PartitionName& at) { return is_damaged(at); };
}

void OneBroker::strike_damaged(const std::map<std::string, ScannedLog>& before) {
  for (std::int32_t p = 0; p < stage_.partitions; ++p) {
    const PartitionName at{stage_.topic, p};
    const auto was = before.find(to_string(at));
    const auto now = survived_.find(to_string(at));
    if (was == before.end() || now == survived_.end() || now->second.whole_end() >= was->second.whole_end()) continue;
    if (is_damaged(at)) stage_.ledger.damaged(at, now->second.whole_end());
  }
}

void OneBroker::judge_damage(const std::map<std::string, ScannedLog>& recovered) {
  for (std::int32_t p = 0; p < stage_.partitions; ++p) {
    const PartitionName at{stage_.topic, p};
    const auto before = survived_.find(to_string(at));
    const auto after = recovered.find(to_string(at));
    if (before == survived_.end() || after == recovered.end()) continue;
    const net::Offset end = after->second.whole_end();
    if (end >= before->second.whole_end()) continue;
    run_.judged("damage");
    if (!is_damaged(at)) {
      run_.violation("damage", fmt::format("{}: recovery cut at {} what was whole up to {}", to_string(at), end.raw(), before->second.whole_end().raw()));
    }
    const auto synced = synced_to_.find(to_string(at));
    if (synced != synced_to_.end() && end < synced->second) {
      run_.violation("damage", fmt::format("{}: recovery cut at {}, like a torn tail, what was on record as synced up to {}",
                                        to_string(at), end.raw(), synced->second.raw()));
    }
    stage_.ledger.damaged(at, end);
  }
}

void OneBroker::mend() {
  machine_.disk().image().mend_all();
  run_.world().kill(machine_, sim::CrashKind::process_kill);
  note_crash(sim::CrashKind::process_kill);
  boot();
  // What the broker before this one sent may still be on its way.
  run_.world().after(15s, [this] { stage_.may_be_damaged = [](const PartitionName&) { return false; }; });
}

void OneBroker::lose_disk() {
  run_.world().kill(machine_, sim::CrashKind::power_loss);
  machine_.disk().replace();
  crashed_ = false;
  metadata_.forget();
  boot();
}

void OneBroker::audit_parked(const std::vector<sim::Machine*>& clients) {
  for (sim::Machine* client : clients) {
    if (client->up()) run_.world().kill(*client, sim::CrashKind::process_kill);
  }
  const auto at_work = [this] {
    std::string names;
    if (!machine_.up()) return names;
    for (kernel::Shard* shard : machine_.process()->shards()) {
      for (const std::string_view name : shard->fiber_names()) {
        if (name == "connection" || name == "produce" || name == "append" || name == "fetch wait") names += fmt::format(" {}", name);
      }
    }
    return names;
  };
  run_.judged("V9");
  // A long poll of the longest kind may end at its own time.
  if (run_.until([&] { return at_work().empty() || run_.failed(); }, 40s) || run_.stopped() || run_.failed()) return;
  run_.violation("V9", fmt::format("no client lives, and at the broker there still are:{}", at_work()));
}

}  // namespace scenarios
