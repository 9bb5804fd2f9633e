// When a decision is made. Handed to pure functions, which have no fiber to ask.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/bug.h"
#include "kernel/fiber.h"
#include "kernel/node.h"
#include "kernel/time.h"

namespace broker::coordinators {

struct Moment {
  kernel::Mono now{};          ///< what timeouts are measured by
  std::int64_t wall_ms = 0;    ///< what records are stamped with
  std::string_view planted{};  ///< see kernel/bug.h

  /// So that BUG(at, "name") reads as it does with a fiber.
  struct Planted {
    std::string_view name;
    [[nodiscard]] std::string_view planted_bug() const { return name; }
  };
  [[nodiscard]] Planted node() const { return {planted}; }
};

inline Moment moment_of(const kernel::Fiber& f) {
  return {.now = f.now(), .wall_ms = kernel::ms_of(f.wall()), .planted = f.node().planted_bug()};
}

}  // namespace broker::coordinators
