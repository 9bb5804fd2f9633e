// Zstandard frames, RFC 8878. Streaming writers leave the content size out, so the reader streams as well.
#include <zstd.h>

#include <memory>

#include "kernel/check.h"
#include "net/compress/codecs.h"

namespace net::compress {
namespace {

constexpr int kKafkaDefaultLevel = 3;
// What Java's reader accepts, and what level 22 needs. Untouched window memory costs nothing: pages of it become
// real only as output is written, and that is bounded.
constexpr int kWindowLogMax = 27;

}  // namespace

void zstd_compress(int level, Pieces pieces, std::vector<std::byte>& out) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  CHECK(context != nullptr);
  const int chosen = level == kLevelDefault ? kKafkaDefaultLevel : level;
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, chosen)));
  std::size_t total = 0;
  for (const ByteView piece : pieces) total += piece.size();
  CHECK(!ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context.get(), total)));
  const std::size_t before = out.size();
  out.resize(before + ZSTD_compressBound(total));
  ZSTD_outBuffer to{out.data() + before, out.size() - before, 0};
  for (const ByteView piece : pieces) {
    ZSTD_inBuffer from{piece.data(), piece.size(), 0};
    while (from.pos < from.size)
      CHECK(!ZSTD_isError(ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_continue)));
  }
  ZSTD_inBuffer nothing{nullptr, 0, 0};
  const std::size_t left = ZSTD_compressStream2(context.get(), &to, &nothing, ZSTD_e_end);
  CHECK(left == 0);
  out.resize(before + to.pos);
}

kernel::Result<> zstd_decompress(ByteView input, BoundedSink& sink) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context{ZSTD_createDCtx(), ZSTD_freeDCtx};
  CHECK(context != nullptr);
  CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax)));
  std::vector<std::byte> piece(kPieceBytes);
  ZSTD_inBuffer from{input.data(), input.size(), 0};
  for (;;) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    const std::size_t consumed_before = from.pos;
    const std::size_t left = ZSTD_decompressStream(context.get(), &to, &from);
    if (ZSTD_isError(left)) return kernel::fail(Reason::corrupt, sink.taken());
    TRY(sink.take(ByteView{piece}.first(to.pos)));
    if (left == 0 && from.pos == from.size) return {};
    if (to.pos == 0 && from.pos == consumed_before) return kernel::fail(Reason::corrupt, sink.taken());
  }
}

}  // namespace net::compress
