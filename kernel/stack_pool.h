// Stacks for fibers: mapped once, reused, guarded. The first kGuardedStacksMax stacks end in an inaccessible page (an
// overflow faults); guard pages cost memory maps, of which a process has about 65,000, so later stacks carry a canary
// that is checked whenever the fiber gives up its stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kernel {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KALDA_SANITIZED_STACKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KALDA_SANITIZED_STACKS 1
#endif
#endif

#ifdef KALDA_SANITIZED_STACKS
inline constexpr std::size_t kStackBytes = 1024 * 1024;
#else
inline constexpr std::size_t kStackBytes = 256 * 1024;
#endif
inline constexpr std::size_t kGuardedStacksMax = 16'000;

struct Stack {
  std::byte* low = nullptr;  ///< lowest usable byte
  std::size_t size = 0;
  bool guarded = false;
  void* sanitizer_fiber = nullptr;  ///< ThreadSanitizer's notion of the fiber, kept with the stack
  [[nodiscard]] std::byte* high() const { return low + size; }
};

class StackPool {
 public:
  StackPool() = default;
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  [[nodiscard]] Stack take();
  void give_back(Stack stack);
  /// False when a stack without guard page was written past its end.
  [[nodiscard]] static bool intact(const Stack& stack);

 private:
  std::vector<Stack> idle_;
  std::size_t mapped_ = 0;
};

}  // namespace kernel
