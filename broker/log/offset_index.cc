#include "broker/log/offset_index.h"

#include <algorithm>
#include <limits>

#include "kernel/check.h"

namespace broker::log {

kernel::Result<OffsetIndex> OffsetIndex::parse(Offset base, kernel::ByteView file, std::size_t entries_max) {
  if (file.size() % kEntryBytes != 0) return kernel::fail(Reason::bad_size, static_cast<std::int64_t>(file.size()));
  OffsetIndex index{base, entries_max};
  index.entries_.reserve(file.size() / kEntryBytes);
  Packed before{-1, -1};
  for (std::size_t at = 0; at < file.size(); at += kEntryBytes) {
    const Packed entry{kernel::load_be<std::int32_t>(file.data() + at),
                       kernel::load_be<std::int32_t>(file.data() + at + 4)};
    if (entry.relative <= before.relative || entry.position <= before.position)
      return kernel::fail(Reason::bad_entry, static_cast<std::int64_t>(at / kEntryBytes));
    index.entries_.push_back(entry);
    before = entry;
  }
  return index;
}

OffsetIndex::Entry OffsetIndex::lookup(Offset target) const {
  const auto above = std::ranges::upper_bound(entries_, target - base_, {},
                                              [](const Packed& entry) { return std::int64_t{entry.relative}; });
  if (above == entries_.begin()) return {base_, 0};
  return at(static_cast<std::size_t>(above - entries_.begin()) - 1);
}

std::int32_t OffsetIndex::floor_position(std::uint64_t limit) const {
  const auto above = std::ranges::upper_bound(
      entries_, limit, {}, [](const Packed& entry) { return static_cast<std::uint64_t>(entry.position); });
  return above == entries_.begin() ? 0 : std::prev(above)->position;
}

std::optional<std::int32_t> OffsetIndex::ceil_position(Offset target) const {
  const auto at = std::ranges::lower_bound(entries_, target - base_, {},
                                           [](const Packed& entry) { return std::int64_t{entry.relative}; });
  return at == entries_.end() ? std::nullopt : std::optional{at->position};
}

std::optional<OffsetIndex::Entry> OffsetIndex::last() const {
  if (entries_.empty()) return std::nullopt;
  return at(entries_.size() - 1);
}

OffsetIndex::Entry OffsetIndex::at(std::size_t index) const {
  CHECK(index < entries_.size());
  return {base_ + entries_[index].relative, entries_[index].position};
}

void OffsetIndex::append(Offset offset, std::int32_t position) {
  CHECK(!is_full());
  const std::int64_t relative = offset - base_;
  CHECK(relative >= 0);
  CHECK(relative <= std::numeric_limits<std::int32_t>::max());
  CHECK(position >= 0);
  if (!entries_.empty()) {
    CHECK(relative > entries_.back().relative);
    CHECK(position > entries_.back().position);
  }
  entries_.push_back({static_cast<std::int32_t>(relative), position});
}

void OffsetIndex::truncate(Offset end) {
  const auto first_gone = std::ranges::lower_bound(entries_, end - base_, {},
                                                   [](const Packed& entry) { return std::int64_t{entry.relative}; });
  entries_.erase(first_gone, entries_.end());
}

std::array<std::byte, OffsetIndex::kEntryBytes> OffsetIndex::encode_entry(std::size_t index) const {
  CHECK(index < entries_.size());
  std::array<std::byte, kEntryBytes> bytes{};
  kernel::store_be(bytes.data(), entries_[index].relative);
  kernel::store_be(bytes.data() + 4, entries_[index].position);
  return bytes;
}

std::vector<std::byte> OffsetIndex::encode() const {
  std::vector<std::byte> bytes;
  bytes.reserve(entries_.size() * kEntryBytes);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const auto entry = encode_entry(i);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  return bytes;
}

}  // namespace broker::log
