#include "broker/metadata/delta.h"

namespace broker::metadata {
namespace {

/// Walks two ordered maps together: `note(one of before or null, one of next or null)` for each key.
template <class Map, class Note>
void walk_together(const Map& before, const Map& next, Note&& note) {
  auto old = before.begin();
  auto fresh = next.begin();
  while (old != before.end() || fresh != next.end()) {
    const bool only_old = fresh == next.end() || (old != before.end() && old->first < fresh->first);
    const bool only_fresh = old == before.end() || (fresh != next.end() && fresh->first < old->first);
    note(only_fresh ? nullptr : &*old, only_old ? nullptr : &*fresh);
    if (!only_fresh) ++old;
    if (!only_old) ++fresh;
  }
}

}  // namespace

Delta delta_of(const Image& before, const Image& next) {
  Delta out;
  walk_together(before.topics, next.topics, [&](const auto* old, const auto* fresh) {
    if (old != nullptr && fresh != nullptr && old->second == fresh->second) return;
    if (old != nullptr && (fresh == nullptr || old->second->id != fresh->second->id)) out.removed.push_back(old->second);
    if (fresh != nullptr) out.changed.push_back(fresh->second);
  });
  walk_together(before.settings, next.settings, [&](const auto* old, const auto* fresh) {
    if (old != nullptr && fresh != nullptr && old->second == fresh->second) return;
    out.settings.insert(old != nullptr ? old->first : fresh->first);
  });
  return out;
}

}  // namespace broker::metadata
