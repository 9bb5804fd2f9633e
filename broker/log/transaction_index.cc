#include "broker/log/transaction_index.h"

#include <algorithm>

#include "kernel/check.h"

namespace broker::log {
namespace {

constexpr std::int16_t kEntryVersion = 0;

}  // namespace

kernel::Result<TransactionIndex> TransactionIndex::parse(kernel::ByteView file) {
  if (file.size() % kEntryBytes != 0) return kernel::fail(Reason::bad_size, static_cast<std::int64_t>(file.size()));
  TransactionIndex index;
  index.entries_.reserve(file.size() / kEntryBytes);
  Offset before{-1};
  for (std::size_t at = 0; at < file.size(); at += kEntryBytes) {
    const auto number = static_cast<std::int64_t>(at / kEntryBytes);
    const std::byte* from = file.data() + at;
    if (kernel::load_be<std::int16_t>(from) != kEntryVersion) return kernel::fail(Reason::bad_version, number);
    const AbortedTransaction entry{ProducerId{kernel::load_be<std::int64_t>(from + 2)},
                                   Offset{kernel::load_be<std::int64_t>(from + 10)},
                                   Offset{kernel::load_be<std::int64_t>(from + 18)},
                                   Offset{kernel::load_be<std::int64_t>(from + 26)}};
    const bool can_be = entry.producer.raw() >= 0 && entry.first.raw() >= 0 && entry.first < entry.marker &&
                        entry.last_stable.raw() >= 0 && entry.last_stable.raw() - 1 <= entry.marker.raw();
    if (!can_be || entry.marker <= before) return kernel::fail(Reason::bad_entry, number);
    before = entry.marker;
    index.entries_.push_back(entry);
  }
  return index;
}

void TransactionIndex::append(const AbortedTransaction& entry) {
  CHECK(entry.first < entry.marker);
  if (!entries_.empty()) CHECK(entries_.back().marker < entry.marker);
  entries_.push_back(entry);
}

void TransactionIndex::truncate(Offset end) {
  entries_.erase(std::ranges::lower_bound(entries_, end, {}, &AbortedTransaction::marker), entries_.end());
}

bool TransactionIndex::collect(Offset from, Offset to, std::vector<AbortedTransaction>& found) const {
  for (auto at = std::ranges::lower_bound(entries_, from, {}, &AbortedTransaction::marker); at != entries_.end(); ++at) {
    if (at->first < to) found.push_back(*at);
    if (at->last_stable >= to) return true;
  }
  return false;
}

std::vector<std::byte> TransactionIndex::encode(std::size_t first) const {
  CHECK(first <= entries_.size());
  std::vector<std::byte> bytes((entries_.size() - first) * kEntryBytes);
  std::byte* to = bytes.data();
  for (std::size_t i = first; i < entries_.size(); ++i, to += kEntryBytes) {
    kernel::store_be(to, kEntryVersion);
    kernel::store_be(to + 2, entries_[i].producer.raw());
    kernel::store_be(to + 10, entries_[i].first.raw());
    kernel::store_be(to + 18, entries_[i].marker.raw());
    kernel::store_be(to + 26, entries_[i].last_stable.raw());
  }
  return bytes;
}

}  // namespace broker::log
