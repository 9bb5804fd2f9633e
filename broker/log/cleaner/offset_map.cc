#include "broker/log/cleaner/offset_map.h"

#include <algorithm>

#include "kernel/check.h"

namespace broker::log::cleaner {
namespace {

/// Room beyond the keys themselves, so that a search ends at a free slot.
std::size_t slots_for(const OffsetMap::Bounds& bounds) {
  const double load = std::clamp(bounds.load_factor, 0.05, 0.95);
  const auto wanted = static_cast<std::uint64_t>(static_cast<double>(bounds.keys_expected) / load) + 2;
  return static_cast<std::size_t>(std::max<std::uint64_t>(2, std::min(wanted, bounds.bytes_max / OffsetMap::kEntryBytes)));
}

}  // namespace

OffsetMap::OffsetMap(const HashSeed& seed, const Bounds& bounds) : seed_{seed}, slots_(slots_for(bounds)) {
  const double load = std::clamp(bounds.load_factor, 0.05, 0.95);
  keys_max_ = std::clamp<std::size_t>(static_cast<std::size_t>(static_cast<double>(slots_.size()) * load), 1,
                                      slots_.size() - 1);
}

std::size_t OffsetMap::slot_of(const KeyHash& key) const {
  std::size_t slot = key.low % slots_.size();
  while (slots_[slot].offset >= 0 && slots_[slot].key != key) slot = slot + 1 == slots_.size() ? 0 : slot + 1;
  return slot;
}

bool OffsetMap::put(const KeyHash& hash, Offset offset) {
  CHECK(offset >= Offset{0});
  Entry& entry = slots_[slot_of(hash)];
  if (entry.offset < 0) {
    if (size_ == keys_max_) return false;
    entry.key = hash;
    ++size_;
  }
  entry.offset = std::max(entry.offset, offset.raw());
  return true;
}

std::optional<Offset> OffsetMap::find(kernel::ByteView key) const {
  const Entry& entry = slots_[slot_of(hash(key))];
  return entry.offset < 0 ? std::nullopt : std::optional{Offset{entry.offset}};
}

}  // namespace broker::log::cleaner
