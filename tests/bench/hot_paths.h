// The paths whose instructions are counted (instructions.py), each a body that is done again and again by one thread,
// without anything that differs from run to run.
//
//   void crc(Meter& meter) {
//     const std::vector<std::byte> bytes(64 << 10);                    // made before, not counted
//     meter.count(100, [&] { keep(kernel::crc32c(bytes)); });
//   }
//   constexpr HotPath kPaths[]{{"crc32c.64KiB", "a checksum", crc}};
#pragma once

#include <valgrind/callgrind.h>

#include <span>
#include <string_view>

namespace bench {

/// Has a callgrind that was started with --instr-atstart=no see the bodies only. Without callgrind they just run.
class Meter {
 public:
  static constexpr int kWarmUpsMin = 5;

  /// Does `body` some times unseen, so that pools and caches are full, and then `operations` times. Once a path.
  template <class Body>
  void count(int operations, Body&& body) {
    for (int i = 0; i < warm_ups(operations); ++i) body();
    CALLGRIND_START_INSTRUMENTATION;
    for (int i = 0; i < operations; ++i) body();
    CALLGRIND_STOP_INSTRUMENTATION;
    operations_ = operations;
  }
  /// How often a body runs before it is counted, for those that use up what was made for them.
  static constexpr int warm_ups(int operations) { return kWarmUpsMin + operations / 10; }
  [[nodiscard]] int operations() const { return operations_; }

 private:
  int operations_ = 0;
};

/// The compiler must make `value`, whoever needs it.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

struct HotPath {
  std::string_view name;
  std::string_view operation;  ///< what is done once, in words
  void (*run)(Meter& meter);
};

[[nodiscard]] std::span<const HotPath> runtime_paths();  ///< checksum, fibers, timers
[[nodiscard]] std::span<const HotPath> protocol_paths();  ///< frames and batches
[[nodiscard]] std::span<const HotPath> broker_paths();  ///< log and whole broker, in simulated worlds

}  // namespace bench
