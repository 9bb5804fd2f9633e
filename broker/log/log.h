// The log of one partition: batches in segment files as Kafka lays them out, with their indexes, epochs and producer
// state. Lives on one shard; appends and reads by any number of that shard's fibers.
//
//   auto log = TRY(Log::open(f, directory, {.topic = "orders", .partition = PartitionId{0}, .topic_id = id}, config));
//   const Appended done = TRY(log->submit(batch, {.leader_epoch = epoch}));       // has its offsets
//   TRY(log->wait_written(f, done));                                              // acks=1
//   TRY(log->wait_committed(f, done.next_offset));                                // acks=all: synced in durable mode
//   const Slice slice = TRY(log->read(f, from, {.bytes_max = 1 << 20}));
//
// Offsets are given out in the order of the calls, without suspending; batches that arrive while a write is under way
// go to the file together in the next one. A batch never spans segments.
//
// Watermarks: log_start <= committed <= written_end <= next (all exclusive ends). `committed` is what may be shown and
// what acks=all waits for: with durability=durable the synced end, with relaxed the written end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "broker/log/leader_epochs.h"
#include "broker/log/producer_state.h"
#include "kernel/disk.h"
#include "kernel/fiber.h"
#include "kernel/notify.h"
#include "net/record/batch_header.h"
#include "net/types.h"

namespace broker::log {

class LogDirectory;

enum class Durability : std::uint8_t {
  durable,  ///< committed means synced: survives power loss
  relaxed,  ///< committed means written: survives a process kill (Kafka's way)
};

/// What of a topic's configuration the log itself needs. May be replaced at any time.
struct LogConfig {
  std::uint64_t segment_bytes = 1ull << 30;
  std::int64_t segment_ms = 7ll * 24 * 3600 * 1000;
  std::int64_t segment_jitter_ms = 0;
  std::uint32_t segment_index_bytes = 10u << 20;
  std::uint32_t index_interval_bytes = 4096;
  std::int64_t producer_expiration_ms = 24ll * 3600 * 1000;
  Durability durability = Durability::durable;
};

struct LogIdentity {
  std::string topic;
  net::PartitionId partition{0};
  net::TopicId topic_id{};
};

enum class AppendOrigin : std::uint8_t {
  client,       ///< producer sequences are judged
  coordinator,  ///< our own records, and transaction markers
  replica,      ///< offsets are in the batch already and are kept
};

struct AppendOptions {
  net::LeaderEpoch leader_epoch{0};
  AppendOrigin origin = AppendOrigin::client;
  /// Set for topics with LogAppendTime: stamped into the batch.
  std::optional<std::int64_t> log_append_time_ms;
};

struct Appended {
  Offset base_offset{-1};
  Offset next_offset{-1};      ///< what wait_committed() is to be asked for
  std::int64_t log_append_time_ms = -1;
  Offset log_start_offset{0};
  bool duplicate = false;      ///< it was on the log already; base_offset is the old one, next_offset behind it
};

/// Why an append was not taken, besides kernel reasons (disk_full, io, cancelled…).
enum class LogReason : std::uint16_t {
  out_of_order_sequence = 0x200,
  invalid_producer_epoch,
  transaction_expected,
  offset_out_of_range,  ///< read: below log start or above the end; detail is the offset
  too_large_for_segment,
  directory_offline,    ///< a sync or write of its log directory has failed: nothing more is promised or accepted
  damaged,              ///< bytes that were committed are not what they were; the partition does not serve
};
constexpr kernel::Room error_room(LogReason) { return kernel::Room::broker; }
std::string_view name_of(LogReason reason);

struct ReadLimits {
  std::size_t bytes_max = 1u << 20;
  /// Nothing at or above this offset is read. Defaults to the committed end.
  std::optional<Offset> end;
  /// The first batch comes whole even if it is larger than bytes_max (KIP-74).
  bool at_least_one_batch = true;
};

/// Batches as they lie on disk: in memory, or a range of a file to be sent as it is. Starts with the batch that holds
/// the wanted offset (which may begin before it) and ends at a batch border.
struct Slice {
  kernel::Buffer bytes;        ///< when small or recent
  kernel::FileHandle file;     ///< else this range
  std::uint64_t position = 0;
  std::size_t size = 0;        ///< of either; 0 when there is nothing to read yet
};

struct TimestampedOffset {
  std::int64_t timestamp_ms = -1;
  Offset offset{-1};
  net::LeaderEpoch leader_epoch{-1};
};

class Log {
 public:
  /// Opens what is there, or makes a new log. Recovers when the directory was not stopped cleanly: a torn tail is cut,
  /// damage below the synced watermark answers LogReason::damaged and leaves the files alone.
  static kernel::Result<std::unique_ptr<Log>> open(kernel::Fiber& f, LogDirectory& directory, LogIdentity identity,
                                                   LogConfig config);
  ~Log();

