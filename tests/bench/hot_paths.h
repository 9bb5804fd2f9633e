// The hot paths: each a body that is done again and again by one thread, without anything that differs from run to run.
// Their instructions are counted (instructions.py) and their time is taken (paths_bench.cc).
//
//   void crc(Meter& meter) {
//     const std::vector<std::byte> bytes(64 << 10);                    // made before, not counted
//     meter.count(100, [&] { keep(kernel::crc32c(bytes)); });
//   }
//   constexpr HotPath kPaths[]{{"crc32c.64KiB", "a checksum", crc}};
#pragma once

#include <span>
#include <string_view>

namespace bench {

/// Sees the bodies only, not what was made for them.
class Meter {
 public:
  virtual ~Meter() = default;

  /// Does `body` some times unseen, so that pools and caches are full, and then as often as the meter likes, which is
  /// `operations` times where instructions are counted. Once a path.
  template <class Body>
  void count(int operations, Body&& body) {
    const int wanted = times(operations);
    for (int i = 0; i < warm_ups(operations); ++i) body();
    begin();
    for (int i = 0; i < wanted; ++i) body();
    end();
    operations_ = wanted;
  }
  /// How often count(operations, body) will do its body in all, for those that use up what was made for them.
  [[nodiscard]] int bodies(int operations) const { return warm_ups(operations) + times(operations); }
  [[nodiscard]] int operations() const { return operations_; }

 private:
  static constexpr int kWarmUpsMin = 5;
  static constexpr int warm_ups(int operations) { return kWarmUpsMin + operations / 10; }

  [[nodiscard]] virtual int times(int operations) const = 0;
  virtual void begin() = 0;
  virtual void end() = 0;

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
  /// In a simulated world, whose work is in the number and whose disk remembers what was written.
  [[nodiscard]] bool in_world() const { return name.starts_with("log.") || name.starts_with("broker."); }
};

[[nodiscard]] std::span<const HotPath> runtime_paths();  ///< checksum, fibers, timers
[[nodiscard]] std::span<const HotPath> protocol_paths();  ///< frames and batches
[[nodiscard]] std::span<const HotPath> broker_paths();  ///< log and whole broker, in simulated worlds

}  // namespace bench
