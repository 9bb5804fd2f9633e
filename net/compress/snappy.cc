// snappy in the framing of the Java library (xerial), the only one that Java consumers are sure to read:
//
//   82 'SNAPPY' 00 | int32 version 1 | int32 lowest compatible version 1 | blocks: int32 bytes | raw snappy block
//
// Other clients send one bare raw block; both are read.
#include <snappy.h>

#include <array>
#include <optional>

#include "kernel/check.h"
#include "net/compress/codecs.h"

namespace net::compress {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t kFrameHeaderBytes = 16;
constexpr std::size_t kBlockBytes = 32 * 1024;  // of input to one block, as the Java library cuts them
// Three bytes of a raw block copy at most 64 of output; a claim beyond that is a lie told to make us allocate.
constexpr std::size_t kRatioMax = 64;

const char* chars(ByteView bytes) { return reinterpret_cast<const char*>(bytes.data()); }

bool starts_with_magic(ByteView input) {
  return input.size() >= kMagic.size() && std::memcmp(input.data(), kMagic.data(), kMagic.size()) == 0;
}

void append_int32(std::vector<std::byte>& out, std::int32_t value) {
  out.resize(out.size() + sizeof value);
  kernel::store_be(out.data() + out.size() - sizeof value, value);
}

void append_block(ByteView block, std::vector<std::byte>& out) {
  const std::size_t length_at = out.size();
  const std::size_t block_at = length_at + 4;
  out.resize(block_at + snappy::MaxCompressedLength(block.size()));
  std::size_t written = 0;
  snappy::RawCompress(chars(block), block.size(), reinterpret_cast<char*>(out.data() + block_at), &written);
  kernel::store_be(out.data() + length_at, static_cast<std::int32_t>(written));
  out.resize(block_at + written);
}

kernel::Result<> decompress_block(ByteView block, std::vector<std::byte>& scratch, BoundedSink& sink) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(chars(block), block.size(), &size) || size / kRatioMax > block.size())
    return kernel::fail(Reason::corrupt, sink.taken());
  if (size > sink.room()) return kernel::fail(Reason::too_large, sink.taken());
  if (scratch.size() < size) scratch.resize(size);
  if (!snappy::RawUncompress(chars(block), block.size(), reinterpret_cast<char*>(scratch.data())))
    return kernel::fail(Reason::corrupt, sink.taken());
  return sink.take(ByteView{scratch}.first(size));
}

}  // namespace

kernel::Result<> snappy_compress(const Input& input, std::vector<std::byte>& out) {
  for (const std::uint8_t b : kMagic) out.push_back(static_cast<std::byte>(b));
  append_int32(out, 1);
  append_int32(out, 1);
  std::vector<std::byte> block;
  block.reserve(kBlockBytes);
  TRY(input.feed([&](ByteView rest) -> kernel::Result<> {
    while (!rest.empty()) {
      if (block.empty() && rest.size() >= kBlockBytes) {
        append_block(rest.first(kBlockBytes), out);
        rest = rest.subspan(kBlockBytes);
        continue;
      }
      const ByteView part = rest.first(std::min(rest.size(), kBlockBytes - block.size()));
      block.insert(block.end(), part.begin(), part.end());
      rest = rest.subspan(part.size());
      if (block.size() < kBlockBytes) continue;
      append_block(block, out);
      block.clear();
    }
    return {};
  }));
  if (!block.empty()) append_block(block, out);
  return {};
}

kernel::Result<> snappy_decompress(ByteView input, BoundedSink& sink) {
  std::vector<std::byte> scratch;
  if (!starts_with_magic(input)) return decompress_block(input, scratch, sink);
  while (!input.empty()) {
    // The Java reader lets streams follow one another, each with its own header.
    if (starts_with_magic(input)) {
      if (input.size() < kFrameHeaderBytes) return kernel::fail(Reason::corrupt, sink.taken());
      if (kernel::load_be<std::int32_t>(input.data() + 12) > 1) return kernel::fail(Reason::unsupported, sink.taken());
      input = input.subspan(kFrameHeaderBytes);
      continue;
    }
    if (input.size() < 4) return kernel::fail(Reason::corrupt, sink.taken());
    const auto length = kernel::load_be<std::int32_t>(input.data());
    input = input.subspan(4);
    if (length < 0 || static_cast<std::size_t>(length) > input.size())
      return kernel::fail(Reason::corrupt, sink.taken());
    TRY(decompress_block(input.first(static_cast<std::size_t>(length)), scratch, sink));
    input = input.subspan(static_cast<std::size_t>(length));
  }
  return {};
}

std::size_t snappy_decompression_memory(ByteView input) {
  std::size_t largest = 0, size = 0;
  const auto look = [&](ByteView block) {
    if (snappy::GetUncompressedLength(chars(block), block.size(), &size) && size / kRatioMax <= block.size())
      largest = std::max(largest, size);
  };
  if (!starts_with_magic(input)) look(input);
  else while (input.size() >= kFrameHeaderBytes || (input.size() >= 4 && !starts_with_magic(input))) {
    if (starts_with_magic(input)) {
      input = input.subspan(kFrameHeaderBytes);
      continue;
    }
    const auto length = kernel::load_be<std::int32_t>(input.data());
    input = input.subspan(4);
    if (length < 0 || static_cast<std::size_t>(length) > input.size()) break;
    look(input.first(static_cast<std::size_t>(length)));
    input = input.subspan(static_cast<std::size_t>(length));
  }
  return largest;
}

}  // namespace net::compress