  /// Takes `batch` into the log's order without suspending: judges its producer sequence, gives out offsets, stamps
  /// base offset, leader epoch and (LogAppendTime) timestamps, and queues it for the next write, which a fiber of the
  /// directory's scope makes. Requests of one connection keep their order because this does not suspend.
  /// `batch` is one whole validated batch that nobody else reads yet. Errors: LogReason.
  kernel::Result<Appended> submit(kernel::Buffer batch, const AppendOptions& options);
  /// Suspends until everything below `end` is written. Errors: directory_offline, io, cancelled, deadline; disk_full
  /// when the write of that batch failed: the log then goes on as if it (and what was queued behind it) had never
  /// been submitted.
  kernel::Result<> wait_written(kernel::Fiber& f, const Appended& appended);
  /// submit() and wait_written().
  kernel::Result<Appended> append(kernel::Fiber& f, kernel::Buffer batch, const AppendOptions& options);
  /// Suspends until `committed() >= end`. Errors: directory_offline, cancelled, deadline.
  kernel::Result<> wait_committed(kernel::Fiber& f, Offset end);
  /// Suspends until everything written so far is synced, whatever the mode.
  kernel::Result<> sync(kernel::Fiber& f);
  /// Errors: offset_out_of_range, io, damaged (a batch does not hold its checksum where that is checked).
  kernel::Result<Slice> read(kernel::Fiber& f, Offset from, const ReadLimits& limits);

  /// The first record with a timestamp at or above `timestamp_ms` below `end`; nothing when there is none.
  kernel::Result<std::optional<TimestampedOffset>> find_by_timestamp(kernel::Fiber& f,
                                                                     std::int64_t timestamp_ms, Offset end);
  /// The record with the largest timestamp below `end` (the first one that has it).
  kernel::Result<std::optional<TimestampedOffset>> max_timestamp(kernel::Fiber& f, Offset end);

  [[nodiscard]] Offset log_start() const;
  [[nodiscard]] Offset committed() const;
  [[nodiscard]] Offset written_end() const;
  /// The offset the next batch will get.
  [[nodiscard]] Offset next() const;
  /// Bytes of batches below written_end().
  [[nodiscard]] std::uint64_t size_bytes() const;
  /// Bytes of batches in [from, committed), capped at `bytes_max`: what a waiting fetch counts. Does not suspend.
  [[nodiscard]] std::size_t readable_bytes(Offset from, std::size_t bytes_max) const;
  [[nodiscard]] const LogIdentity& identity() const;
  [[nodiscard]] const LeaderEpochs& epochs() const;
  [[nodiscard]] const ProducerState& producers() const;
  /// A new leader starts at the log's end. Durable before it returns.
  kernel::Result<> begin_epoch(kernel::Fiber& f, net::LeaderEpoch epoch);
  void set_config(const LogConfig& config);
  [[nodiscard]] const LogConfig& config() const;

  /// Notified when `committed` moves, with the bytes it moved by.
  [[nodiscard]] kernel::Notify& readable();

  /// Everything at or above `end` goes (a follower's divergence, the metadata log). Durable before it returns.
  kernel::Result<> truncate(kernel::Fiber& f, Offset end);
  /// Whole segments below `start` go; log_start() becomes `start`.
  kernel::Result<> advance_start(kernel::Fiber& f, Offset start);
  /// Writes indexes, producer snapshot and checkpoints, and syncs, so that the next open need not recover.
  kernel::Result<> close(kernel::Fiber& f);
  /// Renames the directory for deletion and removes it. The log is of no further use.
  kernel::Result<> remove(kernel::Fiber& f);
};

}  // namespace broker::log
