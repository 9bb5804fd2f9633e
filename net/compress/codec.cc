#include "net/compress/codec.h"

#include "kernel/check.h"
#include "net/compress/codecs.h"

namespace net::compress {

std::string_view name_of(Codec codec) {
  switch (codec) {
    case Codec::none: return "none";
    case Codec::gzip: return "gzip";
    case Codec::snappy: return "snappy";
    case Codec::lz4: return "lz4";
    case Codec::zstd: return "zstd";
  }
  std::unreachable();
}

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::corrupt: return "corrupt";
    case Reason::too_large: return "too_large";
    case Reason::unsupported: return "unsupported";
  }
  std::unreachable();
}

bool level_allowed(Codec codec, int level) {
  if (level == kLevelDefault) return true;
  switch (codec) {
    case Codec::none:
    case Codec::snappy: return false;
    case Codec::gzip: return level == -1 || (level >= 1 && level <= 9);
    case Codec::lz4: return level >= 1 && level <= 17;
    case Codec::zstd: return level >= -131072 && level <= 22;
  }
  std::unreachable();
}

void compress(Codec codec, int level, std::span<const ByteView> pieces, std::vector<std::byte>& out) {
  CHECK(level_allowed(codec, level));
  switch (codec) {
    case Codec::none:
      for (const ByteView piece : pieces) out.insert(out.end(), piece.begin(), piece.end());
      return;
    case Codec::gzip: return gzip_compress(level, pieces, out);
    case Codec::snappy: return snappy_compress(pieces, out);
    case Codec::lz4: return lz4_compress(level, pieces, out);
    case Codec::zstd: return zstd_compress(level, pieces, out);
  }
}

kernel::Result<> decompress_to(Codec codec, ByteView input, std::size_t output_bytes_max, const Sink& sink) {
  BoundedSink bounded{sink, output_bytes_max};
  switch (codec) {
    case Codec::none: return bounded.take(input);
    case Codec::gzip: return gzip_decompress(input, bounded);
    case Codec::snappy: return snappy_decompress(input, bounded);
    case Codec::lz4: return lz4_decompress(input, bounded);
    case Codec::zstd: return zstd_decompress(input, bounded);
  }
  std::unreachable();
}

kernel::Result<std::vector<std::byte>> decompress(Codec codec, ByteView input, std::size_t output_bytes_max) {
  std::vector<std::byte> output;
  TRY(decompress_to(codec, input, output_bytes_max, [&](ByteView piece) -> kernel::Result<> {
    output.insert(output.end(), piece.begin(), piece.end());
    return {};
  }));
  return output;
}

}  // namespace net::compress
