// One broker, producers with and without idempotence, readers and topic churn, under crashes, power failures, disk and
// network trouble: whatever was shown or acknowledged is there, in order, once. Then everything heals, and everything
// must drain.
#include <fmt/format.h>

#include "scenarios/broker_survives.h"
#include "scenarios/one_broker.h"
#include "scenarios/workloads/keep.h"
#include "scenarios/workloads/tasks.h"
#include "sim/machine.h"

namespace scenarios {
namespace {

using kernel::Duration;
using kernel::Fiber;
using namespace std::chrono_literals;

constexpr std::size_t kClients = 5;

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

void boot_clients(Run& run, Stage& stage, const KeptPlan& plan, KeptLedger& kept, std::vector<sim::Machine*>& machines) {
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
    scope.spawn("session reader", [&stage](Fiber& child) { read_by_session(child, stage, 3'000'000); });
    scope.spawn("browser", [&stage](Fiber& child) { read_anywhere(child, stage, 1000); });
    static_cast<void>(scope.join(f));
  });
  run.world().boot(*machines[3], 1, [&stage](Fiber& f) {
    create_topic(f, stage);
    kernel::Scope scope{f};
    scope.spawn("watcher", [&stage](Fiber& child) { watch_topics(child, stage); });
    scope.spawn("operator", [&stage](Fiber& child) { operate_topics(child, stage); });
    churn_topics(f, stage);
    static_cast<void>(scope.join(f));
  });
  run.world().boot(*machines[4], 1, [&](Fiber& f) { keep_topic(f, stage, plan, kept); });
}

}  // namespace

void broker_survives(Run& run) {
  sim::World& world = run.world();
  kernel::Random random = run.random("shape");
  Stage stage{run};
  stage.partitions = static_cast<std::int32_t>(random.between(1, 4));
  stage.topic_settings = draw_topic_settings(run);
  const bool relaxed = stage.topic_settings.contains("log.durability");
  if (relaxed) stage.ledger.relax(stage.topic);

  const KeptPlan plan = draw_kept(run);
  OneBroker broker{run, stage, kept_broker_settings(run), /*several_directories=*/true};
  KeptLedger kept{run, plan.rules, broker.machine()};
  broker.on_started = [&] { kept.check_disk(broker.machine().disk().image(), broker.log_directories()); };
  std::vector<sim::Machine*> clients;
  broker.boot();
  boot_clients(run, stage, plan, kept, clients);
  if (!broker.suffer({.peers = {1, 2, 3, 4, 5}, .rewriting = kept.name()})) return;
  stage.producing = false;
  constexpr std::size_t kOthers = 5;
  if (!broker.settle([&] { return stage.producers_done == kOthers + kKeptProducers; }, "a client")) return;

  // What was acknowledged by acks=1 a moment ago becomes readable in a moment.
  run.until([&] { return run.failed(); }, 2s);
  bool read = false, complete = false, ended = false;
  std::map<PartitionName, net::Offset> ends;
  sim::Machine& auditor = world.add_machine("auditor");
  world.boot(auditor, 1, [&](Fiber& f) {
    complete = final_read(f, stage, ends) && read_kept_to_end(f, stage, kept);
    read = true;
    if (complete) poll_for_news(f, stage, ends);
    ended = true;
  });
  constexpr auto kDrain = 300s;
  run.until([&] { return read || run.failed(); }, kDrain);
  if (run.failed() || run.stopped()) return;
  run.judged("liveness");
  if (!read || !complete) return run.violation("liveness", "the log could not be read to its end after everything healed");
  constexpr auto kCatchUp = 60s;
  const auto caught_up = [&] {
    return std::ranges::all_of(ends, [&](const auto& end) { return stage.reader_at[end.first.partition] >= end.second; });
  };
  run.judged("V7", ends.size());
  if (!run.until([&] { return caught_up() || run.failed(); }, kCatchUp) && !run.stopped() && !run.failed()) {
    return run.violation("V7", "a reader did not come to the end within 60 s after everything healed");
  }
  run.until([&] { return ended || run.failed(); }, kDrain);
  if (run.failed() || run.stopped()) return;
  stage.stopping = true;
  clients.push_back(&auditor);
  broker.audit_parked(clients);
  if (run.failed() || run.stopped()) return;

  // At rest: an orderly stop, then what is on the disk.
  const auto logs = broker.stop();
  if (!logs) return;
  std::set<std::string> relaxed_logs;
  for (std::int32_t p = 0; relaxed && p < stage.partitions; ++p) relaxed_logs.insert(to_string(PartitionName{stage.topic, p}));
  kept.check_disk(broker.machine().disk().image(), broker.log_directories());
  check_shape(run, *logs, relaxed_logs);
  check_epochs(run, *logs);
}

}  // namespace scenarios
