// gzip, RFC 1952, by zlib. Read: one or more members and nothing after them.
#include <zlib.h>

#include <memory>

#include "kernel/check.h"
#include "net/compress/codecs.h"

namespace net::compress {
namespace {

constexpr int kWindowBitsGzip = 15 + 16;  // +16 asks zlib for the gzip wrapper

Bytef* zlib_bytes(ByteView bytes) {
  // zlib's interface is not const; it does not write to its input.
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

/// Runs `deflate` until it has no more to say, appending to `out`.
void drain(z_stream& stream, int flush, std::vector<std::byte>& out) {
  int status = Z_OK;
  do {
    const std::size_t before = out.size();
    out.resize(before + 16 * 1024);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(out.size() - before);
    status = deflate(&stream, flush);
    CHECK(status != Z_STREAM_ERROR);
    out.resize(out.size() - stream.avail_out);
  } while (stream.avail_out == 0 || (flush == Z_FINISH && status != Z_STREAM_END));
}

}  // namespace

kernel::Result<> gzip_compress(int level, const Input& input, std::vector<std::byte>& out) {
  z_stream stream{};
  const int status = deflateInit2(&stream, level == kLevelDefault ? Z_DEFAULT_COMPRESSION : level, Z_DEFLATED,
                                  kWindowBitsGzip, 8, Z_DEFAULT_STRATEGY);
  CHECK(status == Z_OK);
  const std::unique_ptr<z_stream, decltype(&deflateEnd)> guard{&stream, deflateEnd};
  TRY(input.feed([&](ByteView piece) -> kernel::Result<> {
    CHECK(piece.size() <= std::numeric_limits<uInt>::max());
    stream.next_in = zlib_bytes(piece);
    stream.avail_in = static_cast<uInt>(piece.size());
    drain(stream, Z_NO_FLUSH, out);
    CHECK(stream.avail_in == 0);
    return {};
  }));
  drain(stream, Z_FINISH, out);
  return {};
}

kernel::Result<> gzip_decompress(ByteView input, BoundedSink& sink) {
  if (input.size() > std::numeric_limits<uInt>::max()) return kernel::fail(Reason::too_large, sink.taken());
  z_stream stream{};
  CHECK(inflateInit2(&stream, kWindowBitsGzip) == Z_OK);
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard{&stream, inflateEnd};
  stream.next_in = zlib_bytes(input);
  stream.avail_in = static_cast<uInt>(input.size());
  std::vector<std::byte> piece(kPieceBytes);
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) return kernel::fail(Reason::corrupt, sink.taken());
    TRY(sink.take(ByteView{piece}.first(piece.size() - stream.avail_out)));
    if (status != Z_STREAM_END) continue;
    if (stream.avail_in == 0) return {};
    CHECK(inflateReset(&stream) == Z_OK);
  }
}

}  // namespace net::compress
