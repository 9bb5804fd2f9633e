#include "kernel/crc32c.h"

#include <array>

#include <immintrin.h>

namespace kernel {
namespace {

// Polynomials over GF(2) modulo P, reflected: bit 31 is the coefficient of x^0.
constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t times_x(std::uint32_t a) { return (a >> 1) ^ ((a & 1) != 0 ? kPolynomial : 0); }

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = kOne; bit != 0; bit >>= 1, b = times_x(b))
    product ^= (a & bit) != 0 ? b : 0;
  return product;
}

/// x^(2^k) mod P.
using Squares = std::array<std::uint32_t, 64>;
constexpr Squares make_squares() {
  Squares squares{};
  squares[0] = times_x(kOne);
  for (std::size_t k = 1; k < squares.size(); ++k) squares[k] = multiply(squares[k - 1], squares[k - 1]);
  return squares;
}
constexpr Squares kSquares = make_squares();

/// x^exponent mod P.
constexpr std::uint32_t power_of_x(std::uint64_t exponent) {
  std::uint32_t power = kOne;
  for (std::size_t k = 0; exponent != 0; exponent >>= 1, ++k)
    if ((exponent & 1) != 0) power = multiply(power, kSquares[k]);
  return power;
}

/// table[k][b]: what byte b contributes when k more bytes follow it.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = times_x(rest);
    tables[0][byte] = rest;
  }
  for (std::size_t k = 1; k < tables.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = tables[0][before & 0xff] ^ (before >> 8);
    }
  return tables;
}
constexpr Tables kTables = make_tables();

inline std::uint64_t load_word(const std::byte* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Three streams of `kStreamBytes` each hide the three-cycle latency of the CRC instruction.
template <std::size_t kStreamBytes>
__attribute__((target("sse4.2,pclmul"))) inline std::uint32_t three_streams(const std::byte* p, std::uint32_t state) {
  static_assert(kStreamBytes % 8 == 0);
  std::uint64_t a = state;
  std::uint64_t b = 0;
  std::uint64_t c = 0;
  for (std::size_t i = 0; i < kStreamBytes; i += 8) {
    a = _mm_crc32_u64(a, load_word(p + i));
    b = _mm_crc32_u64(b, load_word(p + kStreamBytes + i));
    c = _mm_crc32_u64(c, load_word(p + 2 * kStreamBytes + i));
  }
  // Shift a over the two streams behind it and b over one, then add. A carry-less product of two reflected values
  // carries one factor x and the CRC instruction that reduces it another x^32, hence the -33.
  constexpr std::uint32_t kOverOne = power_of_x(8 * kStreamBytes - 33);
  constexpr std::uint32_t kOverTwo = power_of_x(16 * kStreamBytes - 33);
  const __m128i over_two = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(a)),
                                                _mm_cvtsi64_si128(kOverTwo), 0);
  const __m128i over_one = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(b)),
                                                _mm_cvtsi64_si128(kOverOne), 0);
  const auto sum = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_xor_si128(over_two, over_one)));
  return static_cast<std::uint32_t>(_mm_crc32_u64(0, sum) ^ c);
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t crc32c_instructions(ByteView bytes, std::uint32_t crc) {
  // Long streams pay the combination rarely, short ones keep the tail of a small batch fast.
  constexpr std::size_t kLong = 4096;
  constexpr std::size_t kMiddle = 512;
  constexpr std::size_t kShort = 64;
  std::uint32_t state = ~crc;
  const std::byte* p = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 3 * kLong; p += 3 * kLong, n -= 3 * kLong) state = three_streams<kLong>(p, state);
  for (; n >= 3 * kMiddle; p += 3 * kMiddle, n -= 3 * kMiddle) state = three_streams<kMiddle>(p, state);
  for (; n >= 3 * kShort; p += 3 * kShort, n -= 3 * kShort) state = three_streams<kShort>(p, state);
  std::uint64_t tail = state;
  for (; n >= 8; p += 8, n -= 8) tail = _mm_crc32_u64(tail, load_word(p));
  state = static_cast<std::uint32_t>(tail);
  for (; n > 0; ++p, --n) state = _mm_crc32_u8(state, static_cast<unsigned char>(*p));
  return ~state;
}

}  // namespace

std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t crc) {
  std::uint32_t state = ~crc;
  const std::byte* p = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 8; p += 8, n -= 8) {
    const std::uint64_t word = load_word(p) ^ state;
    state = 0;
    for (std::size_t k = 0; k < 8; ++k) state ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; n > 0; ++p, --n) state = (state >> 8) ^ kTables[0][(state ^ static_cast<std::uint32_t>(*p)) & 0xff];
  return ~state;
}

std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) [[likely]]
    return crc32c_instructions(bytes, crc);
  return crc32c_portable(bytes, crc);
}

std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
  return multiply(first, power_of_x(8 * second_bytes)) ^ second;
}

}  // namespace kernel
