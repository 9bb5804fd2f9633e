#include "kernel/crc32c.h"

#include <nmmintrin.h>

namespace kernel {

__attribute__((target("sse4.2"))) std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  std::uint64_t state = ~crc;
  const std::byte* p = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 8; p += 8, n -= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    state = _mm_crc32_u64(state, word);
  }
  for (; n > 0; ++p, --n) state = _mm_crc32_u8(static_cast<std::uint32_t>(state), static_cast<unsigned char>(*p));
  return ~static_cast<std::uint32_t>(state);
}

}  // namespace kernel
