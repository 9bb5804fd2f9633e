#include "scenarios/identity.h"

#include <fmt/format.h>

#include "kernel/random.h"

namespace scenarios {
namespace {

constexpr std::uint32_t kMagic = 0x4b414c44;
constexpr std::size_t kFixedBytes = 32;
constexpr std::size_t kMacBytes = 8;

std::uint64_t mac_of(kernel::ByteView bytes, std::uint64_t seed) {
  return kernel::mix64(kernel::hash64(kernel::as_text(bytes)), seed ^ 0x6d61636b6579u);
}

}  // namespace

std::string to_string(const Identity& id) {
  return fmt::format("producer {}.{} record {} for partition {}", id.producer, id.incarnation, id.sequence, id.partition);
}

std::vector<std::byte> encode_value(const Identity& id, std::uint64_t seed, std::size_t padding) {
  std::vector<std::byte> value(kFixedBytes + padding + kMacBytes);
  std::byte* at = value.data();
  kernel::store_be(at, kMagic);
  kernel::store_be(at + 4, id.producer);
  kernel::store_be(at + 8, id.incarnation);
  kernel::store_be(at + 12, id.sequence);
  kernel::store_be(at + 20, id.topic_hash);
  kernel::store_be(at + 28, id.partition);
  for (std::size_t i = 0; i < padding; ++i) at[kFixedBytes + i] = static_cast<std::byte>(id.sequence + i);
  const kernel::ByteView body{value.data(), kFixedBytes + padding};
  kernel::store_be(at + kFixedBytes + padding, mac_of(body, seed));
  return value;
}

std::optional<Identity> decode_value(kernel::ByteView value, std::uint64_t seed) {
  if (value.size() < kFixedBytes + kMacBytes) return std::nullopt;
  const std::byte* at = value.data();
  const kernel::ByteView body = value.first(value.size() - kMacBytes);
  if (kernel::load_be<std::uint32_t>(at) != kMagic) return std::nullopt;
  if (kernel::load_be<std::uint64_t>(at + body.size()) != mac_of(body, seed)) return std::nullopt;
  return Identity{.producer = kernel::load_be<std::uint32_t>(at + 4),
                  .incarnation = kernel::load_be<std::uint32_t>(at + 8),
                  .sequence = kernel::load_be<std::uint64_t>(at + 12),
                  .topic_hash = kernel::load_be<std::uint64_t>(at + 20),
                  .partition = kernel::load_be<std::int32_t>(at + 28)};
}

}  // namespace scenarios
