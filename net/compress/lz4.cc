// LZ4 frames as Kafka wants them: version 01, independent blocks of at most 64 KiB, no checksums, no content size.
// Read: one frame of any block size, with or without the optional fields; blocks that depend on one another are
// refused because Java consumers cannot read them.
#include <lz4frame.h>

#include <memory>

#include "kernel/check.h"
#include "net/compress/codecs.h"

namespace net::compress {
namespace {

// Kafka gives its default level to the fast compressor and every other to the high compression one; liblz4 calls
// the fast one level 0.
constexpr int kKafkaDefaultLevel = 9;

LZ4F_preferences_t preferences(int level) {
  LZ4F_preferences_t chosen{};
  chosen.frameInfo.blockSizeID = LZ4F_max64KB;
  chosen.frameInfo.blockMode = LZ4F_blockIndependent;
  chosen.compressionLevel = level == kLevelDefault || level == kKafkaDefaultLevel ? 0 : level;
  return chosen;
}

using Compression = std::unique_ptr<LZ4F_cctx, decltype(&LZ4F_freeCompressionContext)>;
Compression make_compression() {
  LZ4F_cctx* context = nullptr;
  CHECK(!LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)));
  return {context, LZ4F_freeCompressionContext};
}

using Decompression = std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)>;
Decompression make_decompression() {
  LZ4F_dctx* context = nullptr;
  CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
  return {context, LZ4F_freeDecompressionContext};
}

/// Calls `step(to, capacity)`, which writes at most `bytes_max`, on the end of `out`.
template <class Step>
void append(std::vector<std::byte>& out, std::size_t bytes_max, Step step) {
  const std::size_t before = out.size();
  out.resize(before + bytes_max);
  const std::size_t written = step(out.data() + before, bytes_max);
  CHECK(!LZ4F_isError(written));
  out.resize(before + written);
}

}  // namespace

kernel::Result<> lz4_compress(int level, const Input& input, std::vector<std::byte>& out) {
  const LZ4F_preferences_t chosen = preferences(level);
  const Compression context = make_compression();
  append(out, LZ4F_HEADER_SIZE_MAX, [&](std::byte* to, std::size_t capacity) {
    return LZ4F_compressBegin(context.get(), to, capacity, &chosen);
  });
  TRY(input.feed([&](ByteView piece) -> kernel::Result<> {
    append(out, LZ4F_compressBound(piece.size(), &chosen), [&](std::byte* to, std::size_t capacity) {
      return LZ4F_compressUpdate(context.get(), to, capacity, piece.data(), piece.size(), nullptr);
    });
    return {};
  }));
  append(out, LZ4F_compressBound(0, &chosen), [&](std::byte* to, std::size_t capacity) {
    return LZ4F_compressEnd(context.get(), to, capacity, nullptr);
  });
  return {};
}

kernel::Result<> lz4_decompress(ByteView input, BoundedSink& sink) {
  const Decompression context = make_decompression();
  LZ4F_frameInfo_t info{};
  std::size_t consumed = input.size();
  if (LZ4F_isError(LZ4F_getFrameInfo(context.get(), &info, input.data(), &consumed)))
    return kernel::fail(Reason::corrupt, sink.taken());
  if (info.frameType == LZ4F_skippableFrame) return kernel::fail(Reason::corrupt, sink.taken());
  if (info.blockMode != LZ4F_blockIndependent || info.dictID != 0)
    return kernel::fail(Reason::unsupported, sink.taken());
  input = input.subspan(consumed);
  std::vector<std::byte> piece(kPieceBytes);
  for (;;) {
    std::size_t in = input.size();
    std::size_t out = piece.size();
    const std::size_t hint = LZ4F_decompress(context.get(), piece.data(), &out, input.data(), &in, nullptr);
    if (LZ4F_isError(hint)) return kernel::fail(Reason::corrupt, sink.taken());
    TRY(sink.take(ByteView{piece}.first(out)));
    input = input.subspan(in);
    if (hint == 0) break;
    if (in == 0 && out == 0) return kernel::fail(Reason::corrupt, sink.taken());  // the end mark is missing
  }
  if (!input.empty()) return kernel::fail(Reason::corrupt, sink.taken());
  return {};
}

}  // namespace net::compress
