// The types of message fields that C++ does not have, and how wide the fixed ones are.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "kernel/bytes.h"
#include "kernel/check.h"
#include "kernel/strong.h"
#include "net/uuid.h"

namespace net {

/// Bytes somewhere else, compared by content.
struct Blob : kernel::ByteView {
  using kernel::ByteView::ByteView;
  constexpr Blob() = default;
  constexpr Blob(kernel::ByteView bytes) : kernel::ByteView{bytes} {}  // NOLINT: every view of bytes is a Blob
  friend bool operator==(const Blob& a, const Blob& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
  }
};

/// Record batches of one partition: null, bytes in memory, or bytes that whoever sends the frame will put there.
///
///   partition.records = Records::view(batch_bytes);
///   partition.records = Records::external(slice.size(), slice_index);   // see writer.h, Gap
///
/// Decoding gives null or a view into the frame.
class Records {
 public:
  constexpr Records() = default;
  static Records view(kernel::ByteView bytes) { return {Kind::view, bytes.data(), bytes.size(), 0}; }
  /// `token` comes back in the Gap and says to the sender which bytes are meant.
  static Records external(std::size_t size_bytes, std::uint32_t token) {
    return {Kind::external, nullptr, size_bytes, token};
  }

  [[nodiscard]] constexpr bool is_null() const { return kind_ == Kind::null; }
  [[nodiscard]] constexpr bool is_external() const { return kind_ == Kind::external; }
  [[nodiscard]] constexpr std::size_t size_bytes() const { return size_; }
  [[nodiscard]] constexpr std::uint32_t token() const { return token_; }
  /// The bytes in memory; empty when null. Not for external ones.
  [[nodiscard]] kernel::ByteView bytes() const {
    CHECK(!is_external());
    return {data_, size_};
  }
  friend bool operator==(const Records& a, const Records& b) {
    if (a.kind_ != b.kind_ || a.token_ != b.token_ || a.size_ != b.size_) return false;
    return a.kind_ != Kind::view || Blob{a.bytes()} == Blob{b.bytes()};
  }

 private:
  enum class Kind : std::uint8_t { null, view, external };
  Records(Kind kind, const std::byte* data, std::size_t size, std::uint32_t token)
      : data_{data}, size_{static_cast<std::uint32_t>(size)}, token_{token}, kind_{kind} {
    CHECK(size <= INT32_MAX);
  }
  const std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t token_ = 0;
  Kind kind_ = Kind::null;
};

/// A tagged field that our schema does not know, kept so that it is passed on unharmed.
struct RawTag {
  std::uint32_t tag = 0;
  Blob value;
  friend bool operator==(const RawTag&, const RawTag&) = default;
};

/// How a fixed-width field lies on the wire: big-endian integers, and what is made of them.
template <class T>
struct Scalar {
  static constexpr std::size_t kSize = sizeof(T);
  static T load(const std::byte* from) {
    if constexpr (std::is_enum_v<T>) return static_cast<T>(kernel::load_be<std::underlying_type_t<T>>(from));
    else return kernel::load_be<T>(from);
  }
  static void store(std::byte* to, T value) {
    if constexpr (std::is_enum_v<T>) kernel::store_be(to, static_cast<std::underlying_type_t<T>>(value));
    else kernel::store_be(to, value);
  }
};
template <>
struct Scalar<bool> {
  static constexpr std::size_t kSize = 1;
  static bool load(const std::byte* from) { return *from != std::byte{0}; }
  static void store(std::byte* to, bool value) { *to = std::byte{value}; }
};
template <>
struct Scalar<double> {
  static constexpr std::size_t kSize = 8;
  static double load(const std::byte* from) { return std::bit_cast<double>(kernel::load_be<std::uint64_t>(from)); }
  static void store(std::byte* to, double value) { kernel::store_be(to, std::bit_cast<std::uint64_t>(value)); }
};
template <>
struct Scalar<Uuid> {
  static constexpr std::size_t kSize = 16;
  static Uuid load(const std::byte* from) {
    return {kernel::load_be<std::uint64_t>(from), kernel::load_be<std::uint64_t>(from + 8)};
  }
  static void store(std::byte* to, const Uuid& value) {
    kernel::store_be(to, value.high);
    kernel::store_be(to + 8, value.low);
  }
};
template <class Tag, class Rep>
struct Scalar<kernel::Strong<Tag, Rep>> {
  static constexpr std::size_t kSize = Scalar<Rep>::kSize;
  static kernel::Strong<Tag, Rep> load(const std::byte* from) {
    return kernel::Strong<Tag, Rep>{Scalar<Rep>::load(from)};
  }
  static void store(std::byte* to, const kernel::Strong<Tag, Rep>& value) { Scalar<Rep>::store(to, value.raw()); }
};

}  // namespace net
