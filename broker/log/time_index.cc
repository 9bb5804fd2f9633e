#include "broker/log/time_index.h"

#include <algorithm>
#include <limits>

#include "kernel/check.h"

namespace broker::log {

kernel::Result<TimeIndex> TimeIndex::parse(Offset base, kernel::ByteView file, std::size_t entries_max) {
  if (file.size() % kEntryBytes != 0) return kernel::fail(Reason::bad_size, static_cast<std::int64_t>(file.size()));
  TimeIndex index{base, entries_max};
  index.entries_.reserve(file.size() / kEntryBytes);
  Entry before{-1, base};
  for (std::size_t at = 0; at < file.size(); at += kEntryBytes) {
    const Entry entry{kernel::load_be<std::int64_t>(file.data() + at),
                      base + kernel::load_be<std::int32_t>(file.data() + at + 8)};
    if (entry.timestamp_ms <= before.timestamp_ms || entry.offset < before.offset)
      return kernel::fail(Reason::bad_entry, static_cast<std::int64_t>(at / kEntryBytes));
    index.entries_.push_back(entry);
    before = entry;
  }
  return index;
}

TimeIndex::Entry TimeIndex::lookup(std::int64_t target_ms) const {
  const auto above = std::ranges::upper_bound(entries_, target_ms, {}, &Entry::timestamp_ms);
  if (above == entries_.begin()) return {-1, base_};
  return *std::prev(above);
}

std::optional<TimeIndex::Entry> TimeIndex::last() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back();
}

TimeIndex::Entry TimeIndex::at(std::size_t index) const {
  CHECK(index < entries_.size());
  return entries_[index];
}

bool TimeIndex::append(std::int64_t timestamp_ms, Offset offset, bool closing) {
  CHECK(offset >= base_);
  CHECK(offset - base_ <= std::numeric_limits<std::int32_t>::max());
  if (!entries_.empty()) CHECK(offset >= entries_.back().offset);
  if (timestamp_ms <= (entries_.empty() ? -1 : entries_.back().timestamp_ms)) return false;
  CHECK(closing || !is_full());
  // Closed before, by a roll that failed: what has come since takes the place of that entry.
  if (closing && entries_.size() == entries_max_) entries_.pop_back();
  entries_.push_back({timestamp_ms, offset});
  return true;
}

void TimeIndex::truncate(Offset end) {
  entries_.erase(std::ranges::lower_bound(entries_, end, {}, &Entry::offset), entries_.end());
}

std::array<std::byte, TimeIndex::kEntryBytes> TimeIndex::encode_entry(std::size_t index) const {
  const Entry entry = at(index);
  std::array<std::byte, kEntryBytes> bytes{};
  kernel::store_be(bytes.data(), entry.timestamp_ms);
  kernel::store_be(bytes.data() + 8, static_cast<std::int32_t>(entry.offset - base_));
  return bytes;
}

std::vector<std::byte> TimeIndex::encode() const {
  std::vector<std::byte> bytes;
  bytes.reserve(entries_.size() * kEntryBytes);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const auto entry = encode_entry(i);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  return bytes;
}

}  // namespace broker::log
