// The door to time. One per node; in a simulation it may drift, be set and jump.
#pragma once

#include "kernel/time.h"

namespace kernel {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Never goes back. The only clock that deadlines and intervals may use.
  [[nodiscard]] virtual Mono now() const = 0;
  /// What people call the time. May jump both ways; no safety property may depend on it.
  [[nodiscard]] virtual Wall wall() const = 0;
  /// The scheduler's time at which this node's now() will be `local`. The same thing in production.
  [[nodiscard]] virtual Mono scheduler_time(Mono local) const { return local; }
};

}  // namespace kernel
