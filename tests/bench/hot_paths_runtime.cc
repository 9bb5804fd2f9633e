#include "kernel/check.h"
#include "kernel/crc32c.h"
#include "kernel/scope.h"
#include "kernel/stack_pool.h"
#include "sim/machine.h"
#include "sim/world.h"
#include "tests/bench/hot_paths.h"

namespace bench {
namespace {

using kernel::Fiber;
using namespace std::chrono_literals;

void crc32c(Meter& meter) {
  const std::vector<std::byte> bytes(64 << 10, std::byte{0x5a});
  meter.count(100, [&] { keep(kernel::crc32c(bytes)); });
}

/// Steps of a world with one fiber that does the same for ever.
void steps_of(Meter& meter, int steps_a_operation, void (*fiber)(Fiber&)) {
  kernel::StackPool stacks;
  sim::World world{{.seed = 1}, stacks};
  world.boot(world.add_machine("m"), 1, [fiber](Fiber& f) { fiber(f); });
  meter.count(1000, [&] {
    for (int i = 0; i < steps_a_operation; ++i) CHECK(world.step());
  });
}

void switches(Meter& meter) {
  steps_of(meter, 1, [](Fiber& f) {
    while (f.yield()) {
    }
  });
}

/// The timer fires; the fiber runs and sets it again.
void timers(Meter& meter) {
  steps_of(meter, 2, [](Fiber& f) {
    while (f.sleep(1ms)) {
    }
  });
}

/// The child runs and ends; its parent goes on.
void children(Meter& meter) {
  steps_of(meter, 2, [](Fiber& f) {
    for (;;) {
      kernel::Scope scope{f};
      scope.spawn("child", [](Fiber&) {});
      if (!scope.join(f)) return;
    }
  });
}

constexpr HotPath kPaths[]{
    {"crc32c.64KiB", "CRC-32C over 64 KiB", crc32c},
    {"fiber.switch", "switch to a fiber and back, in the simulator's loop", switches},
    {"fiber.sleep", "a timer, and the fiber it wakes", timers},
    {"fiber.start", "start a fiber in a scope and join it", children},
};

}  // namespace

std::span<const HotPath> runtime_paths() { return kPaths; }

}  // namespace bench
