// Every message that we can encode, with its type forgotten, for tests and fuzz targets that go over all of them.
//
//   for (const MessageCase& one : all_message_cases()) {
//     Arena arena;
//     Entropy entropy{random_bytes, arena};
//     const void* made = one.make(entropy, version);
//     const auto bytes = one.encode(made, version);
//   }
//
// The list and the random values are generated from the schemas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/codec/message.h"
#include "net/codec/text.h"

namespace net::testing {

/// Random values taken from a string of bytes. When the bytes run out all values are the smallest there are, so that
/// a shorter string makes a simpler message: shrinking the string shrinks the message.
class Entropy {
 public:
  Entropy(std::span<const std::uint8_t> bytes, Arena& arena) : bytes_{bytes}, arena_{arena} {}

  [[nodiscard]] Arena& arena() { return arena_; }
  std::uint64_t bits(unsigned count) {
    std::uint64_t value = 0;
    for (; count > 0; count -= 8) {
      value = value << 8U | (bytes_.empty() ? 0U : bytes_.front());
      if (!bytes_.empty()) bytes_ = bytes_.subspan(1);
    }
    return value;
  }
  /// Null, in versions where that is legal.
  bool null(bool legal) { return bits(8) % 4 == 1 && legal; }

  template <class T>
  void value(T& out) {
    std::byte raw[16] = {};
    for (std::size_t i = 0; i < Scalar<T>::kSize; ++i) raw[i] = static_cast<std::byte>(bits(8));
    if constexpr (std::is_same_v<T, double>) out = static_cast<double>(static_cast<std::int64_t>(bits(32)));  // no NaN
    else if constexpr (std::is_same_v<T, bool>) out = (raw[0] & std::byte{1}) != std::byte{0};
    else out = Scalar<T>::load(raw);
  }
  void value(std::string_view& out) { out = kernel::as_text(some_bytes()); }
  void value(Blob& out) { out = some_bytes(); }
  void records(Records& out, bool nullable) {
    if (null(nullable)) out = {};
    else out = Records::view(some_bytes());
  }
  template <class T>
  void values(List<T>& out) {
    out = arena_.list<T>(size());
    for (T& element : out) value(element);
  }
  template <class T>
  void structs(List<T>& out, std::int16_t version) {
    out = arena_.list<T>(size());
    for (T& element : out) arbitrary(*this, version, element);
  }
  /// Tags above those of any schema, ascending.
  void unknown_tags(List<RawTag>& out) {
    std::uint32_t tag = 100;
    for (std::uint64_t left = bits(8); left > 250; --left) {
      tag += static_cast<std::uint32_t>(bits(16)) + 1;
      arena_.push_back(out, RawTag{tag, some_bytes()});
    }
  }

 private:
  std::size_t size() {
    const std::uint64_t drawn = bits(8);
    return drawn > 252 ? 130 : drawn % 4;  // rarely long enough for a count of two bytes
  }
  kernel::ByteView some_bytes() {
    const std::uint64_t drawn = bits(8);
    const std::size_t size = drawn > 252 ? 200 : drawn % 12;
    auto text = arena_.list<std::uint8_t>(size);
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::uint8_t>(bits(8));
    return {reinterpret_cast<const std::byte*>(text.data()), size};
  }

  std::span<const std::uint8_t> bytes_;
  Arena& arena_;
};

enum class MessageKind : std::uint8_t { request, response, record };

struct MessageCase {
  std::string_view name;
  MessageKind kind;
  std::int16_t api_key;  ///< -1 for records
  std::int16_t type;     ///< of a record that has one, else -1
  VersionRange versions;
  std::int16_t flexible_from;
  const void* (*make)(Entropy&, std::int16_t version);
  kernel::Result<std::vector<std::byte>> (*encode)(const void*, std::int16_t version);
  /// All of the bytes; the message lies in the arena.
  kernel::Result<const void*> (*decode)(kernel::ByteView, std::int16_t version, Arena&);
  bool (*equal)(const void*, const void*);
  std::string (*text)(const void*);
};

/// In the order of the schema files.
std::vector<MessageCase> all_message_cases();

template <class M>
MessageCase message_case(MessageKind kind, std::int16_t api_key) {
  std::int16_t type = -1;
  if constexpr (requires { M::kType; }) type = M::kType;
  return {
      .name = M::kName,
      .kind = kind,
      .api_key = api_key,
      .type = type,
      .versions = M::kVersions,
      .flexible_from = M::kFlexibleFrom,
      .make = [](Entropy& entropy, std::int16_t version) -> const void* {
        List<M> made = entropy.arena().list<M>(1);
        arbitrary(entropy, version, made[0]);
        return made.data();
      },
      .encode = [](const void* message, std::int16_t version) {
        return net::encode(*static_cast<const M*>(message), version);
      },
      .decode = [](kernel::ByteView bytes, std::int16_t version, Arena& arena) -> kernel::Result<const void*> {
        const M message = TRY(decode_all<M>(bytes, version, arena));
        List<M> kept = arena.list<M>(1);
        kept[0] = message;
        return kept.data();
      },
      .equal = [](const void* a, const void* b) { return *static_cast<const M*>(a) == *static_cast<const M*>(b); },
      .text = [](const void* message) { return to_text(*static_cast<const M*>(message)); },
  };
}

}  // namespace net::testing
