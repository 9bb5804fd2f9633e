// The compression codecs of record batches, behind one pair of functions.
//
//   std::vector<std::byte> packed;
//   compress(Codec::lz4, kLevelDefault, pieces, packed);
//   std::vector<std::byte> records = TRY(decompress(Codec::lz4, packed, bytes_max));
//
// Written as Java clients write them (xerial framing for snappy, one LZ4 frame of independent 64 KiB blocks, one
// gzip member, one zstd frame); read as liberally as Kafka reads, and no more. Pure and free of shared state: a
// caller with much to do runs them in offload().
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/bytes.h"
#include "kernel/result.h"

namespace net::compress {

using kernel::ByteView;

/// Numbers are those of the attributes field of a record batch.
enum class Codec : std::uint8_t { none, gzip, snappy, lz4, zstd };
inline constexpr int kCodecs = 5;
/// The word Kafka's settings and tools use: "none", "gzip", "snappy", "lz4", "zstd".
std::string_view name_of(Codec codec);

/// Why bytes could not be decompressed or compressed. `Error::detail` is the number of output bytes that came before.
/// Values are apart from those of the other enums of this room.
enum class Reason : std::uint16_t {
  corrupt = 0x200,  ///< not a whole, well-formed stream of this codec
  too_large,        ///< more output than was allowed
  unsupported,      ///< well formed, but uses a feature that Kafka's readers refuse
  too_large_packed, ///< of compression: more output than was allowed
};
constexpr kernel::Room error_room(Reason) { return kernel::Room::net; }
std::string_view name_of(Reason reason);

/// Lets the codec choose: gzip -1, lz4 9, zstd 3, as Kafka's defaults.
inline constexpr int kLevelDefault = std::numeric_limits<int>::min();
/// Whether Kafka's settings allow this level: gzip -1 and 1..9, lz4 1..17, zstd -131072..22; none and snappy have
/// only the default.
[[nodiscard]] bool level_allowed(Codec codec, int level);

/// Appends the compressed form of all pieces, taken as one run of bytes, to `out`. `level` must be allowed.
/// Codec::none appends the bytes themselves.
void compress(Codec codec, int level, std::span<const ByteView> pieces, std::vector<std::byte>& out);

/// Takes the next piece of output (at most kPieceBytes of it, except that a snappy block comes whole). What it
/// answers ends the decompression when it is an error.
using Sink = std::function<kernel::Result<>(ByteView)>;
inline constexpr std::size_t kPieceBytes = 64 * 1024;

/// Decompresses in bounded memory, handing the output to `sink` piece by piece. `sink` never sees a byte beyond
/// `output_bytes_max`; a stream that holds more is an error, whatever it claimed.
/// Errors: Reason, and those of `sink`.
kernel::Result<> decompress_to(Codec codec, ByteView input, std::size_t output_bytes_max, const Sink& sink);

/// Hands what is to be compressed to the sink it is given, piece by piece; errors of the sink end it.
using Feed = std::function<kernel::Result<>(const Sink&)>;

/// Appends the compressed form of everything that `feed` hands over to `out`, at most `output_bytes_max` of it and a
/// piece more before that is an error. What `feed` handed over is not kept: with decompress_to() in it one codec
/// streams into another. The window of zstd is then at most 2 MiB, whatever the level, and so its memory some 40 MiB.
/// Errors: too_large_packed, and those of `feed`.
kernel::Result<> compress_from(Codec codec, int level, const Feed& feed, std::size_t output_bytes_max,
                               std::vector<std::byte>& out);

/// How much memory decompress_to() may take for `input` beside some pieces: what it has to look back on. Nothing of
/// it is touched before there is output for it. What `input` says is believed, be it well formed or not.
[[nodiscard]] std::size_t decompression_memory(Codec codec, ByteView input);

/// The whole output at once. Memory grows with what was really decompressed, never with what a header claims.
kernel::Result<std::vector<std::byte>> decompress(Codec codec, ByteView input, std::size_t output_bytes_max);

}  // namespace net::compress
