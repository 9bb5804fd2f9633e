// Zstandard frames, RFC 8878. Streaming writers leave the content size out, so the reader streams as well.
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "kernel/check.h"
#include "net/compress/codecs.h"

namespace net::compress {
namespace {

constexpr int kKafkaDefaultLevel = 3;
// What Java's reader accepts, and what level 22 needs. Untouched window memory costs nothing: pages of it become
// real only as output is written, and that is bounded.
constexpr int kWindowLogMax = 27;
// Writing a stream of unknown length: levels above the default would take 90 (19) to 800 MiB (22) for theirs.
constexpr int kStreamWindowLog = 21;
// A stream that ends within so much is packed as one of known length: for that, every level takes little.
constexpr std::size_t kKnownBytesMax = 256 * 1024;

/// What has to be set for one frame, and where its output goes.
class ZstdFrame {
 public:
  ZstdFrame(int level, std::optional<std::size_t> bytes, std::vector<std::byte>& out)
      : context_{ZSTD_createCCtx(), ZSTD_freeCCtx}, out_{out}, written_{out.size()} {
    CHECK(context_ != nullptr);
    const int chosen = level == kLevelDefault ? kKafkaDefaultLevel : level;
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, chosen)));
    if (bytes) {
      CHECK(!ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context_.get(), *bytes)));
      step_ = ZSTD_compressBound(*bytes);
    } else if (chosen > kKafkaDefaultLevel) {
      CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kStreamWindowLog)));
    }
  }
  void take(ByteView piece) {
    ZSTD_inBuffer from{piece.data(), piece.size(), 0};
    while (from.pos < from.size) step(from, ZSTD_e_continue);
  }
  void end() {
    ZSTD_inBuffer nothing{nullptr, 0, 0};
    while (step(nothing, ZSTD_e_end) != 0) {
    }
    out_.resize(written_);
  }

 private:
  std::size_t step(ZSTD_inBuffer& from, ZSTD_EndDirective directive) {
    if (out_.size() == written_) out_.resize(written_ + step_);
    ZSTD_outBuffer to{out_.data(), out_.size(), written_};
    const std::size_t left = ZSTD_compressStream2(context_.get(), &to, &from, directive);
    CHECK(!ZSTD_isError(left));
    written_ = to.pos;
    return left;
  }
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::vector<std::byte>& out_;
  std::size_t written_;
  std::size_t step_ = kPieceBytes;
};

/// The window of the frame that begins here (RFC 8878, 3.1.1.1); 0 when it is none or cut.
std::size_t window_bytes(ByteView frame) {
  const auto byte = [&](std::size_t at) { return at < frame.size() ? std::to_integer<std::uint64_t>(frame[at]) : 0; };
  constexpr std::size_t kMagicBytes = 4;
  const std::uint64_t magic = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
  if (frame.size() <= kMagicBytes || magic != ZSTD_MAGICNUMBER) return 0;
  const std::uint64_t descriptor = byte(kMagicBytes);
  const bool is_single_segment = (descriptor & 0x20) != 0;
  if (!is_single_segment) {
    const std::uint64_t window = byte(kMagicBytes + 1);
    const std::uint64_t base = 1ull << (10 + (window >> 3));
    return base + base / 8 * (window & 7);
  }
  const auto content = ZSTD_getFrameContentSize(frame.data(), frame.size());  // is the window then
  return content == ZSTD_CONTENTSIZE_UNKNOWN || content == ZSTD_CONTENTSIZE_ERROR ? 0 : content;
}

}  // namespace

kernel::Result<> zstd_compress(int level, const Input& input, std::vector<std::byte>& out) {
  std::optional<ZstdFrame> frame;
  if (input.bytes) frame.emplace(level, input.bytes, out);
  std::vector<std::byte> begun;  // while it may still be short
  TRY(input.feed([&](ByteView piece) -> kernel::Result<> {
    if (!frame && begun.size() + piece.size() <= kKnownBytesMax) {
      begun.insert(begun.end(), piece.begin(), piece.end());
      return {};
    }
    if (!frame) frame.emplace(level, std::nullopt, out).take(begun);
    frame->take(piece);
    return {};
  }));
  if (!frame) frame.emplace(level, begun.size(), out).take(begun);
  frame->end();
  return {};
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

std::size_t zstd_decompression_memory(ByteView input) {
  std::size_t largest = 0;
  while (!input.empty()) {
    largest = std::max(largest, window_bytes(input));
    const std::size_t size = ZSTD_findFrameCompressedSize(input.data(), input.size());
    if (ZSTD_isError(size)) break;
    input = input.subspan(size);
  }
  return largest;
}

}  // namespace net::compress
