#include "broker/log/leader_epochs.h"

#include <algorithm>

#include "kernel/check.h"

namespace broker::log {

LeaderEpochs::LeaderEpochs(std::vector<EpochStart> entries) : entries_{std::move(entries)} { invariants(); }

void LeaderEpochs::invariants() const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    CHECK(entries_[i].epoch.raw() >= 0);
    CHECK(entries_[i].start.raw() >= 0);
    if (i == 0) continue;
    CHECK(entries_[i - 1].epoch < entries_[i].epoch);
    CHECK(entries_[i - 1].start < entries_[i].start);
  }
}

bool LeaderEpochs::assign(LeaderEpoch epoch, Offset start) {
  CHECK(epoch.raw() >= 0);
  CHECK(start.raw() >= 0);
  if (!entries_.empty() && entries_.back().epoch == epoch && entries_.back().start <= start) return false;
  while (!entries_.empty() && (entries_.back().epoch >= epoch || entries_.back().start >= start)) entries_.pop_back();
  entries_.push_back({epoch, start});
  return true;
}

bool LeaderEpochs::truncate_from_end(Offset end) {
  const auto first_gone = std::ranges::lower_bound(entries_, end, {}, &EpochStart::start);
  if (first_gone == entries_.end()) return false;
  entries_.erase(first_gone, entries_.end());
  return true;
}

bool LeaderEpochs::truncate_from_start(Offset start) {
  const auto above = std::ranges::upper_bound(entries_, start, {}, &EpochStart::start);
  if (above == entries_.begin()) return false;
  const auto covering = std::prev(above);
  if (covering == entries_.begin() && covering->start == start) return false;
  covering->start = start;
  entries_.erase(entries_.begin(), covering);
  return true;
}

std::optional<LeaderEpochs::End> LeaderEpochs::end_of(LeaderEpoch requested, Offset log_end) const {
  if (entries_.empty() || requested.raw() < 0) return std::nullopt;
  if (requested == entries_.back().epoch) return End{requested, log_end};
  const auto above = std::ranges::upper_bound(entries_, requested, {}, &EpochStart::epoch);
  if (above == entries_.end()) return std::nullopt;
  if (above == entries_.begin()) return End{requested, above->start};
  return End{std::prev(above)->epoch, above->start};
}

std::optional<LeaderEpoch> LeaderEpochs::epoch_at(Offset offset) const {
  const auto above = std::ranges::upper_bound(entries_, offset, {}, &EpochStart::start);
  if (above == entries_.begin()) return std::nullopt;
  return std::prev(above)->epoch;
}

std::optional<EpochStart> LeaderEpochs::latest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back();
}

}  // namespace broker::log
