// One pair of functions per codec; codec.h is the door. See there for what they promise.
#pragma once

#include <optional>

#include "net/compress/codec.h"

namespace net::compress {

/// Counts output against its bound on the way to the caller's sink.
class BoundedSink {
 public:
  BoundedSink(const Sink& sink, std::size_t bytes_max) : sink_{sink}, room_{bytes_max} {}
  kernel::Result<> take(ByteView piece) {
    if (piece.size() > room_) return kernel::fail(Reason::too_large, taken());
    if (piece.empty()) return {};
    room_ -= piece.size();
    taken_ += piece.size();
    return sink_(piece);
  }
  [[nodiscard]] std::size_t room() const { return room_; }
  [[nodiscard]] std::int64_t taken() const { return static_cast<std::int64_t>(taken_); }

 private:
  const Sink& sink_;
  std::size_t room_;
  std::size_t taken_ = 0;
};

/// What is to be compressed.
struct Input {
  const Feed& feed;
  std::optional<std::size_t> bytes;  ///< of all of it, where that is known
};

kernel::Result<> gzip_compress(int level, const Input& input, std::vector<std::byte>& out);
kernel::Result<> gzip_decompress(ByteView input, BoundedSink& sink);

kernel::Result<> snappy_compress(const Input& input, std::vector<std::byte>& out);
kernel::Result<> snappy_decompress(ByteView input, BoundedSink& sink);
/// The largest block, as far as it can be told.
std::size_t snappy_decompression_memory(ByteView input);

kernel::Result<> lz4_compress(int level, const Input& input, std::vector<std::byte>& out);
kernel::Result<> lz4_decompress(ByteView input, BoundedSink& sink);

kernel::Result<> zstd_compress(int level, const Input& input, std::vector<std::byte>& out);
kernel::Result<> zstd_decompress(ByteView input, BoundedSink& sink);
/// The largest window, as far as it can be told.
std::size_t zstd_decompression_memory(ByteView input);

}  // namespace net::compress
