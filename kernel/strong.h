// Strong types: a number or a string that must not be mixed with another of the same shape.
//
//   using Offset = kernel::Strong<struct OffsetTag, std::int64_t>;
//   Offset base{42};  base.raw() == 42;  Offset + LeaderEpoch does not compile.
//
// No conversion in either direction happens by accident; arithmetic that means something is added beside the type.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace kernel {

template <class Tag, class Rep>
class Strong {
 public:
  using Raw = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep raw) : raw_{std::move(raw)} {}
  [[nodiscard]] constexpr const Rep& raw() const { return raw_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  friend constexpr bool operator==(const Strong&, const Strong&) = default;

 private:
  Rep raw_{};
};

}  // namespace kernel
