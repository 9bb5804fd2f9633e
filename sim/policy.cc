#include "sim/policy.h"

#include "kernel/fiber.h"

namespace sim {

using kernel::Fiber;

std::string_view name_of(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::fifo: return "fifo";
    case PolicyKind::uniform: return "uniform";
    case PolicyKind::priority_change: return "priority_change";
    case PolicyKind::starve_one: return "starve_one";
  }
  std::unreachable();
}

std::uint64_t Policy::priority_of(const Fiber& fiber) const {
  if (kind_ == PolicyKind::starve_one) return kernel::mix64(fiber.id(), 0x5eed) % 8 == 0 ? 0 : 1;
  const auto demoted = demoted_.find(fiber.id());
  if (demoted != demoted_.end()) return demoted->second;
  return kernel::mix64(fiber.id(), 0x9c7) | (1ull << 63);
}

Fiber& Policy::highest(kernel::RunQueue& ready) {
  Fiber* best = ready.first();
  std::uint64_t best_priority = priority_of(*best);
  for (Fiber* fiber = ready.next(*best); fiber != nullptr; fiber = ready.next(*fiber)) {
    const std::uint64_t priority = priority_of(*fiber);
    if (priority > best_priority) {
      best = fiber;
      best_priority = priority;
    }
  }
  return *best;
}

Fiber& Policy::choose(kernel::RunQueue& ready, std::size_t count) {
  if (count == 1 || kind_ == PolicyKind::fifo) return ready.front();
  // However unfair the policy, everybody gets on in the end: a spinning favourite must not stop the world.
  if (kind_ == PolicyKind::uniform || random_.chance(50'000)) {
    Fiber* fiber = ready.first();
    for (std::uint64_t skip = random_.below(count); skip > 0; --skip) fiber = ready.next(*fiber);
    return *fiber;
  }
  Fiber& chosen = highest(ready);
  if (kind_ == PolicyKind::priority_change && random_.chance(2'000)) {
    constexpr std::uint64_t kDemotedMax = 1024;
    if (demoted_.size() >= kDemotedMax) demoted_.clear();
    demoted_[chosen.id()] = (1ull << 62) - ++demotions_;
    return highest(ready);
  }
  return chosen;
}

}  // namespace sim
