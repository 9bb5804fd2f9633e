// Zigzag variable-length integers of records: seven bits a byte, low ones first, at most 5 (int32) or 10 (int64).
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace net::record {

template <std::signed_integral T>
constexpr std::make_unsigned_t<T> zigzag(T value) {
  using Unsigned = std::make_unsigned_t<T>;
  return (static_cast<Unsigned>(value) << 1) ^ static_cast<Unsigned>(value >> (sizeof(T) * 8 - 1));
}
template <std::unsigned_integral U>
constexpr std::make_signed_t<U> unzigzag(U value) {
  return static_cast<std::make_signed_t<U>>((value >> 1) ^ (U{0} - (value & 1)));
}

/// The part of read_varint() for three bytes and more; `raw` holds the first two.
template <std::unsigned_integral U>
[[nodiscard]] bool read_long_varint(const std::byte*& p, const std::byte* end, U& raw) {
  constexpr int kBits = sizeof(U) * 8;
  for (int shift = 14;; shift += 7) {
    if (p == end || shift >= kBits) return false;
    const auto b = static_cast<U>(*p++);
    if (shift + 7 > kBits && (b >> (kBits - shift)) != 0) return false;
    raw |= (b & 0x7f) << shift;
    if (b < 0x80) return true;
  }
}

/// Reads one number from [p, end) and moves `p` behind it. False when the bytes end first, or when they encode more
/// than T holds; `p` is then meaningless.
template <std::signed_integral T>
[[nodiscard]] [[gnu::always_inline]] inline bool read_varint(const std::byte*& p, const std::byte* end, T& value) {
  using Unsigned = std::make_unsigned_t<T>;
  if (p == end) return false;
  auto raw = static_cast<Unsigned>(*p++);
  if (raw >= 0x80) {
    if (p == end) return false;
    const auto second = static_cast<Unsigned>(*p++);
    raw = (raw & 0x7f) | (second & 0x7f) << 7;
    if (second >= 0x80 && !read_long_varint(p, end, raw)) return false;
  }
  value = unzigzag(raw);
  return true;
}

template <std::signed_integral T>
[[nodiscard]] constexpr std::size_t varint_bytes(T value) {
  return (static_cast<std::size_t>(std::bit_width(zigzag(value) | 1U)) + 6) / 7;
}

/// Writes varint_bytes(value) bytes and answers where they end.
template <std::signed_integral T>
inline std::byte* put_varint(std::byte* to, T value) {
  auto rest = zigzag(value);
  for (; rest >= 0x80; rest >>= 7) *to++ = static_cast<std::byte>((rest & 0x7f) | 0x80);
  *to++ = static_cast<std::byte>(rest);
  return to;
}

}  // namespace net::record
