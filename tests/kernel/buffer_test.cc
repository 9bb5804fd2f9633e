#include "kernel/buffer.h"

#include <gtest/gtest.h>

#include <fstream>

#include "kernel/sanitizer.h"

namespace kernel {
namespace {

std::byte mark_of(std::size_t at) { return static_cast<std::byte>(at * 31 + at / 4096); }

TEST(MutableBuffer, KeepsItsBytesWhenItIsResized) {
  MutableBuffer buffer;
  std::size_t filled = 0;
  for (const std::size_t size : {100u, 70'000u, 1'000'000u, 5'000'000u, 300'000u, 10u}) {
    buffer.resize(size);
    ASSERT_EQ(buffer.size(), size);
    filled = std::min(filled, size);
    for (std::size_t i = 0; i < filled; ++i) ASSERT_EQ(buffer.bytes()[i], mark_of(i)) << size;
    for (; filled < size; ++filled) buffer.bytes()[filled] = mark_of(filled);
  }
  const Buffer shared = std::move(buffer).share();
  EXPECT_EQ(shared.size(), 10u);
  EXPECT_EQ(shared.view()[9], mark_of(9));
}

[[maybe_unused]] std::int64_t resident_bytes_at_most() {
  std::ifstream file{"/proc/self/status"};
  std::string word;
  while (file >> word && word != "VmHWM:") {
  }
  std::int64_t kib = -1;
  file >> kib;
  return kib * 1024;
}

TEST(MutableBuffer, IsNotThereTwiceWhileALargeOneGrows) {
#if defined(KALDA_ASAN) || defined(KALDA_TSAN)
  GTEST_SKIP() << "their heaps copy";
#else
  constexpr std::size_t kFilledBytes = 64u << 20;
  const std::int64_t before = resident_bytes_at_most();
  MutableBuffer buffer = MutableBuffer::allocate(kFilledBytes);
  std::memset(buffer.bytes().data(), 7, kFilledBytes);
  buffer.resize(4 * kFilledBytes);
  EXPECT_EQ(buffer.bytes()[kFilledBytes - 1], std::byte{7});
  EXPECT_LT(resident_bytes_at_most() - before, static_cast<std::int64_t>(kFilledBytes + kFilledBytes / 2));
#endif
}

}  // namespace
}  // namespace kernel
