// Assertions that stay on. CHECK states what must hold if our own code is right; it never judges bytes from a
// socket or a disk (those are answered with Result). A failed CHECK prints the condition, the place and whatever
// the installed reporter adds (the simulator adds seed and event number), and aborts.
#pragma once

#include "kernel/result.h"

namespace kernel {

/// Prints the broken condition and aborts.
[[noreturn]] void die(const char* broken_condition, Where where);

/// Called by die() before it aborts, to add context. One per process; the default adds nothing.
using DeathReporter = void (*)();
void set_death_reporter(DeathReporter reporter);

/// Checks that walk a whole structure. On in debug and simulation builds of the tests; constant otherwise.
#ifdef KALDA_VERIFY
inline constexpr bool kVerify = true;
#else
inline constexpr bool kVerify = false;
#endif

}  // namespace kernel

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) [[unlikely]] ::kernel::die(#condition, ::kernel::Where::here()); \
  } while (false)
