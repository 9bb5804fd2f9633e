// Telling the sanitizers that a thread changes its stack. Empty in ordinary builds.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KALDA_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define KALDA_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KALDA_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define KALDA_TSAN 1
#endif

#ifdef KALDA_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef KALDA_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace kernel::sanitizer {

inline void* create_fiber() {
#ifdef KALDA_TSAN
  return __tsan_create_fiber(0);
#else
  return nullptr;
#endif
}
inline void destroy_fiber([[maybe_unused]] void* fiber) {
#ifdef KALDA_TSAN
  if (fiber != nullptr) __tsan_destroy_fiber(fiber);
#endif
}
inline void* current_fiber() {
#ifdef KALDA_TSAN
  return __tsan_get_current_fiber();
#else
  return nullptr;
#endif
}
/// Before leaving the current stack for [low, low+size). `saved` keeps the leaver's fake stack; null when it dies.
inline void before_switch([[maybe_unused]] void** saved, [[maybe_unused]] const void* low,
                          [[maybe_unused]] std::size_t size, [[maybe_unused]] void* tsan_fiber) {
#ifdef KALDA_ASAN
  __sanitizer_start_switch_fiber(saved, low, size);
#endif
#ifdef KALDA_TSAN
  __tsan_switch_to_fiber(tsan_fiber, 0);
#endif
}
/// First thing on the new stack. Answers the stack that was left.
inline void after_switch([[maybe_unused]] void* saved, [[maybe_unused]] const void** left_low,
                         [[maybe_unused]] std::size_t* left_size) {
#ifdef KALDA_ASAN
  __sanitizer_finish_switch_fiber(saved, left_low, left_size);
#endif
}
/// A stack rests in its pool: whoever touches it holds a fiber that is gone.
inline void retire_stack([[maybe_unused]] void* low, [[maybe_unused]] std::size_t size) {
#ifdef KALDA_ASAN
  __asan_poison_memory_region(low, size);
#endif
}
/// It is used again, or unmapped; what its last frames left poisoned is forgotten.
inline void revive_stack([[maybe_unused]] void* low, [[maybe_unused]] std::size_t size) {
#ifdef KALDA_ASAN
  __asan_unpoison_memory_region(low, size);
#endif
}

}  // namespace kernel::sanitizer
