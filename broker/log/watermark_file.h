// What was known to be synced: the records of `kalda-synced-watermarks` (one per log directory) and of
// `kalda-synced-watermarks.<shard>` (one per shard that has logs there). Plain files of our own; Kafka ignores them.
//
//   file:   header 64 bytes, then records of 64 bytes, each with a checksum of its own
//   header: "KALDAWM\0" | uint32 version | uint32 state | uint64 run | boot id, zero padded to 36 | uint32 crc32c
//   record: topic id 16 | int32 partition | int32 epoch | int64 end offset | int64 segment base |
//           int64 position of the last batch | uint32 crc of that batch | uint64 sequence | uint32 crc32c
//
// A record says: everything below `end` was on the medium, the last batch of it begins at `position` of segment
// `segment_base` and carries the checksum `batch_crc`. It is written after a sync has completed, never before, so it
// may lag but cannot promise too much. The whole file is replaced when a directory is opened; within a run each shard
// appends to its own. Of several records of one log the one with the largest sequence counts; a torn one is passed
// over, and then an older one speaks, which only lags more. (Where a log is cut, the lower record is synced first.)
// In the file of the directory, which has one record of each, a sequence of 0 is of a log that has not been opened since
// the boot of the header; 1 of one that has.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/bytes.h"
#include "kernel/result.h"
#include "net/types.h"

namespace broker::log {

struct Watermark {
  net::Offset end{0};
  net::LeaderEpoch epoch{-1};
  net::Offset segment_base{0};
  std::int64_t position = -1;   ///< of the last batch below `end`; -1 when there is none
  std::uint32_t batch_crc = 0;
  friend bool operator==(const Watermark&, const Watermark&) = default;
};

using WatermarkKey = std::pair<net::TopicId, net::PartitionId>;
using Watermarks = std::map<WatermarkKey, Watermark>;

inline constexpr std::string_view kWatermarkFile = "kalda-synced-watermarks";
inline constexpr std::size_t kWatermarkHeaderBytes = 64;
inline constexpr std::size_t kWatermarkRecordBytes = 64;

struct WatermarkHeader {
  enum class State : std::uint32_t { running = 1, clean = 2 };
  State state = State::running;
  std::uint64_t run = 0;  ///< counts openings of the directory; a shard's file of another run has been merged already
  std::string boot_id;
  friend bool operator==(const WatermarkHeader&, const WatermarkHeader&) = default;
};

struct WatermarkFile {
  WatermarkHeader header;
  Watermarks entries;
  std::set<WatermarkKey> of_boot;  ///< whose logs have been open since the boot of the header
};

void append_header(std::vector<std::byte>& out, const WatermarkHeader& header);
void append_record(std::vector<std::byte>& out, const WatermarkKey& key, const Watermark& mark, std::uint64_t sequence);
/// Errors: Reason::bad_size or bad_crc (void: not a file of ours any more), bad_version (of a later release; the
/// detail is the version). Records with a bad checksum are passed over.
kernel::Result<WatermarkFile> parse_watermarks(kernel::ByteView file);

}  // namespace broker::log
