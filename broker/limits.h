// Every bound of the broker's own that is not a Kafka setting, in one place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace broker {

/// Produce requests of one connection whose replies are still owed; the connection is not read meanwhile.
inline constexpr std::size_t kRepliesPerConnectionMax = 32;
/// What a connection reads at a time. Frames that fit are decoded where they were read.
inline constexpr std::size_t kReadChunkBytes = 64 * 1024;
/// What is read of the next frame together with one that fills more than such a chunk.
inline constexpr std::size_t kReadAheadBytes = 4 * 1024;
/// What one read takes of a large frame.
inline constexpr std::size_t kReadAtOnceBytesMax = 256 * 1024;
/// Memory for requests that only the broker itself makes, kept back from clients.
inline constexpr std::int64_t kInternalReserveBytes = 8 << 20;
/// What the records of one batch may take uncompressed, when it comes and whenever it is looked into again.
inline constexpr std::size_t kUncompressedBytesMax = 256u << 20;
/// A batch that asks for more to be unpacked (the window of its codec) waits for its turn among those of all shards.
inline constexpr std::size_t kUnpackingOfAShardBytesMax = 8 * 1024 * 1024;
/// One in so many bytes of the memory for requests is for batches that are packed anew, until they are written.
inline constexpr std::size_t kPackedAnewShare = 4;
/// The block for a frame that has begun is at least as large at once, or as the frame.
inline constexpr std::size_t kEagerBlockBytes = 1024 * 1024;
/// Frames up to this size are copied out of what was read, so that a request that waits keeps no more than itself.
inline constexpr std::size_t kCopiedFrameBytesMax = 8 * 1024;
/// Memory of a node for the members of its groups: what they said of themselves and what they were assigned.
inline constexpr std::uint64_t kGroupMemberBytesMax = 256 << 20;
/// A frame that has begun must arrive in this time while others wait for memory.
inline constexpr std::chrono::seconds kFrameArrivalMax{10};
/// How often who waits for memory looks for frames that are overdue, and how long it waits at all.
inline constexpr std::chrono::seconds kMemoryWaitStep{1};
inline constexpr std::chrono::seconds kMemoryWaitMax{60};
/// Records below this size are copied into the response; larger ones are sent from the file.
inline constexpr std::size_t kCopyBytesMax = 4096;

static_assert(kReadChunkBytes >= 2 * kCopiedFrameBytesMax);
static_assert(kCopyBytesMax <= kReadChunkBytes);

}  // namespace broker
