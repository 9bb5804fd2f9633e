// One broker whose disk damages data and does not say so: rot, writes that are lost or go elsewhere, pages as they were
// before. The only copy is at stake, so not everything survives; but whatever is served is true, what cannot be served is
// refused as damaged, and what was on record as synced is never cut like a torn tail. Once the disk is whole again, all
// that was not cut is there. At last some disks are lost altogether, and the broker begins anew.
#include "scenarios/damage_is_told.h"

#include "kernel/scope.h"
#include "scenarios/one_broker.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {
namespace {

using kernel::Fiber;
using sim::FaultKind;
using namespace std::chrono_literals;

constexpr std::size_t kPlainProducers = 2;

std::map<std::string, std::string> draw_damaged_topic(Run& run) {
  kernel::Random random = run.random("topic settings");
  std::map<std::string, std::string> settings;
  if (random.below(3) > 0) settings["internal.segment.bytes"] = random.below(2) == 0 ? "16384" : "65536";
  if (random.below(2) == 0) settings["index.interval.bytes"] = "512";
  return settings;
}

/// Not idempotent: what was cut would be missing from a producer's sequences.
ProducerPlan draw_plain_producer(Run& run, std::uint32_t id) {
  kernel::Random random = run.random("producer plan").split(id);
  return {.id = id,
          .idempotent = false,
          .codec = static_cast<net::compress::Codec>(random.below(5)),
          .value_bytes_max = random.below(2) == 0 ? 4'000u : 200u,
          .batch_bytes = static_cast<std::size_t>(random.between(200, 16'384)),
          .pause_max = std::chrono::milliseconds{random.between(10, 150)}};
}

/// A machine with an empty disk is a new one: it serves, and knows nothing of what was.
void lose_everything(Run& run, Stage& before, OneBroker& broker) {
  broker.lose_disk();
  Stage stage{run};
  stage.broker_host = before.broker_host;
  stage.topic = before.topic;
  bool complete = false, ended = false;
  sim::Machine& client = run.world().add_machine("newcomer");
  run.world().boot(client, 1, [&](Fiber& f) {
    create_topic(f, stage);
    stage.producing = true;
    kernel::Scope scope{f};
    scope.spawn("producer", [&](Fiber& child) { produce(child, stage, {.id = 9, .pause_max = 5ms}); });
    static_cast<void>(f.sleep(1s));
    stage.producing = false;
    static_cast<void>(scope.join(f));
    std::map<PartitionName, net::Offset> ends;
    complete = final_read(f, stage, ends);
    ended = true;
  });
  if (!broker.settle([&] { return ended; }, "a client of the new disk")) return;
  run.judged("damage");
  if (!complete) run.violation("liveness", "a broker with a new disk does not serve");
  stage.stopping = true;
  static_cast<void>(broker.stop());
}

}  // namespace

void damage_is_told(Run& run) {
  kernel::Random random = run.random("shape");
  Stage stage{run};
  stage.partitions = static_cast<std::int32_t>(random.between(1, 3));
  stage.topic_settings = draw_damaged_topic(run);
  OneBroker broker{run, stage};
  broker.expect_damage();
  broker.boot();
  std::vector<sim::Machine*> clients;
  for (const std::string_view name : {"producer0", "producer1", "reader", "admin"}) clients.push_back(&run.world().add_machine(name));
  for (std::uint32_t i = 0; i < kPlainProducers; ++i)
    run.world().boot(*clients[i], 1, [&stage, plan = draw_plain_producer(run, i)](Fiber& f) { produce(f, stage, plan); });
  run.world().boot(*clients[2], 1, [&stage](Fiber& f) {
    kernel::Scope scope{f};
    for (std::int32_t p = 0; p < stage.partitions; ++p) {
      scope.spawn("reader", [&stage, p](Fiber& child) { read_partition(child, stage, p, static_cast<std::uint64_t>(p)); });
    }
    for (std::uint64_t i = 0; i < 2; ++i)
      scope.spawn("browser", [&stage, i](Fiber& child) { read_anywhere(child, stage, 1000 + i); });
    static_cast<void>(scope.join(f));
  });
  run.world().boot(*clients[3], 1, [&stage](Fiber& f) { create_topic(f, stage); });
  if (!broker.suffer({.peers = {1, 2, 3},
                      .allowed = {FaultKind::process_kill, FaultKind::power_loss, FaultKind::crash_loop, FaultKind::disk_short_io,
                                  FaultKind::disk_slow, FaultKind::disk_rot, FaultKind::disk_lost_write,
                                  FaultKind::disk_misdirected_write, FaultKind::disk_stale_read}})) {
    return;
  }
  broker.mend();
  stage.producing = false;
  if (!broker.settle([&] { return stage.producers_done == kPlainProducers; }, "a client")) return;
  std::map<PartitionName, net::Offset> ends;
  bool read = false, complete = false;
  sim::Machine& auditor = run.world().add_machine("auditor");
  run.world().boot(auditor, 1, [&](Fiber& f) {
    complete = final_read(f, stage, ends);
    read = true;
  });
  if (!broker.settle([&] { return read; }, "the auditor")) return;
  if (!complete) return run.violation("liveness", "the log could not be read to its end after the disk was mended");
  stage.stopping = true;
  clients.push_back(&auditor);
  broker.audit_parked(clients);
  if (run.failed() || run.stopped()) return;
  if (random.below(4) == 0) return lose_everything(run, stage, broker);
  const auto logs = broker.stop();
  if (!logs) return;
  check_epochs(run, *logs);
}

}  // namespace scenarios
