#include "broker/log/cleaner/key_hash.h"

#include <bit>

namespace broker::log::cleaner {
namespace {

struct State {
  std::uint64_t a, b, c, d;

  void round() {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  void absorb(std::uint64_t word) {
    d ^= word;
    round();
    round();
    a ^= word;
  }
  [[nodiscard]] std::uint64_t squeeze() {
    for (int i = 0; i < 4; ++i) round();
    return a ^ b ^ c ^ d;
  }
};

/// Up to eight bytes, the first one lowest, whatever the machine's order.
std::uint64_t load(const std::byte* from, std::size_t bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes; ++i) word |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return word;
}

}  // namespace

KeyHash hash_key(const HashSeed& seed, kernel::ByteView key) {
  State state{seed.first ^ 0x736f6d6570736575u, seed.second ^ 0x646f72616e646f6du ^ 0xee,
              seed.first ^ 0x6c7967656e657261u, seed.second ^ 0x7465646279746573u};
  const std::size_t whole = key.size() & ~std::size_t{7};
  for (std::size_t i = 0; i < whole; i += 8) state.absorb(load(key.data() + i, 8));
  state.absorb(load(key.data() + whole, key.size() - whole) | static_cast<std::uint64_t>(key.size()) << 56);
  state.c ^= 0xee;
  KeyHash hash;
  hash.low = state.squeeze();
  state.b ^= 0xdd;
  hash.high = state.squeeze();
  return hash;
}

}  // namespace broker::log::cleaner
