// Random numbers as a function of (seed, domain, entity, counter). Domains are apart: one more draw for the network
// does not change what the disk or the workload does, which keeps a seed's story stable under small edits and is
// what makes shrinking possible. All distributions are ours, so that every library and compiler draws the same.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "kernel/bytes.h"
#include "kernel/check.h"

namespace kernel {

enum class Domain : std::uint8_t { schedule, network, disk, workload, settings, application, faults, clock };

/// Mixes two words into one; the base of every derived key.
constexpr std::uint64_t mix64(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd6e8feb86659fd93u);
  std::uint64_t z = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
/// A 64-bit hash of text that is the same in every build (unlike std::hash).
constexpr std::uint64_t hash64(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mix64(h, text.size());
}

/// Told of every draw; the simulator's trace is one.
class DrawObserver {
 public:
  virtual void drew(std::uint64_t value) = 0;

 protected:
  ~DrawObserver() = default;
};

class Random {
 public:
  Random(std::uint64_t seed, Domain domain, std::uint64_t entity, DrawObserver* observer = nullptr)
      : key_{mix64(mix64(seed, static_cast<std::uint64_t>(domain) + 1), entity)}, observer_{observer} {}

  /// A generator of its own for a part of this one's work.
  [[nodiscard]] Random split(std::string_view name) const {
    Random child = *this;
    child.key_ = mix64(key_, hash64(name));
    child.counter_ = 0;
    return child;
  }
  [[nodiscard]] Random split(std::uint64_t entity) const {
    Random child = *this;
    child.key_ = mix64(key_, mix64(entity, 0x5851f42d4c957f2du));
    child.counter_ = 0;
    return child;
  }

  std::uint64_t u64() {
    const std::uint64_t value = mix64(key_, ++counter_);
    if (observer_ != nullptr) observer_->drew(value);
    return value;
  }
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    CHECK(bound > 0);
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(u64()) * bound) >> 64);
  }
  /// Uniform in [first, last].
  std::int64_t between(std::int64_t first, std::int64_t last) {
    CHECK(first <= last);
    return first + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last - first) + 1));
  }
  /// True in `per_million` of a million draws.
  bool chance(std::uint32_t per_million) { return below(1'000'000) < per_million; }
  /// Mostly near zero, rarely near `max`: 1/(1+x) tail by squaring uniform fractions `power` times.
  std::uint64_t heavy_tail(std::uint64_t max, int power = 3) {
    std::uint64_t fraction = u64() >> 32;
    for (int i = 0; i < power; ++i) fraction = (fraction * fraction) >> 32;
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(fraction) * max) >> 32);
  }
  void fill(MutableByteView out) {
    for (std::byte& b : out) b = static_cast<std::byte>(u64());
  }
  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      const std::size_t j = below(i);
      if (j != i - 1) std::swap(items[i - 1], items[j]);
    }
  }

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
  DrawObserver* observer_;
};

}  // namespace kernel
