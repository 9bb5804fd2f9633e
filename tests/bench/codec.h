// A batch's records compressed as the common clients do it, by the codecs' own libraries.
#pragma once

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <string_view>

namespace bench {

/// Kafka's numbers, as they stand in a batch's attributes; -1 for a name that is none.
inline int codec_number(std::string_view name) {
  constexpr std::string_view kNames[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  for (int i = 0; i < 5; ++i) {
    if (kNames[i] == name) return i;
  }
  return -1;
}

inline std::string gzipped(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);  // +16: a gzip header
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string lz4_frame(std::string_view text) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Kafka reads no other
  std::string out(LZ4F_compressFrameBound(text.size(), &preferences), '\0');
  out.resize(LZ4F_compressFrame(out.data(), out.size(), text.data(), text.size(), &preferences));
  return out;
}

inline std::string compressed(int codec, std::string_view text) {
  std::string out;
  switch (codec) {
    case 1: return gzipped(text);
    case 2: snappy::Compress(text.data(), text.size(), &out); return out;
    case 3: return lz4_frame(text);
    case 4:
      out.resize(ZSTD_compressBound(text.size()));
      out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
      return out;
    default: return std::string{text};
  }
}

}  // namespace bench
