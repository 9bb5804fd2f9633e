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
  return settings;
}

/// The broker's machine: boots, and watches over its process as an operator's supervisor does.
class BrokerHost {
 public:
  BrokerHost(Run& run, Stage& stage, sim::Machine& machine)
      : run_{run}, machine_{machine}, shards_{1} {
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
  void note_crash() {
    survived_ = scan_logs(machine_.disk().image(), kLogDirectory);
    crashed_ = true;
  }
  /// True while the process has ended by itself, e.g. because its disk failed.
  [[nodiscard]] bool gave_up() const { return machine_.up() && machine_.process()->main_ended; }
  [[nodiscard]] std::uint64_t starts() const { return starts_; }
  [[nodiscard]] const kernel::Result<>& last_outcome() const { return last_outcome_; }

 private:
  void on_started() {
    ++starts_;
    if (!crashed_) return;
    crashed_ = false;
    check_recovered(run_, survived_, scan_logs(machine_.disk().image(), kLogDirectory));
  }
  Run& run_;
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
  return plan;
}

void boot_clients(Run& run, Stage& stage, std::vector<sim::Machine*>& machines) {
  for (std::size_t i = 0; i < kClients; ++i) machines.push_back(&run.world().add_machine(fmt::format("client{}", i + 1)));
  for (std::uint32_t i = 0; i < 2; ++i) {
    run.world().boot(*machines[i], 1, [&stage, plan = draw_producer(run, i)](Fiber& f) { produce(f, stage, plan); });
  }
  run.world().boot(*machines[2], 1, [&stage](Fiber& f) {
    kernel::Scope scope{f};
    for (std::int32_t p = 0; p < stage.partitions; ++p) {
      scope.spawn("reader", [&stage, p](Fiber& child) { read_partition(child, stage, p, static_cast<std::uint64_t>(p)); });
    }
    static_cast<void>(scope.join(f));
  });
  run.world().boot(*machines[3], 1, [&stage](Fiber& f) {
    create_topic(f, stage);
    churn_topics(f, stage);
  });
}

/// A failing disk is what these errors are about; anything else that is logged as an error is a finding.
bool is_disk_story(const sim::LogLine& line) {
  return line.text.find("directory_offline") != std::string::npos || line.text.find("offline") != std::string::npos ||
         line.text.find("sync_failed") != std::string::npos || line.text.find("write_failed") != std::string::npos ||
         line.text.find("kernel.io") != std::string::npos || line.text.find("disk_full") != std::string::npos;
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
  injector.on_crash = [&](sim::Machine&, sim::CrashKind) { host.note_crash(); };
  injector.start();
  const kernel::Mono safety_ends = world.now() + kSafety;
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
            if (host.gave_up()) world.kill(machine, sim::CrashKind::process_kill), host.note_crash(), host.boot();
          });
        }
        return stage.producers_done == 3 || run.failed();
      },
      kDrain);
  if (run.failed() || run.stopped()) return;
  if (!drained) return run.violation("liveness", "a client did not come to its end within 300 s after everything healed");

  stage.stopping = true;
  bool read = false, complete = false;
  sim::Machine& auditor = world.add_machine("auditor");
  world.boot(auditor, 1, [&](Fiber& f) {
    complete = final_read(f, stage);
    read = true;
  });
  run.until([&] { return read || run.failed(); }, kDrain);
  if (run.failed() || run.stopped()) return;
  if (!read || !complete) return run.violation("liveness", "the log could not be read to its end after everything healed");

  // At rest: an orderly stop, then what is on the disk.
  machine.process()->request_stop();
  run.until([&] { return machine.process()->main_ended; }, 60s);
  if (run.stopped()) return;
  if (!machine.process()->main_ended) return run.violation("liveness", "the broker did not stop when it was asked to");
  if (!host.last_outcome()) {
    return run.violation("liveness", fmt::format("the broker stopped with {}", describe(host.last_outcome().error())));
  }
  check_shape(run, scan_logs(machine.disk().image(), kLogDirectory));
}

}  // namespace scenarios
