#include "kernel/crc32c.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

namespace kernel {
namespace {

std::uint32_t bit_by_bit(ByteView bytes) {
  std::uint32_t state = 0xFFFFFFFF;
  for (const std::byte b : bytes) {
    state ^= static_cast<std::uint32_t>(b);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82F63B78 : 0);
  }
  return ~state;
}

std::vector<std::byte> noise(std::size_t count) {
  std::vector<std::byte> bytes(count);
  std::uint64_t state = 0x9E3779B97F4A7C15;
  for (std::byte& b : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    b = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

// RFC 3720, appendix B.4.
TEST(Crc32c, agrees_with_the_published_vectors) {
  const std::vector<std::byte> zeros(32, std::byte{0});
  const std::vector<std::byte> ones(32, std::byte{0xff});
  std::vector<std::byte> rising(32);
  for (std::size_t i = 0; i < 32; ++i) rising[i] = static_cast<std::byte>(i);
  const std::vector<std::byte> falling(rising.rbegin(), rising.rend());
  for (const auto function : {crc32c, crc32c_portable}) {
    EXPECT_EQ(function({}, 0), 0u);
    EXPECT_EQ(function(as_bytes("123456789"), 0), 0xE3069283u);
    EXPECT_EQ(function(zeros, 0), 0x8A9136AAu);
    EXPECT_EQ(function(ones, 0), 0x62A8AB43u);
    EXPECT_EQ(function(rising, 0), 0x46DD794Eu);
    EXPECT_EQ(function(falling, 0), 0x113FDB5Cu);
  }
}

TEST(Crc32c, is_the_bitwise_definition_at_every_length_and_alignment) {
  const std::vector<std::byte> bytes = noise(4096 + 16);
  for (std::size_t length = 0; length <= 4096; ++length) {
    // Every alignment at short lengths and around the stream sizes; all of them in turn elsewhere.
    const bool dense = length < 256 || length % 192 < 2 || length % 1536 < 2;
    for (std::size_t shift = dense ? 0 : length % 16; shift < (dense ? 16 : length % 16 + 1); ++shift) {
      const ByteView view = ByteView{bytes}.subspan(shift, length);
      const std::uint32_t expected = bit_by_bit(view);
      ASSERT_EQ(crc32c(view), expected) << length << " bytes at " << shift;
      ASSERT_EQ(crc32c_portable(view), expected) << length << " bytes at " << shift;
    }
  }
}

TEST(Crc32c, of_large_buffers_is_the_bitwise_definition) {
  const std::vector<std::byte> bytes = noise(100'003);
  for (const std::size_t length : {12'287u, 12'288u, 12'289u, 24'576u, 65'536u, 100'003u}) {
    const ByteView view = ByteView{bytes}.first(length);
    EXPECT_EQ(crc32c(view), bit_by_bit(view)) << length;
    EXPECT_EQ(crc32c_portable(view), bit_by_bit(view)) << length;
  }
}

TEST(Crc32c, of_pieces_continues_and_combines_to_that_of_the_whole) {
  const std::vector<std::byte> bytes = noise(20'000);
  EXPECT_TRUE(rc::check([&] {
    const auto length = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
    const auto cut = *rc::gen::inRange<std::size_t>(0, length + 1);
    const ByteView whole = ByteView{bytes}.first(length);
    const ByteView head = whole.first(cut);
    const ByteView tail = whole.subspan(cut);
    const std::uint32_t expected = crc32c(whole);
    RC_ASSERT(crc32c(tail, crc32c(head)) == expected);
    RC_ASSERT(crc32c_portable(tail, crc32c_portable(head)) == expected);
    RC_ASSERT(crc32c_combine(crc32c(head), crc32c(tail), tail.size()) == expected);
  }));
}

}  // namespace
}  // namespace kernel
