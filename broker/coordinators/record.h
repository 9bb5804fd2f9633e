// Records of internal topics: key = int16 type and the body of the type's key, value = int16 version and body. A null
// value is a tombstone: whatever the key names is gone.
//
//   records.push_back(record_of(net::OffsetCommitKey{...}, net::OffsetCommitValue{...}, 4));
//   records.push_back(tombstone_of(net::GroupMetadataKey{...}));
#pragma once

#include <optional>
#include <vector>

#include "kernel/bytes.h"
#include "kernel/check.h"
#include "net/codec/message.h"
#include "net/record/record_iterator.h"
#include "net/types.h"

namespace broker::coordinators {

/// To be written.
struct NewRecord {
  std::vector<std::byte> key;
  std::optional<std::vector<std::byte>> value;  ///< nothing: a tombstone
  friend bool operator==(const NewRecord&, const NewRecord&) = default;
};

/// Committed on the log; views into somebody's batch.
struct LoggedRecord {
  net::Offset offset{0};
  /// Of the open transaction it belongs to; none when it counts at once.
  net::ProducerId transaction = net::kProducerIdNone;
  net::record::NullableBytes key;
  net::record::NullableBytes value;
};

namespace detail {
template <class Message>
std::vector<std::byte> numbered(std::int16_t number, const Message& message, std::int16_t version) {
  const auto size = net::measure(message, version);
  CHECK(size.has_value());
  std::vector<std::byte> out(sizeof number + size->stored_bytes);
  kernel::store_be(out.data(), number);
  net::encode(message, version, kernel::MutableByteView{out}.subspan(sizeof number));
  return out;
}
}  // namespace detail

template <class Key>
[[nodiscard]] NewRecord tombstone_of(const Key& key) {
  return {.key = detail::numbered(Key::kType, key, 0), .value = std::nullopt};
}
template <class Key, class Value>
[[nodiscard]] NewRecord record_of(const Key& key, const Value& value, std::int16_t version) {
  static_assert(Key::kType == Value::kType);
  return {.key = detail::numbered(Key::kType, key, 0), .value = detail::numbered(version, value, version)};
}

/// The type that a key names; nothing when there is no key or it is too short.
[[nodiscard]] inline std::optional<std::int16_t> type_of(const net::record::NullableBytes& key) {
  if (!key || key->size() < sizeof(std::int16_t)) return std::nullopt;
  return kernel::load_be<std::int16_t>(key->data());
}
/// The body behind a key's type. Errors: corrupt.
template <class Key>
[[nodiscard]] kernel::Result<Key> key_of(kernel::ByteView key, net::Arena& arena) {
  return net::decode_all<Key>(key.subspan(sizeof(std::int16_t)), 0, arena);
}
/// The body of a value in the version that it names. Errors: unsupported (a version of a later release), corrupt.
template <class Value>
[[nodiscard]] kernel::Result<Value> value_of(kernel::ByteView value, net::Arena& arena) {
  if (value.size() < sizeof(std::int16_t)) return kernel::fail(kernel::Errc::corrupt);
  return net::decode_all<Value>(value.subspan(sizeof(std::int16_t)), kernel::load_be<std::int16_t>(value.data()), arena);
}

}  // namespace broker::coordinators
