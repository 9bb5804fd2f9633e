#include "net/record/partitioning.h"

#include <limits>

#include "kernel/check.h"

namespace net::record {
namespace {

constexpr std::uint32_t kMurmurSeed = 0x9747b28c;
constexpr std::uint32_t kMurmurFactor = 0x5bd1e995;
constexpr char32_t kReplacement = 0xFFFD;

std::uint32_t byte_at(kernel::ByteView bytes, std::size_t at) { return static_cast<std::uint32_t>(bytes[at]); }

/// Takes one code point off the front of `text`, which is not empty.
char32_t take_code_point(std::string_view& text) {
  const auto unit = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = unit(0);
  const std::size_t length = first < 0x80 ? 1 : first >> 5 == 0x6 ? 2 : first >> 4 == 0xe ? 3 : first >> 3 == 0x1e ? 4 : 0;
  char32_t point = length == 1 ? first : first & (0x7fu >> length);
  bool good = length != 0 && length <= text.size();
  for (std::size_t i = 1; good && i < length; ++i) {
    good = (unit(i) & 0xc0) == 0x80;
    point = point << 6 | (unit(i) & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (!good || point < kSmallest[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
    text.remove_prefix(1);
    return kReplacement;
  }
  text.remove_prefix(length);
  return point;
}

}  // namespace

std::uint32_t murmur2(kernel::ByteView bytes) {
  std::uint32_t hash = kMurmurSeed ^ static_cast<std::uint32_t>(bytes.size());
  for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
    std::uint32_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    word *= kMurmurFactor;
    word ^= word >> 24;
    word *= kMurmurFactor;
    hash = hash * kMurmurFactor ^ word;
  }
  if (bytes.size() == 3) hash ^= byte_at(bytes, 2) << 16;
  if (bytes.size() >= 2) hash ^= byte_at(bytes, 1) << 8;
  if (!bytes.empty()) hash = (hash ^ byte_at(bytes, 0)) * kMurmurFactor;
  hash ^= hash >> 13;
  hash *= kMurmurFactor;
  return hash ^ hash >> 15;
}

PartitionId partition_of_key(kernel::ByteView key, std::int32_t partitions) {
  CHECK(partitions > 0);
  return PartitionId{static_cast<std::int32_t>(murmur2(key) & 0x7fffffff) % partitions};
}

std::int32_t java_string_hash(std::string_view utf8) {
  std::uint32_t hash = 0;
  while (!utf8.empty()) {
    const char32_t point = take_code_point(utf8);
    if (point >= 0x10000) {
      hash = hash * 31 + (0xD800 + ((point - 0x10000) >> 10));
      hash = hash * 31 + (0xDC00 + ((point - 0x10000) & 0x3ff));
    } else {
      hash = hash * 31 + point;
    }
  }
  return static_cast<std::int32_t>(hash);
}

PartitionId coordinator_partition(std::string_view id, std::int32_t partitions) {
  CHECK(partitions > 0);
  const std::int32_t hash = java_string_hash(id);
  const std::int32_t positive = hash == std::numeric_limits<std::int32_t>::min() ? 0 : hash < 0 ? -hash : hash;
  return PartitionId{positive % partitions};
}

}  // namespace net::record
