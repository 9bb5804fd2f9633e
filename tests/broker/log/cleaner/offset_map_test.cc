#include "broker/log/cleaner/offset_map.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/broker/log/cleaner/keyed_log.h"

namespace broker::log::cleaner {
namespace {

constexpr HashSeed kSeed{0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

TEST(OffsetMapTest, a_key_hash_is_siphash_128_of_the_reference_vectors) {
  // From the authors' test vectors: the key 00 01 .. 0f, the message 00 01 02 .. of that many bytes.
  std::vector<std::byte> message;
  const auto digest = [&](std::size_t bytes) {
    message.clear();
    for (std::size_t i = 0; i < bytes; ++i) message.push_back(static_cast<std::byte>(i));
    return hash_key(kSeed, message);
  };
  EXPECT_EQ(digest(0), (KeyHash{0xe6a825ba047f81a3u, 0x930255c71472f66du}));
  EXPECT_EQ(digest(1), (KeyHash{0x44af996bd8c187dau, 0x45fc229b11597634u}));
}

TEST(OffsetMapTest, the_last_offset_of_each_key_is_found_and_others_are_not) {
  OffsetMap map{kSeed, {.bytes_max = 1 << 20, .keys_expected = 2000}};
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(map.put(kernel::as_bytes(fmt::format("k{}", i % 500)), net::Offset{i}));
  EXPECT_EQ(map.size(), 500u);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(map.find(kernel::as_bytes(fmt::format("k{}", i))), net::Offset{1500 + i});
  EXPECT_EQ(map.find(kernel::as_bytes("k500")), std::nullopt);
  ASSERT_TRUE(map.put(kernel::as_bytes("k7"), net::Offset{3}));
  EXPECT_EQ(map.find(kernel::as_bytes("k7")), net::Offset{1507}) << "an older one took its place";
}

TEST(OffsetMapTest, a_full_map_takes_known_keys_only_and_stays_within_its_bytes) {
  OffsetMap map{kSeed, {.bytes_max = 10 * OffsetMap::kEntryBytes, .load_factor = 0.5, .keys_expected = 1'000'000}};
  ASSERT_EQ(map.keys_max(), 5u);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(map.put(kernel::as_bytes(fmt::format("k{}", i)), net::Offset{i}));
  EXPECT_FALSE(map.put(kernel::as_bytes("k5"), net::Offset{5}));
  EXPECT_EQ(map.find(kernel::as_bytes("k5")), std::nullopt);
  EXPECT_TRUE(map.put(kernel::as_bytes("k0"), net::Offset{6}));
  EXPECT_EQ(map.find(kernel::as_bytes("k0")), net::Offset{6});
}

TEST(OffsetMapTest, the_least_memory_holds_one_key) {
  OffsetMap map{kSeed, {.bytes_max = 1, .load_factor = 0.0, .keys_expected = 100}};
  EXPECT_EQ(map.keys_max(), 1u);
  EXPECT_TRUE(map.put(kernel::as_bytes("a"), net::Offset{0}));
  EXPECT_FALSE(map.put(kernel::as_bytes("b"), net::Offset{1}));
  EXPECT_EQ(map.find(kernel::as_bytes("b")), std::nullopt);
}

}  // namespace
}  // namespace broker::log::cleaner
