#include "net/codec/reader.h"

namespace net {
namespace {

/// Kafka's bound in both encodings; the rigid one cannot say more, and what is read may have to be written in it.
constexpr std::int64_t kStringBytesMax = INT16_MAX;

}  // namespace

kernel::Result<> Reader::status() const {
  if (failed_) return kernel::fail(code_, static_cast<std::int64_t>(position()));
  return {};
}

void Reader::fail(kernel::Errc code) {
  if (failed_) return;
  failed_ = true;
  code_ = code;
  end_ = next_;
}

std::uint64_t Reader::base128(unsigned bits) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < bits; shift += 7) {
    const std::byte* at = take(1);
    if (at == nullptr) return 0;
    const auto group = static_cast<std::uint64_t>(*at & std::byte{0x7f});
    if (shift + 7 > bits && group >> (bits - shift) != 0) break;  // does not fit
    value |= group << shift;
    if ((*at & std::byte{0x80}) == std::byte{0}) return value;
  }
  fail();
  return 0;
}

std::uint32_t Reader::uvarint() {
  if (next_ != end_ && *next_ < std::byte{0x80}) return static_cast<std::uint32_t>(*next_++);
  return static_cast<std::uint32_t>(base128(32));
}

std::int32_t Reader::varint() {
  const auto raw = static_cast<std::uint32_t>(base128(32));
  return static_cast<std::int32_t>((raw >> 1U) ^ (~(raw & 1U) + 1U));
}

std::int64_t Reader::varlong() {
  const std::uint64_t raw = base128(64);
  return static_cast<std::int64_t>((raw >> 1U) ^ (~(raw & 1U) + 1U));
}

std::int64_t Reader::string_size(bool flexible) {
  if (flexible) return static_cast<std::int64_t>(uvarint()) - 1;
  std::int16_t size = 0;
  scalar(size);
  return size;
}

std::int64_t Reader::bytes_size(bool flexible) {
  if (flexible) return static_cast<std::int64_t>(uvarint()) - 1;
  std::int32_t size = 0;
  scalar(size);
  return size;
}

std::int64_t Reader::checked_size(std::int64_t size, bool nullable) {
  if (failed_) return -1;
  if (size < -1 || (size == -1 && !nullable) || size > static_cast<std::int64_t>(remaining())) {
    fail();
    return -1;
  }
  return size;
}

std::int64_t Reader::list_size(bool flexible, bool nullable) {
  const std::int64_t size = bytes_size(flexible);
  if (failed_) return -1;
  if (size < -1 || (size == -1 && !nullable)) fail();
  return size;
}

void Reader::string(std::string_view& out, bool flexible) {
  const std::int64_t size = checked_size(string_size(flexible), false);
  if (size < 0) return;
  if (size > kStringBytesMax) return fail(kernel::Errc::too_large);
  out = {reinterpret_cast<const char*>(next_), static_cast<std::size_t>(size)};
  next_ += size;
}

void Reader::string(std::optional<std::string_view>& out, bool flexible, bool nullable) {
  const std::int64_t size = checked_size(string_size(flexible), nullable);
  if (size < 0) return out.reset();
  if (size > kStringBytesMax) return fail(kernel::Errc::too_large);
  out.emplace(reinterpret_cast<const char*>(next_), static_cast<std::size_t>(size));
  next_ += size;
}

void Reader::bytes(Blob& out, bool flexible) {
  const std::int64_t size = checked_size(bytes_size(flexible), false);
  if (size < 0) return;
  out = kernel::ByteView{next_, static_cast<std::size_t>(size)};
  next_ += size;
}

void Reader::bytes(std::optional<Blob>& out, bool flexible, bool nullable) {
  const std::int64_t size = checked_size(bytes_size(flexible), nullable);
  if (size < 0) return out.reset();
  out.emplace(kernel::ByteView{next_, static_cast<std::size_t>(size)});
  next_ += size;
}

void Reader::records(Records& out, bool flexible, bool nullable) {
  const std::int64_t size = checked_size(bytes_size(flexible), nullable);
  out = {};
  if (size < 0) return;
  if (size > INT32_MAX) return fail();
  out = Records::view({next_, static_cast<std::size_t>(size)});
  next_ += size;
}

void Reader::fill_strings(List<std::string_view>& out, bool flexible, std::int64_t size) {
  out = make_list<std::string_view>(size, flexible ? 1 : 2);
  for (std::string_view& element : out) string(element, flexible);
}

void Reader::strings(std::optional<List<std::string_view>>& out, bool flexible, bool nullable) {
  const std::int64_t size = list_size(flexible, nullable);
  if (size < 0) return out.reset();
  fill_strings(out.emplace(), flexible, size);
}

void Reader::keep_tag(List<RawTag>& unknown, std::uint32_t tag) {
  // The list may have to grow, to twice its size.
  if (!arena_->has_room((unknown.size() * 2 + 8) * sizeof(RawTag))) return fail(kernel::Errc::too_large);
  arena_->push_back(unknown, RawTag{tag, kernel::ByteView{next_, remaining()}});
  next_ = end_;
}

}  // namespace net
