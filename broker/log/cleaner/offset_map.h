// The last offset of each key in the stretch of a log that is being cleaned, in bounded memory: what decides which
// records are superseded. Keys are kept as hashes (key_hash.h), 24 bytes an entry.
//
//   OffsetMap map{seed, {.bytes_max = 128 << 20, .load_factor = 0.9, .keys_expected = 1000}};
//   if (!map.put(key, offset)) ...                  // full: the cleaning goes no further this time
//   const auto last = map.find(key);                // nothing: the key does not occur
//
// Pure; memory is taken once, for as many keys as are expected and no more than the bound allows.
#pragma once

#include <optional>
#include <vector>

#include "broker/log/cleaner/key_hash.h"
#include "net/types.h"

namespace broker::log::cleaner {

using net::Offset;

class OffsetMap {
 public:
  static constexpr std::size_t kEntryBytes = 24;
  struct Bounds {
    std::uint64_t bytes_max = 128u << 20;
    double load_factor = 0.9;            ///< how full it may become
    std::uint64_t keys_expected = 0;
  };
  OffsetMap(const HashSeed& seed, const Bounds& bounds);

  /// Notes that `key` occurs at `offset`. Of several offsets the largest counts. False, and nothing is noted, when the
  /// key is new and there is no room.
  [[nodiscard]] bool put(kernel::ByteView key, Offset offset) { return put(hash(key), offset); }
  [[nodiscard]] bool put(const KeyHash& hash, Offset offset);
  [[nodiscard]] std::optional<Offset> find(kernel::ByteView key) const;
  [[nodiscard]] KeyHash hash(kernel::ByteView key) const { return hash_key(seed_, key); }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// How many keys it can hold; at least one.
  [[nodiscard]] std::size_t keys_max() const { return keys_max_; }

 private:
  struct Entry {
    KeyHash key;
    std::int64_t offset = -1;  ///< -1: free
  };
  static_assert(sizeof(Entry) == kEntryBytes);
  [[nodiscard]] std::size_t slot_of(const KeyHash& key) const;

  HashSeed seed_;
  std::size_t keys_max_;
  std::vector<Entry> slots_;
  std::size_t size_ = 0;
};

}  // namespace broker::log::cleaner
