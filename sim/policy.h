// Which runnable fiber goes next: a policy drawn from the seed, so that a campaign sees orderings that first in,
// first out never shows.
#pragma once

#include <map>

#include "kernel/scheduler.h"
#include "kernel/random.h"

namespace sim {

enum class PolicyKind : std::uint8_t {
  fifo,             // what production does
  uniform,          // any of them
  priority_change,  // random priorities with rare demotions (PCT)
  starve_one,       // one in eight fibers runs only when nothing else can
};
std::string_view name_of(PolicyKind kind);

class Policy {
 public:
  Policy(PolicyKind kind, kernel::Random random) : kind_{kind}, random_{random} {}
  kernel::Fiber& choose(kernel::RunQueue& ready, std::size_t count);
  void set_kind(PolicyKind kind) { kind_ = kind; }
  [[nodiscard]] PolicyKind kind() const { return kind_; }

 private:
  std::uint64_t priority_of(const kernel::Fiber& fiber) const;
  kernel::Fiber& highest(kernel::RunQueue& ready);
  PolicyKind kind_;
  kernel::Random random_;
  std::map<std::uint64_t, std::uint64_t> demoted_;  // fiber id -> its new, low priority
  std::uint64_t demotions_ = 0;
};

}  // namespace sim
