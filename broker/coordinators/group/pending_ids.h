// Member ids that a group gave out to newcomers who have not joined with them yet (KIP-394), each kept for a while. A
// flood of newcomers costs a bounded time each: nothing here walks all of them.
//
//   pending.add(id, at.now + 10s);
//   for (const std::string& id : pending.ended(at.now)) pending.erase(id);
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/time.h"

namespace broker::coordinators::group {

class PendingIds {
 public:
  /// Kept until `end`; another `end` replaces the one before.
  void add(const std::string& id, kernel::Mono end) {
    erase(id);
    ends_.emplace(id, end);
    by_end_.emplace(end, id);
    bytes_ += id.size();
  }
  void erase(std::string_view id) {
    const auto at = ends_.find(id);
    if (at == ends_.end()) return;
    bytes_ -= at->first.size();
    by_end_.erase({at->second, at->first});
    ends_.erase(at);
  }
  [[nodiscard]] bool contains(std::string_view id) const { return ends_.contains(id); }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  /// Of all ids together.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] kernel::Mono next_end() const { return by_end_.empty() ? kernel::kNever : by_end_.begin()->first; }
  /// Those whose time is up.
  [[nodiscard]] std::vector<std::string> ended(kernel::Mono now) const {
    std::vector<std::string> out;
    for (auto at = by_end_.begin(); at != by_end_.end() && at->first <= now; ++at) out.push_back(at->second);
    return out;
  }

 private:
  std::map<std::string, kernel::Mono, std::less<>> ends_;
  std::set<std::pair<kernel::Mono, std::string>> by_end_;
  std::size_t bytes_ = 0;
};

}  // namespace broker::coordinators::group
