// Any bytes as a compressed stream: bounded output, and what came out survives being packed again. KALDA_CODEC says of
// which codec; there is a program for each.
#include "kernel/check.h"
#include "net/compress/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace net::compress;
  constexpr Codec kCodec = Codec::KALDA_CODEC;
  constexpr std::size_t kOutputBytesMax = 1 << 20;
  const auto plain = decompress(kCodec, {reinterpret_cast<const std::byte*>(data), size}, kOutputBytesMax);
  if (!plain) return 0;
  CHECK(plain->size() <= kOutputBytesMax);
  const ByteView view{*plain};
  std::vector<std::byte> packed;
  compress(kCodec, kLevelDefault, {&view, 1}, packed);
  CHECK(decompress(kCodec, packed, plain->size()) == *plain);
  return 0;
}
