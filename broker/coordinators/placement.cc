#include "broker/coordinators/placement.h"

#include "kernel/check.h"

namespace broker::coordinators {
namespace {

constexpr std::uint32_t kReplacement = 0xfffd;

struct Decoded {
  std::uint32_t code_point;
  std::size_t bytes;
};

Decoded next_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 0;
  if (length == 0 || text.size() < length) return {kReplacement, 1};
  std::uint32_t value = first & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {kReplacement, 1};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  return {value, length};
}

}  // namespace

std::int32_t java_hash(std::string_view text) {
  std::uint32_t hash = 0;
  const auto add = [&](std::uint32_t unit) { hash = hash * 31 + unit; };
  while (!text.empty()) {
    const Decoded one = next_code_point(text);
    text.remove_prefix(one.bytes);
    if (one.code_point < 0x10000) {
      add(one.code_point);
    } else {
      add(0xd800 + ((one.code_point - 0x10000) >> 10));
      add(0xdc00 + ((one.code_point - 0x10000) & 0x3ff));
    }
  }
  return static_cast<std::int32_t>(hash);
}

net::PartitionId partition_for(std::string_view id, std::int32_t partitions) {
  CHECK(partitions > 0);
  const std::int32_t hash = java_hash(id);
  const std::int32_t positive = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
  return net::PartitionId{positive % partitions};
}

}  // namespace broker::coordinators
