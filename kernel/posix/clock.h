// The time of the machine, for this backend's own use; what is above asks its node's Clock.
#pragma once

#include <time.h>

#include "kernel/time.h"

namespace kernel::posix {

inline Mono monotonic_now() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return Mono{Duration{t.tv_sec * 1'000'000'000 + t.tv_nsec}};
}

}  // namespace kernel::posix
