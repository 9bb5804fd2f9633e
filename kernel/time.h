// Time as types. The monotonic and the wall clock are two things: the first orders events and never jumps, the
// second is what people and records call time and may jump in either direction. Neither has a now(): time comes
// from the node (kernel/clock.h), which in a simulation is virtual.
#pragma once

#include <chrono>
#include <cstdint>

namespace kernel {

using Duration = std::chrono::nanoseconds;

struct MonoClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock>;
  static constexpr bool is_steady = true;
};
/// A point on a node's monotonic clock. Its zero means nothing.
using Mono = MonoClock::time_point;
/// Later than every time that comes.
inline constexpr Mono kNever = Mono::max();

struct WallClock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};
/// Milliseconds since 1970-01-01 UTC as the node believes.
using Wall = WallClock::time_point;

constexpr std::int64_t ms_of(Wall wall) { return wall.time_since_epoch().count(); }
constexpr std::int64_t ns_of(Mono mono) { return mono.time_since_epoch().count(); }

/// `from + by` without running over the end of time.
constexpr Mono saturating_add(Mono from, Duration by) {
  if (by.count() > 0 && from > kNever - by) return kNever;
  return from + by;
}

}  // namespace kernel
