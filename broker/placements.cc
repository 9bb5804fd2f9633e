#include "broker/placements.h"

#include <algorithm>

namespace broker {

void Placements::found(const Key& key, std::size_t directory) {
  if (at_.emplace(key, directory).second) ++counts_[directory];
}

std::optional<std::size_t> Placements::find(const Key& key) const {
  const auto known = at_.find(key);
  return known == at_.end() ? std::nullopt : std::optional{known->second};
}

std::optional<std::size_t> Placements::place(const Key& key, net::Uuid assigned) {
  if (const auto known = find(key)) return known;
  if (withheld_.contains(key)) return std::nullopt;
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (is_directory(assigned) ? ids_[i] != assigned : !is_directory(ids_[i])) continue;
    if (!chosen || counts_[i] < counts_[*chosen]) chosen = i;
  }
  if (chosen) found(key, *chosen);
  return chosen;
}

void Placements::forget(const Key& key) {
  withheld_.erase(key);
  const auto known = at_.find(key);
  if (known == at_.end()) return;
  --counts_[known->second];
  at_.erase(known);
}

}  // namespace broker
