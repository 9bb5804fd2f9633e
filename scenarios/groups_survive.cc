// One broker, a group whose members die, fall silent and come again, and a group without members, under the disasters of
// broker-survives: no generation has two assignments, no old member commits, no committed offset is lost or skips what
// nobody processed. Then everything heals, the group comes to rest at the end of the log, and the log of the coordinator
// says what its clients were told.
#include <fmt/format.h>

#include "broker/coordinators/placement.h"
#include "kernel/scope.h"
#include "scenarios/groups_survive.h"
#include "scenarios/one_broker.h"
#include "scenarios/oracles/group_fold.h"
#include "scenarios/workloads/group.h"
#include "scenarios/workloads/share.h"

namespace scenarios {
namespace {

using kernel::Fiber;
using namespace std::chrono_literals;

constexpr std::uint32_t kMembers = 3;
constexpr std::uint32_t kFirstMember = 1;  ///< index of its machine

MemberPlan draw_member(Run& run, std::uint32_t id) {
  kernel::Random random = run.random("member plan").split(id);
  MemberPlan plan{.id = id};
  plan.is_static = random.below(3) == 0;
  plan.session_timeout_ms = static_cast<std::int32_t>(random.between(1500, 8000));
  plan.rebalance_timeout_ms = static_cast<std::int32_t>(random.between(1500, 8000));
  plan.commit_interval = std::chrono::milliseconds{random.between(10, 2000)};
  plan.is_restless = random.below(2) == 0;
  return plan;
}

std::vector<std::string> draw_group_settings(Run& run) {
  kernel::Random random = run.random("group settings");
  std::vector<std::string> settings{"group.min.session.timeout.ms=1000",
                                    fmt::format("offsets.topic.num.partitions={}", random.between(1, 3)),
                                    fmt::format("group.initial.rebalance.delay.ms={}", random.between(0, 2000))};
  if (random.below(2) == 0) settings.emplace_back("offsets.load.buffer.size=300");
  if (random.below(2) == 0) settings.emplace_back("offsets.topic.compression.codec=3");
  if (random.below(3) > 0) {  // a log that is compacted all the time
    settings.push_back(fmt::format("log.roll.ms={}", random.between(50, 2000)));
    settings.push_back(fmt::format("log.cleaner.backoff.ms={}", random.between(10, 600)));
    settings.push_back(fmt::format("log.cleaner.delete.retention.ms={}", random.between(0, 5000)));
    settings.emplace_back("log.cleaner.min.cleanable.ratio=0.01");
    if (random.below(2) == 0) settings.push_back(fmt::format("log.cleaner.dedupe.buffer.size={}", random.between(300, 1500)));
  }
  return settings;
}

/// What the coordinator says when the group has come to rest, with everybody who lives and nobody else.
void audit(Fiber& f, GroupStage& group, const std::map<PartitionName, net::Offset>& ends,
           std::vector<CommittedOffset>& committed) {
  Run& run = group.stage.run;
  kernel::Scope scope{f};
  {
    clients::core::Cluster cluster{scope, client_config(group.stage, "auditor")};
    std::vector<std::int32_t> partitions;
    for (std::int32_t p = 0; p < group.stage.partitions; ++p) partitions.push_back(p);
    for (;;) {
      const std::uint64_t asked = group.ledger.now();
      const auto told = committed_offsets(f, cluster, group.name, group.stage.topic, partitions);
      const auto state = describe_group(f, cluster, group.name);
      if (told && state && state->state == "Stable" && state->members == kMembers) {
        committed = *told;
        for (const std::int32_t p : partitions) {
          const CommittedOffset& one = committed[static_cast<std::size_t>(p)];
          group.ledger.fetched(p, asked, one.offset, one.metadata);
          run.judged("V6");
          const net::Offset end = ends.at({group.stage.topic, p});
          if (std::max(one.offset, net::Offset{0}) != end)
            run.violation("V6", fmt::format("partition {} ends at {} and the group rests at {}", p, end.raw(), one.offset.raw()));
        }
        break;
      }
      if (!f.sleep(100ms)) break;
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace

void groups_survive(Run& run) {
  sim::World& world = run.world();
  kernel::Random random = run.random("shape");
  Stage stage{run};
  stage.partitions = static_cast<std::int32_t>(random.between(3, 6));
  GroupStage group{stage};
  OneBroker broker{run, stage, draw_group_settings(run), /*several_directories=*/true};
  broker.boot();

  std::vector<MemberPlan> plans;
  std::vector<sim::Machine*> machines;
  for (std::uint32_t i = 0; i < kMembers; ++i) {
    plans.push_back(draw_member(run, i));
    machines.push_back(&world.add_machine(fmt::format("worker{}", i)));
  }
  Sharing sharing{stage};
  std::vector<sim::Machine*> sharers;
  for (std::uint32_t i = 0; i < kSharers; ++i) sharers.push_back(&world.add_machine(fmt::format("sharer{}", i)));
  const auto boot_member = [&](sim::Machine& machine) {
    if (const auto at = std::ranges::find(sharers, &machine); at != sharers.end()) {
      const auto sharer = static_cast<std::uint32_t>(at - sharers.begin());
      return world.boot(machine, 1, [&, sharer](Fiber& f) { share_topic(f, sharing, sharer); });
    }
    const auto i = static_cast<std::size_t>(std::ranges::find(machines, &machine) - machines.begin());
    world.boot(machine, 1, [&, i](Fiber& f) { work_in_group(f, group, plans[i]); });
  };
  for (sim::Machine* machine : machines) boot_member(*machine);
  for (sim::Machine* machine : sharers) boot_member(*machine);
  sim::Machine& admin = world.add_machine("admin");
  world.boot(admin, 1, [&](Fiber& f) {
    create_topic(f, stage);
    kernel::Scope scope{f};
    scope.spawn("lodger", [&](Fiber& child) { lodge(child, stage); });
    scope.spawn("keeper", [&](Fiber& child) { keep_offsets(child, stage); });
    static_cast<void>(scope.join(f));
  });
  sim::Machine& source = world.add_machine("source");
  const ProducerPlan plan{.id = 0, .pause_max = std::chrono::milliseconds{random.between(5, 200)}};
  world.boot(source, 1, [&](Fiber& f) { produce(f, stage, plan); });

  if (!broker.suffer({.peers = {1, 2, 3, 4, 5, 6, 7},
                      .victims = {kFirstMember, kFirstMember + 1, kFirstMember + 2, kFirstMember + 3, kFirstMember + 4},
                      .boot_victim = boot_member,
                      .rewriting = "__consumer_offsets-0"})) {
    return;
  }
  stage.producing = false;
  if (!broker.settle([&] { return stage.producers_done == 1; }, "a producer")) return;

  std::map<PartitionName, net::Offset> ends;
  std::vector<CommittedOffset> committed;
  bool read = false, audited = false;
  sim::Machine& auditor = world.add_machine("auditor");
  world.boot(auditor, 1, [&](Fiber& f) {
    read = final_read(f, stage, ends);
    while (read && !run.failed()) {
      bool at_rest = true;
      for (const auto& [at, end] : ends) at_rest = at_rest && group.ledger.processed_end(at.partition) >= end;
      // In one and the same: of two generations each may leave a partition to the other.
      for (const MemberPlan& one : plans)
        at_rest = at_rest && group.settled_in[one.id] && group.settled_in[one.id] == group.settled_in[plans.front().id];
      for (const auto& [at, end] : ends) at_rest = at_rest && sharing.ledger.processed_end(at.partition) >= end;
      at_rest = at_rest && sharing.possession.is_complete(stage.partitions);
      if (at_rest) break;
      if (!f.sleep(100ms)) return;
    }
    audit(f, group, ends, committed);
    audited = true;
  });
  if (!broker.settle([&] { return audited; }, "the group")) return;
  stage.stopping = true;
  run.until([&] { return run.failed(); }, 10s);
  machines.insert(machines.end(), sharers.begin(), sharers.end());
  machines.insert(machines.end(), {&admin, &source, &auditor});
  broker.audit_parked(machines);
  if (run.failed() || run.stopped()) return;

  const auto logs = broker.stop();
  if (!logs) return;
  check_shape(run, *logs, {});
  check_epochs(run, *logs);
  check_group_fold(run, broker.machine().disk().image(), broker.log_directories(), group.name, stage.topic, committed);
}

}  // namespace scenarios
