#include "scenarios/oracles/possession.h"

#include <algorithm>

#include <fmt/format.h>

namespace scenarios {

void Possession::assigned(const Holder& who, const std::vector<std::int32_t>& partitions) {
  for (const std::int32_t p : partitions) {
    run_.judged("G3");
    for (const Holder& other : holders_[p]) {
      if (other != who) overtaken_.insert({p, other});
    }
    holders_[p].insert(who);
    overtaken_.erase({p, who});
  }
}

void Possession::revoked(const Holder& who, const std::vector<std::int32_t>& partitions) {
  for (const std::int32_t p : partitions) {
    if (overtaken_.contains({p, who})) {
      run_.violation("G3", fmt::format("{} is asked to give partition {} back, and others have it already", who, p));
    }
  }
  lost(who, partitions);
}

void Possession::lost(const Holder& who, const std::vector<std::int32_t>& partitions) {
  for (const std::int32_t p : partitions) {
    overtaken_.erase({p, who});
    holders_[p].erase(who);
  }
}

void Possession::gone(const Holder& who) {
  for (auto& [p, holders] : holders_) {
    holders.erase(who);
    overtaken_.erase({p, who});
  }
}

bool Possession::is_complete(std::int32_t count) const {
  for (std::int32_t p = 0; p < count; ++p) {
    const auto held = holders_.find(p);
    if (held == holders_.end() || held->second.size() != 1) return false;
  }
  return true;
}

}  // namespace scenarios
