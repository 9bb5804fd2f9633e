// Any bytes as a gzip stream: bounded output, and what came out survives being packed again.
#include "kernel/check.h"
#include "net/compress/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace net::compress;
  constexpr std::size_t kOutputBytesMax = 1 << 20;
  const auto plain = decompress(Codec::gzip, {reinterpret_cast<const std::byte*>(data), size}, kOutputBytesMax);
  if (!plain) return 0;
  CHECK(plain->size() <= kOutputBytesMax);
  const ByteView view{*plain};
  std::vector<std::byte> packed;
  compress(Codec::gzip, kLevelDefault, {&view, 1}, packed);
  CHECK(decompress(Codec::gzip, packed, plain->size()) == *plain);
  return 0;
}
