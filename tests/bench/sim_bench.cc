// What an event of the simulator costs: one switch of a fiber, one timer, and one of a whole run, where broker, clients,
// disk, network and oracles are at work too. items_per_second is events a second of this process's own CPU time.
#include <benchmark/benchmark.h>

#include "kernel/stack_pool.h"
#include "scenarios/run.h"
#include "sim/machine.h"
#include "sim/world.h"

namespace {

using kernel::Fiber;
using namespace std::chrono_literals;

/// Events of a world in which `fibers` fibers do the same for ever.
void events_of(benchmark::State& state, void (*body)(Fiber&)) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 1}, stacks};
  sim::Machine& machine = world.add_machine("m");
  const std::int64_t fibers = state.range(0);
  world.boot(machine, 1, [&](Fiber& f) {
    kernel::Scope scope{f};
    for (std::int64_t i = 0; i < fibers; ++i) scope.spawn("worker", [body](Fiber& child) { body(child); });
    static_cast<void>(scope.join(f));
  });
  for (auto _ : state) world.step();
  state.SetItemsProcessed(state.iterations());
}

void switches(benchmark::State& state) {
  events_of(state, [](Fiber& f) {
    while (f.yield()) {
    }
  });
}
BENCHMARK(switches)->Arg(1)->Arg(100)->Arg(10'000);

/// Two events each: the timer fires, the fiber runs and sets it again.
void timers(benchmark::State& state) {
  events_of(state, [](Fiber& f) {
    while (f.sleep(1ms)) {
    }
  });
}
BENCHMARK(timers)->Arg(1)->Arg(100)->Arg(10'000);

/// Whole runs of the first scenario, seeds 1, 2, …
void full_stack(benchmark::State& state) {
  kernel::StackPool stacks;
  std::int64_t events = 0;
  std::uint64_t seed = 0;
  for (auto _ : state) {
    const scenarios::Outcome outcome = scenarios::execute(scenarios::all_scenarios().front(), {.seed = ++seed}, stacks);
    events += static_cast<std::int64_t>(outcome.events);
  }
  state.SetItemsProcessed(events);
}
BENCHMARK(full_stack)->Unit(benchmark::kMillisecond)->Iterations(40);

}  // namespace
