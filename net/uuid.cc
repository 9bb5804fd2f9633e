#include "net/uuid.h"

namespace net {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The six bits at character `index`; the last character holds two bits and four zeros.
unsigned sextet(const Uuid& id, std::size_t index) {
  const std::size_t shift = 128 - 6 * (index + 1);  // wraps only for the last index, handled apart
  if (index == Uuid::kTextSize - 1) return static_cast<unsigned>(id.low << 4) & 63U;
  if (shift >= 64) return static_cast<unsigned>(id.high >> (shift - 64)) & 63U;
  if (shift > 58) return static_cast<unsigned>(id.high << (64 - shift) | id.low >> shift) & 63U;
  return static_cast<unsigned>(id.low >> shift) & 63U;
}

}  // namespace

std::string Uuid::text() const {
  std::string out(kTextSize, '\0');
  for (std::size_t i = 0; i < kTextSize; ++i) out[i] = kAlphabet[sextet(*this, i)];
  return out;
}

kernel::Result<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextSize) return kernel::fail(kernel::Errc::corrupt, static_cast<std::int64_t>(text.size()));
  Uuid id;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    const std::size_t value = kAlphabet.find(text[i]);
    if (value == std::string_view::npos) return kernel::fail(kernel::Errc::corrupt, static_cast<std::int64_t>(i));
    const unsigned bits = i + 1 < kTextSize ? 6 : 2;
    if (bits == 2 && (value & 15U) != 0) return kernel::fail(kernel::Errc::corrupt, static_cast<std::int64_t>(i));
    id.high = id.high << bits | id.low >> (64 - bits);
    id.low = id.low << bits | (bits == 2 ? value >> 4 : value);
  }
  return id;
}

}  // namespace net
