// One broker, producers with and without idempotence, readers and topic churn, under crashes, power failures, disk and
// network trouble: whatever was shown or acknowledged is there, in order, once. Then everything heals, and everything
// must drain.
#include <fmt/format.h>

#include "broker/broker.h"
#include "broker/config/broker_config.h"
#include "scenarios/broker_survives.h"
#include "scenarios/oracles/disk_scan.h"
#include "scenarios/workloads/tasks.h"
#include "sim/faults/plan.h"
#include "sim/machine.h"

namespace scenarios {
namespace {

using kernel::Duration;
using kernel::Fiber;
using namespace std::chrono_literals;

constexpr std::string_view kLogDirectory = "/data";
constexpr std::size_t kClients = 4;

/// Settings that tune, each with its hostile value next to the ordinary one.
std::vector<std::string> draw_settings(Run& run, const sim::Machine& machine, const Stage& stage) {
  kernel::Random random = run.random("settings");
  std::vector<std::string> settings{
      fmt::format("listeners=PLAINTEXT://{}:{}", machine.address(), stage.broker_port),
      fmt::format("log.dirs={}", kLogDirectory),
      fmt::format("num.partitions={}", stage.partitions),
      fmt::format("kalda.shards={}", random.between(1, 3)),
      "kalda.admin.port=-1",
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

/// The broker's machine: boots, and watches over its process as an operator's supervisor does.
class BrokerHost {
 public:
  BrokerHost(Run& run, Stage& stage, sim::Machine& machine)
      : run_{run}, stage_{stage}, machine_{machine}, shards_{1} {
    const auto settings = draw_settings(run, machine, stage);
    auto loaded = broker::config::load_broker_config("", settings);
    for (const std::string& problem : loaded.problems) run.violation("settings", problem);
    if (!loaded.config) loaded = broker::config::load_broker_config("");
    config_ = *loaded.config;
    shards_ = static_cast<std::uint32_t>(std::max(config_.shards, 1));
  }

  void boot() {
    run_.world().boot(machine_, shards_, [this](Fiber& f) {
      last_outcome_ = broker::Broker::run(f, config_, [this](const broker::Started&) { on_started(); });
    });
  }
  void note_crash(sim::CrashKind kind) {
    survived_ = scan_logs(machine_.disk().image(), kLogDirectory);
    crashed_ = true;
    std::map<std::string, net::Offset> ends;
    for (const auto& [name, log] : survived_) ends[name] = log.whole_end();
    stage_.ledger.crashed(kind, ends);
  }
  /// True while the process has ended by itself, e.g. because its disk failed.
  [[nodiscard]] bool gave_up() const { return machine_.up() && machine_.process()->main_ended; }
  [[nodiscard]] std::uint64_t starts() const { return starts_; }
  [[nodiscard]] const kernel::Result<>& last_outcome() const { return last_outcome_; }

 private:
  void on_started() {
    ++starts_;
    ++stage_.broker_starts;
    const auto logs = scan_logs(machine_.disk().image(), kLogDirectory);
    check_epochs(run_, logs);
    if (std::exchange(crashed_, false)) check_recovered(run_, survived_, logs);
  }
  Run& run_;
  Stage& stage_;
  sim::Machine& machine_;
  broker::config::BrokerConfig config_;
  std::uint32_t shards_;
  std::map<std::string, ScannedLog> survived_;
  bool crashed_ = false;
  std::uint64_t starts_ = 0;
  kernel::Result<> last_outcome_{};
};

/// Settings of the topic itself. Small segments and indexes make rolls, snapshots and index borders common.
std::map<std::string, std::string> draw_topic_settings(Run& run) {
  kernel::Random random = run.random("topic settings");
  std::map<std::string, std::string> settings;
  if (random.below(2) == 0) settings["internal.segment.bytes"] = "16384";
  if (random.below(2) == 0) settings["index.interval.bytes"] = "512";
  if (random.below(3) == 0) settings["message.timestamp.type"] = "LogAppendTime";
  if (random.below(4) == 0) settings["compression.type"] = "lz4";
  if (random.below(5) == 0) settings["log.durability"] = "relaxed";
  return settings;
}

ProducerPlan draw_producer(Run& run, std::uint32_t id) {
  kernel::Random random = run.random("producer plan").split(id);
  ProducerPlan plan{.id = id};
  plan.idempotent = id == 0 || random.below(2) == 0;
  if (!plan.idempotent) {
    constexpr clients::producer::Acks kAcks[] = {clients::producer::Acks::all, clients::producer::Acks::leader,
                                                 clients::producer::Acks::none};
    plan.acks = kAcks[random.below(3)];
  }
  plan.codec = static_cast<net::compress::Codec>(random.below(5));
  plan.value_bytes_max = random.below(4) == 0 ? 8'000 : 200;
  plan.batch_bytes = static_cast<std::size_t>(random.between(200, 16'384));
  plan.pause_max = std::chrono::milliseconds{random.between(1, 100)};
  if (random.below(2) == 0) plan.records_per_life = static_cast<std::uint64_t>(random.between(20, 400));
  return plan;
}

void boot_clients(Run& run, Stage& stage, std::vector<sim::Machine*>& machines) {
  for (std::size_t i = 0; i < kClients; ++i) machines.push_back(&run.world().add_machine(fmt::format("client{}", i + 1)));
  for (std::uint32_t i = 0; i < 2; ++i) {
    run.world().boot(*machines[i], 1, [&stage, plan = draw_producer(run, i)](Fiber& f) { produce(f, stage, plan); });
  }
  run.world().boot(*machines[2], 1, [&stage](Fiber& f) {
    kernel::Scope scope{f};
    scope.spawn("repeater", [&stage](Fiber& child) { repeat_batches(child, stage, 0); });
    for (std::int32_t p = 0; p < stage.partitions; ++p) {
      scope.spawn("reader", [&stage, p](Fiber& child) { read_partition(child, stage, p, static_cast<std::uint64_t>(p)); });
    }
    scope.spawn("browser", [&stage](Fiber& child) { read_anywhere(child, stage, 1000); });
    static_cast<void>(scope.join(f));
  });
  run.world().boot(*machines[3], 1, [&stage](Fiber& f) {
    create_topic(f, stage);
    churn_topics(f, stage);
  });
}

/// A failing disk is what these errors are about; anything else that is logged as an error is a finding.
bool is_disk_story(const sim::LogLine& line) {
  const auto has = [&](std::string_view words) { return line.text.find(words) != std::string::npos; };
  if (has("damaged")) return false;
  const auto offline = static_cast<int>(broker::log::LogReason::directory_offline);
  return has("directory_offline") || has(fmt::format("broker.{} ", offline)) || has("sync_failed") || has("write_failed") || has("kernel.io") || has("disk_full");
}

}  // namespace

void broker_survives(Run& run) {
  sim::World& world = run.world();
  kernel::Random random = run.random("shape");
  Stage stage{run};
  stage.partitions = static_cast<std::int32_t>(random.between(1, 4));
  sim::Machine& machine = world.add_machine("broker");
  machine.disk().image().set_personality(random.below(2) == 0 ? sim::Personality::ordered : sim::Personality::strict);
  stage.broker_host = machine.name();
  stage.topic_settings = draw_topic_settings(run);
  const bool relaxed = stage.topic_settings.contains("log.durability");
  if (relaxed) stage.ledger.relax(stage.topic);
  run.expect_errors(is_disk_story);

  BrokerHost host{run, stage, machine};
  std::vector<sim::Machine*> clients;
  host.boot();
  boot_clients(run, stage, clients);

  // Safety: thirty seconds of work under a plan of disasters.
  constexpr auto kSafety = 30s;
  const sim::FaultPlan plan = sim::draw_plan(world.random(kernel::Domain::faults, 0),
                                             {.victims = {0}, .peers = {1, 2, 3, 4}, .duration = kSafety, .allowed = {}});
  sim::Injector injector{world, plan, [&](sim::Machine&) { host.boot(); }};
  injector.on_crash = [&](sim::Machine&, sim::CrashKind kind) { host.note_crash(kind); };
  injector.start();
  const kernel::Mono safety_ends = world.now() + kSafety;
  // Crashes at moments that hurt: right after a client was told something, or as it asks for a change.
  kernel::Random shots = run.random("shots");
  auto moments_left = static_cast<std::int64_t>(shots.below(3) == 0 ? shots.between(1, 300) : INT64_MAX);
  stage.on_moment = [&] {
    if (--moments_left > 0 || world.now() >= safety_ends) return;
    moments_left = shots.between(1, 600);
    const auto kind = shots.below(4) == 0 ? sim::CrashKind::process_kill : sim::CrashKind::power_loss;
    world.after(kernel::Duration{static_cast<std::int64_t>(shots.heavy_tail(5'000'000, 3))}, [&injector, &machine, &world, safety_ends, kind] {
      if (world.now() < safety_ends) injector.crash(machine, kind, 50ms);
    });
  };
  // And an orderly restart, as operators do; the supervisor below starts it again.
  if (shots.below(2) == 0) {
    world.after(std::chrono::milliseconds{shots.between(2'000, 28'000)}, [&machine] {
      if (machine.up()) machine.process()->request_stop();
    });
  }
  while (world.now() < safety_ends && !run.failed() && !run.stopped()) {
    run.until([&] { return world.now() >= safety_ends || host.gave_up() || run.failed(); }, kSafety);
    if (host.gave_up()) injector.crash(machine, sim::CrashKind::process_kill, 200ms);
  }
  if (run.failed() || run.stopped()) return;

  // Liveness: everything works again, so everything must come to its end.
  injector.heal();
  if (host.gave_up()) injector.crash(machine, sim::CrashKind::process_kill, 1ms);
  stage.producing = false;
  constexpr auto kDrain = 300s;
  const bool drained = run.until(
      [&] {
        if (host.gave_up()) {
          world.after(0s, [&] {
            if (!host.gave_up()) return;
            world.kill(machine, sim::CrashKind::process_kill);
            host.note_crash(sim::CrashKind::process_kill);
            host.boot();
          });
        }
        return stage.producers_done == 4 || run.failed();
      },
      kDrain);
  if (run.failed() || run.stopped()) return;
  if (!drained) return run.violation("liveness", "a client did not come to its end within 300 s after everything healed");

  // What was acknowledged by acks=1 a moment ago becomes readable in a moment.
  run.until([&] { return run.failed(); }, 2s);
  bool read = false, complete = false, ended = false;
  std::map<PartitionName, net::Offset> ends;
  sim::Machine& auditor = world.add_machine("auditor");
  world.boot(auditor, 1, [&](Fiber& f) {
    complete = final_read(f, stage, ends);
    read = true;
    if (complete) poll_for_news(f, stage, ends);
    ended = true;
  });
  run.until([&] { return read || run.failed(); }, kDrain);
  if (run.failed() || run.stopped()) return;
  if (!read || !complete) return run.violation("liveness", "the log could not be read to its end after everything healed");
  constexpr auto kCatchUp = 60s;
  const auto caught_up = [&] {
    return std::ranges::all_of(ends, [&](const auto& end) { return stage.reader_at[end.first.partition] >= end.second; });
  };
  if (!run.until([&] { return caught_up() || run.failed(); }, kCatchUp) && !run.stopped() && !run.failed()) {
    return run.violation("V7", "a reader did not come to the end within 60 s after everything healed");
  }
  run.until([&] { return ended || run.failed(); }, kDrain);
  if (run.failed() || run.stopped()) return;
  stage.stopping = true;

  // At rest: an orderly stop, then what is on the disk.
  machine.process()->request_stop();
  run.until([&] { return machine.process()->main_ended; }, 60s);
  if (run.stopped()) return;
  if (!machine.process()->main_ended) return run.violation("liveness", "the broker did not stop when it was asked to");
  if (!host.last_outcome()) {
    return run.violation("liveness", fmt::format("the broker stopped with {}", describe(host.last_outcome().error())));
  }
  const auto logs = scan_logs(machine.disk().image(), kLogDirectory);
  std::set<std::string> relaxed_logs;
  for (std::int32_t p = 0; relaxed && p < stage.partitions; ++p) relaxed_logs.insert(to_string(PartitionName{stage.topic, p}));
  check_shape(run, logs, relaxed_logs);
  check_epochs(run, logs);
}

}  // namespace scenarios
