#include "net/compress/codec.h"

#include <algorithm>

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
    case Reason::too_large_packed: return "too_large_packed";
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

namespace {

kernel::Result<> compress_input(Codec codec, int level, const Input& input, std::vector<std::byte>& out) {
  CHECK(level_allowed(codec, level));
  switch (codec) {
    case Codec::none:
      return input.feed([&](ByteView piece) -> kernel::Result<> {
        out.insert(out.end(), piece.begin(), piece.end());
        return {};
      });
    case Codec::gzip: return gzip_compress(level, input, out);
    case Codec::snappy: return snappy_compress(input, out);
    case Codec::lz4: return lz4_compress(level, input, out);
    case Codec::zstd: return zstd_compress(level, input, out);
  }
  std::unreachable();
}

}  // namespace

void compress(Codec codec, int level, std::span<const ByteView> pieces, std::vector<std::byte>& out) {
  std::size_t total = 0;
  for (const ByteView piece : pieces) total += piece.size();
  const Feed feed = [&](const Sink& sink) -> kernel::Result<> {
    for (const ByteView piece : pieces)
      if (!piece.empty()) TRY(sink(piece));
    return {};
  };
  CHECK(compress_input(codec, level, {feed, total}, out));
}

kernel::Result<> compress_from(Codec codec, int level, const Feed& feed, std::size_t output_bytes_max,
                               std::vector<std::byte>& out) {
  const std::size_t before = out.size();
  const auto check = [&](std::size_t unused_bytes_max) -> kernel::Result<> {
    if (out.size() - before <= output_bytes_max + unused_bytes_max) return {};
    return kernel::fail(Reason::too_large_packed, static_cast<std::int64_t>(out.size() - before));
  };
  const Feed in_pieces = [&](const Sink& sink) {
    return feed([&](ByteView given) -> kernel::Result<> {
      for (; !given.empty(); given = given.subspan(std::min(given.size(), kPieceBytes))) {
        TRY(sink(given.first(std::min(given.size(), kPieceBytes))));
        TRY(check(kPieceBytes));  // a codec may have made room for more output than it has
      }
      return {};
    });
  };
  TRY(compress_input(codec, level, {in_pieces, std::nullopt}, out));
  return check(0);
}

std::size_t decompression_memory(Codec codec, ByteView input) {
  switch (codec) {
    case Codec::none: return 0;
    case Codec::gzip: return 32u << 10;
    case Codec::snappy: return snappy_decompression_memory(input);
    case Codec::lz4: return 4u << 20;  // its largest block
    case Codec::zstd: return zstd_decompression_memory(input);
  }
  std::unreachable();
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
