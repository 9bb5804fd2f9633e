#include <gtest/gtest.h>

#include "sim/faults/plan.h"
#include "tests/sim/world_harness.h"

namespace sim {
namespace {

FaultPlan plan_of(World& world, std::uint64_t entity) {
  return draw_plan(world.random(kernel::Domain::faults, entity),
                   {.victims = {0}, .peers = {1}, .duration = 30s, .allowed = {}});
}
std::string text_of(const FaultPlan& plan, const World& world) {
  std::string text;
  for (const Fault& fault : plan.faults) text += to_string(fault, world) + "\n";
  return text;
}

TEST(Faults, a_plan_is_a_function_of_the_seed_and_prints_what_it_will_do) {
  kernel::StackPool stacks;
  World world{{.seed = 3}, stacks};
  world.add_machine("server");
  world.add_machine("client");
  std::set<std::string> texts;
  std::set<FaultKind> kinds;
  for (std::uint64_t entity = 0; entity < 60; ++entity) {
    const FaultPlan plan = plan_of(world, entity);
    const std::string text = text_of(plan, world);
    EXPECT_EQ(text, text_of(plan_of(world, entity), world));
    texts.insert(text);
    kernel::Duration last{};
    for (const Fault& fault : plan.faults) {
      EXPECT_GE(fault.at, last);
      EXPECT_LT(fault.at, 30s);
      last = fault.at;
      kinds.insert(fault.kind);
      EXPECT_NE(text.find(name_of(fault.kind)), std::string::npos);
    }
  }
  EXPECT_GT(texts.size(), 50u);
  EXPECT_EQ(kinds.size(), kFaultKinds) << "a kind is never drawn";
}

TEST(Faults, what_is_not_allowed_is_not_drawn) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  for (std::uint64_t entity = 0; entity < 20; ++entity) {
    const FaultPlan plan = draw_plan(world.random(kernel::Domain::faults, entity),
                                     {.victims = {0}, .peers = {1}, .duration = 30s, .allowed = {FaultKind::cut}});
    for (const Fault& fault : plan.faults) EXPECT_EQ(fault.kind, FaultKind::cut);
  }
}

Fault scripted(FaultKind kind) {
  Fault fault{.at = 500ms, .kind = kind, .machine = 0, .peer = 1, .lasts = 300s, .amount = 900'000};
  switch (kind) {
    case FaultKind::crash_loop: fault.amount = 3, fault.lasts = 200ms; break;
    case FaultKind::disk_slow: fault.amount = 1'000; break;
    case FaultKind::slow_reader: fault.amount = 2'000; break;
    case FaultKind::wall_step: fault.amount = -60'000; break;
    case FaultKind::drift: fault.amount = 1'000; break;
    default: break;
  }
  return fault;
}

class EveryFault : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryFault, fires_with_its_mark_and_is_over_once_healed) {
  const auto kind = static_cast<FaultKind>(GetParam());
  kernel::StackPool stacks;
  World world{{.seed = 11 + GetParam()}, stacks};
  Machine& server = world.add_machine("server");
  Machine& client = world.add_machine("client");
  // As a supervisor does: a server whose disk failed it is started again.
  const auto boot = [&](Machine& machine) {
    world.boot(machine, 1, [](Fiber& f) {
      while (!serve_echo(f)) {
        if (!f.sleep(100ms)) return;
      }
    });
  };
  boot(server);
  bool stop = false;
  std::uint64_t answers = 0;
  world.boot(client, 1, [&](Fiber& f) { chatter(f, "server", stop, answers); });
  Injector injector{world, {.faults = {scripted(kind)}}, boot};
  injector.start();
  world.run_for(5s);
  EXPECT_EQ(injector.fired(), 1u);
  EXPECT_GT(world.marks().count("sim.fault." + std::string{name_of(kind)}), 0u);
  injector.heal();
  world.run_for(30s);  // longer than a connect that went into a black hole takes to give up
  const std::uint64_t before = answers;
  world.run_for(5s);
  EXPECT_GT(answers, before + 100) << name_of(kind) << " goes on after it was healed";
  EXPECT_TRUE(server.up());
  EXPECT_FALSE(server.paused());
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryFault, testing::Range<std::size_t>(0, kFaultKinds), [](const auto& info) {
  return std::string{name_of(static_cast<FaultKind>(info.param))};
});

TEST(Faults, what_was_planned_after_healing_does_not_happen) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& server = world.add_machine("server");
  world.add_machine("client");
  const auto boot = [&](Machine& machine) {
    world.boot(machine, 1, [](Fiber& f) { static_cast<void>(serve_echo(f)); });
  };
  boot(server);
  Fault late = scripted(FaultKind::power_loss);
  late.at = 10s;
  Injector injector{world, {.faults = {late}}, boot};
  injector.start();
  world.run_for(1s);
  injector.heal();
  world.run_for(60s);
  EXPECT_EQ(injector.fired(), 0u);
  EXPECT_EQ(server.incarnation(), 1u);
}

}  // namespace
}  // namespace sim
