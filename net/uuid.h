// The 16-byte identities of the protocol: topics, log directories, incarnations, members.
//
//   const Uuid id = TRY(Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ"));
//   id.text() == "AAAAAAAAAAAAAAAAAAAAAQ";  Uuid{}.is_zero();   // zero means "unset" on the wire
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernel/result.h"

namespace net {

/// 128 bits, most significant first, ordered as the wire bytes are.
struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static constexpr std::size_t kTextSize = 22;

  [[nodiscard]] constexpr bool is_zero() const { return (high | low) == 0; }
  /// URL-safe base64 without padding: the form Kafka prints and keeps in its files.
  [[nodiscard]] std::string text() const;
  /// Errors: corrupt when `text` is not 22 characters of that alphabet or its four spare bits are set.
  static kernel::Result<Uuid> parse(std::string_view text);

  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace net
