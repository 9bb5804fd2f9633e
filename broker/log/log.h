// The log of one partition: batches in segment files as Kafka lays them out, with their indexes, epochs and producer
// state. Lives on one shard; appends and reads by any number of that shard's fibers.
//
//   auto log = TRY(Log::open(f, directory_shard, {.topic = "orders", .partition = PartitionId{0}, .topic_id = id}, config));
//   const Appended done = TRY(log->submit(batch, {.leader_epoch = epoch}));       // has its offsets
//   TRY(log->wait_written(f, done));                                              // acks=1
//   TRY(log->wait_committed(f, done));                                            // acks=all: synced in durable mode
//   const Slice slice = TRY(log->read(f, from, {.bytes_max = 1 << 20}));
//
// Offsets are given out in the order of the calls, without suspending; batches that arrive while a write is under way
// go to the file together in the next one. A batch never spans segments.
//
// Watermarks: log_start <= committed <= written_end <= next (all exclusive ends). `committed` is what may be shown and
// what acks=all waits for: with durability=durable the synced end, with relaxed the written end.
//
// Transactions: what is below last_stable_offset() is decided. A reader that must not see aborted records reads up to
// there and leaves out those of aborted_transactions(f, from, slice.end).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/leader_epochs.h"
#include "broker/log/producer_state.h"
#include "broker/log/segment.h"
#include "broker/log/sync_group.h"
#include "broker/log/tail_cache.h"
#include "broker/log/watermark_file.h"
#include "kernel/disk.h"
#include "kernel/fiber.h"
#include "kernel/mutex.h"
#include "kernel/notify.h"
#include "net/record/batch_header.h"
#include "net/types.h"

namespace broker::log {

class DirectoryShard;
struct LogOffsets;
struct Recovered;

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
  Durability durability = Durability::durable;

  bool compacts = false;  ///< cleanup.policy
  bool deletes = false;
  std::int64_t retention_ms = -1;     ///< -1: no bound
  std::int64_t retention_bytes = -1;  ///< -1: no bound
  /// How long the files of segments that have left the log stay beside it, as <name>.deleted.
  std::int64_t file_delete_delay_ms = 0;
  std::int64_t delete_retention_ms = 24ll * 3600 * 1000;
  std::int64_t compaction_lag_min_ms = 0;
  std::int64_t compaction_lag_max_ms = INT64_MAX;
  double cleanable_ratio_min = 0.5;
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
  std::uint64_t ticket = 0;    ///< which submission; 0 for a duplicate of one that is written
};

/// Why an append was not taken, besides kernel reasons (disk_full, io, cancelled…).
enum class LogReason : std::uint16_t {
  out_of_order_sequence = 0x200,
  invalid_producer_epoch,
  transaction_expected,
  offset_out_of_range,  ///< read: below log start or above the end; detail is the offset
  too_large_for_segment,
  directory_offline,    ///< a sync or write of its log directory has failed: nothing more is promised or accepted
  directory_stalled,    ///< a write or sync of its directory has not ended for long: what would wait behind it is refused
  foreign_topic_id,     ///< the directory belongs to another topic of the same name
  damaged,              ///< bytes that were committed are not what they were; the partition does not serve
  newer_format,         ///< its partition.metadata is of a later release, and left as it is
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
  Offset end{0};               ///< above all offsets in it, and not above what follows; when there is something
};

struct TimestampedOffset {
  std::int64_t timestamp_ms = -1;
  Offset offset{-1};
  net::LeaderEpoch leader_epoch{-1};
};

class Log final : private SyncMember {
 public:
  /// Opens what is there, or makes a new log. Recovers when the directory was not stopped cleanly: a torn tail is cut,
  /// damage below the synced watermark answers LogReason::damaged and leaves the files alone (recovery.h). The log
  /// lives on the shard of `directory`, which is the fiber's. Errors also: foreign_topic_id, directory_offline.
  static kernel::Result<std::unique_ptr<Log>> open(kernel::Fiber& f, DirectoryShard& directory, LogIdentity identity,
                                                   LogConfig config);
  /// After close() or remove(), or when the directory is offline and wait_idle() has returned.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Takes `batch` into the log's order without suspending: judges its producer sequence, gives out offsets, stamps
  /// base offset, leader epoch and (LogAppendTime) timestamps, and queues it for the next write, which a fiber of the
  /// directory's scope makes. Requests of one connection keep their order because this does not suspend.
  /// `batch` is one whole validated batch that nobody else reads yet.
  /// Errors: LogReason, those of BatchHeader::parse, closed (truncate(), close() or remove() runs or has run).
  kernel::Result<Appended> submit(kernel::Buffer batch, const AppendOptions& options);
  /// Suspends until that submission is written. Errors: directory_offline, cancelled, deadline; disk_full when its
  /// write failed: the log then goes on as if it (and what was queued behind it) had never been submitted.
  kernel::Result<> wait_written(kernel::Fiber& f, const Appended& appended);
  /// submit() and wait_written().
  kernel::Result<Appended> append(kernel::Fiber& f, kernel::Buffer batch, const AppendOptions& options);
  /// Suspends until that submission is committed. Errors: those of wait_written().
  kernel::Result<> wait_committed(kernel::Fiber& f, const Appended& appended);
  /// Suspends until `committed() >= end`, whoever wrote it. Errors: directory_offline, cancelled, deadline.
  kernel::Result<> wait_committed(kernel::Fiber& f, Offset end);
  /// Suspends until everything written so far is synced, whatever the mode. Errors: directory_offline, cancelled,
  /// deadline.
  kernel::Result<> sync(kernel::Fiber& f);
  /// Reads up to `limits.end`, which may be as far as written_end(). Nothing there yet: an empty slice.
  /// Errors: offset_out_of_range (below log_start(), above written_end()), io, damaged (no batch where one must be).
  kernel::Result<Slice> read(kernel::Fiber& f, Offset from, const ReadLimits& limits);

  /// The first record with a timestamp at or above `timestamp_ms` below `end`; nothing when there is none.
  kernel::Result<std::optional<TimestampedOffset>> find_by_timestamp(kernel::Fiber& f,
                                                                     std::int64_t timestamp_ms, Offset end);
  /// The record with the largest timestamp below `end` (the first one that has it).
  kernel::Result<std::optional<TimestampedOffset>> max_timestamp(kernel::Fiber& f, Offset end);

  [[nodiscard]] Offset log_start() const { return log_start_; }
  [[nodiscard]] Offset committed() const { return committed_; }
  [[nodiscard]] Offset written_end() const { return written_end_; }
  /// Everything below is on the medium, in either mode.
  [[nodiscard]] Offset synced_end() const { return synced_end_; }
  /// The offset the next batch will get.
  [[nodiscard]] Offset next() const { return next_; }
  /// Bytes of batches below written_end().
  [[nodiscard]] std::uint64_t size_bytes() const;
  /// Bytes of batches in [from, committed), capped at `bytes_max`: what a waiting fetch counts. Exact at the tail; for
  /// older offsets up to index.interval.bytes too many. Does not suspend.
  [[nodiscard]] std::size_t readable_bytes(Offset from, std::size_t bytes_max) const {
    return readable_bytes(from, committed_, bytes_max);
  }
  /// The same in [from, end), `end` at most committed().
  [[nodiscard]] std::size_t readable_bytes(Offset from, Offset end, std::size_t bytes_max) const;

  // Transactions (log_transactions.cc).

  /// Where the earliest transaction begins that is open, or whose marker is not committed; else committed(). Not below
  /// log_start().
  [[nodiscard]] Offset last_stable_offset() const;
  /// Transactions that were aborted and reach into [from, to), which was read and is stable; by their first offset.
  /// What a .txnindex says that was there when the log was opened is first held against the segment, which is read for
  /// it. Errors: offset_out_of_range (`from` has left the log meanwhile), damaged, io.
  kernel::Result<std::vector<AbortedTransaction>> aborted_transactions(kernel::Fiber& f, Offset from, Offset to);
  [[nodiscard]] const LogIdentity& identity() const { return identity_; }
  [[nodiscard]] const LeaderEpochs& epochs() const { return epochs_; }
  /// See ProducerState::expire().
  void expire_producers(std::uint32_t turns_max) { producers_.expire(turns_max); }
  /// Of everything submitted.
  [[nodiscard]] const ProducerState& producers() const { return producers_; }
  /// A new leader starts at the log's end. Durable before it returns.
  kernel::Result<> begin_epoch(kernel::Fiber& f, net::LeaderEpoch epoch);
  /// The same for a log that was just opened: durable before the first batch of the epoch is written. An epoch without
  /// one is not missed, as the next leader begins at the same end.
  void enter_epoch(net::LeaderEpoch epoch);
  void set_config(const LogConfig& config) { config_ = config; }
  [[nodiscard]] const LogConfig& config() const { return config_; }
  /// Whole segments, oldest first, the active one last: for retention.
  struct SegmentInfo {
    Offset base;
    Offset end;
    std::uint64_t size_bytes = 0;
  };
  [[nodiscard]] std::vector<SegmentInfo> segments() const;

  /// Notified when `committed` moves, with the bytes it moved by; and, for everybody, when the directory goes offline.
  [[nodiscard]] kernel::Notify& readable() { return readable_; }

  /// Everything at or above `end` goes (a follower's divergence, the metadata log); a batch that holds `end` in its
  /// middle goes whole. Nothing is submitted meanwhile. Durable before it returns.
  kernel::Result<> truncate(kernel::Fiber& f, Offset end);
  /// log_start() becomes `start`, at most committed(). Durable before it returns. Whole segments below go: now, or
  /// with the next look at retention when a compaction is at work on them.
  kernel::Result<> advance_start(kernel::Fiber& f, Offset start);

  // Looking after what is closed (log_retention.cc, log_cleaning.cc; upkeep.h calls these). None of it holds up an
  // append. One at a time; truncate(), close() and remove() end a compaction that is under way.

  struct Retained {
    std::uint64_t segments = 0;  ///< that went
    std::uint64_t bytes = 0;
  };
  /// Lets go of segments that the policy does not keep: those below the log start, and where it deletes those that are
  /// too old or too many; whole ones, oldest first, never above committed(). When all are too old the active one is
  /// rolled first. Does nothing while a compaction is at work here. Errors: directory_offline, io, disk_full.
  kernel::Result<Retained> apply_retention(kernel::Fiber& f);
  /// Removes files whose file.delete.delay.ms is over.
  kernel::Result<> remove_leaving(kernel::Fiber& f);
  /// When there will be such; kNever when nothing is leaving.
  [[nodiscard]] kernel::Mono next_leaving() const { return leaving_.empty() ? kernel::kNever : leaving_.front().due; }

  /// How much a compaction has to do here.
  struct Dirtiness {
    Offset first_dirty{0};
    Offset bound{0};             ///< up to which it may go: the end of a closed segment
    std::uint64_t dirty_bytes = 0;
    double ratio = 0;            ///< dirty bytes of all bytes below `bound`
    bool overdue = false;        ///< max.compaction.lag.ms is over for some record
    [[nodiscard]] bool is_due(double ratio_min) const {
      return dirty_bytes > 0 && (overdue || ratio > ratio_min);
    }
  };
  kernel::Result<Dirtiness> dirtiness(kernel::Fiber& f);
  struct CleanRules {
    std::uint64_t map_bytes_max = 128u << 20;
    double load_factor = 0.9;
    std::size_t chunk_bytes = 512u << 10;
    /// How long to rest when so many bytes more have been moved; nothing set: not at all.
    std::function<kernel::Duration(kernel::Mono now, std::uint64_t bytes)> rest;
  };
  struct Cleaned {
    Offset from{0}, to{0};  ///< the dirty stretch that is clean now; empty when nothing could be done
    std::uint64_t bytes_before = 0, bytes_after = 0;
    std::uint64_t records_read = 0, records_removed = 0, tombstones_removed = 0;
    std::size_t keys = 0, keys_max = 0;
  };
  /// Compacts from the start up to as far as dirtiness() allows and the memory for keys reaches.
  /// Errors: damaged (a batch is not what it was; nothing has changed), exhausted (one transaction has more keys than
  /// fit), closed (the log ends or is cut), directory_offline, disk_full, io (the log is as it was), cancelled.
  kernel::Result<Cleaned> clean(kernel::Fiber& f, const CleanRules& rules);
  /// Compaction has been so far.
  [[nodiscard]] Offset first_dirty() const { return std::max(first_dirty_, log_start_); }
  /// Writes indexes, producer snapshot and epochs, and syncs, so that the next open need not recover. Nothing is
  /// submitted any more. Errors: directory_offline, after which only destruction is left.
  kernel::Result<> close(kernel::Fiber& f);
  /// Renames the directory for deletion and removes it. The log is of no further use.
  kernel::Result<> remove(kernel::Fiber& f);
  /// Suspends until no fiber of this log writes or syncs.
  kernel::Result<> wait_idle(kernel::Fiber& f);

  // For DirectoryShard.
  /// When the write under way began; kNever when there is none.
  [[nodiscard]] kernel::Mono writing_since() const { return writing_since_; }
  [[nodiscard]] Watermark watermark() const;
  [[nodiscard]] WatermarkKey watermark_key() const { return {identity_.topic_id, identity_.partition}; }
  [[nodiscard]] LogOffsets offsets() const;
  void wake_everybody();
  /// Has what was written synced with the next group, if there is something.
  void sync_soon();

 private:
  /// A submitted batch and what it takes to undo it.
  struct Pending {
    kernel::Buffer bytes;
    net::record::BatchHeader header;
    std::uint64_t ticket = 0;
    std::optional<ProducerEntry> producer_before;
    std::optional<AbortedTransaction> aborted;
  };
  /// A place in the log as readers see it.
  struct Border {
    Offset offset{0};
    Offset segment_base{0};
    std::uint64_t position = 0;
    std::uint64_t log_bytes = 0;
  };
  struct Failed {
    std::uint64_t first, last;
    kernel::Error error;
  };

  Log(DirectoryShard& directory, LogIdentity identity, LogConfig config);
  void adopt(Recovered&& found);
  static kernel::Result<> make_directory(kernel::Fiber& f, const std::string& path, const LogIdentity& identity);

  /// A file that could not be written or synced takes the directory with it.
  kernel::Result<> settled(kernel::Fiber& f, kernel::Result<> outcome);
  kernel::Result<> begin_epoch_now(kernel::Fiber& f, net::LeaderEpoch epoch);
  /// Writes the epoch checkpoint if it is behind; what failed is tried again by the next who asks.
  kernel::Result<> store_epochs(kernel::Fiber& f);
  kernel::Result<> truncate_now(kernel::Fiber& f, Offset end);
  kernel::Result<> advance_start_now(kernel::Fiber& f, Offset start);
  /// Ends a compaction under way and keeps others from starting as long as the lock is held.
  kernel::Result<kernel::Mutex::Lock> stop_upkeep(kernel::Fiber& f);
  kernel::Result<> close_now(kernel::Fiber& f);
  /// Whether the files say all there is to say since a clean stop left them.
  [[nodiscard]] bool is_as_stopped() const;
  void share(Segment& segment);
  kernel::Result<> remove_now(kernel::Fiber& f);

  // log_append.cc
  void start_writer();
  void write_queued(kernel::Fiber& w);
  kernel::Result<> write_some(kernel::Fiber& w);
  [[nodiscard]] bool must_roll(kernel::Fiber& w, const net::record::BatchHeader& next) const;
  kernel::Result<> roll(kernel::Fiber& w);
  void landed(const Pending& batch);
  /// The producers as of written_end(): without what is queued behind it.
  [[nodiscard]] ProducerState written_producers() const;
  /// Writes a snapshot of the producers every so often, so that a start after a kill has little to read
  /// (log_snapshots.cc).
  kernel::Result<> keep_producers(kernel::Fiber& w);
  void roll_back(const kernel::Error& why);
  void move_committed(const Border& to);
  [[nodiscard]] kernel::Result<> outcome_of(std::uint64_t ticket) const;
  [[nodiscard]] std::uint64_t ticket_of(Offset last_offset) const;
  void begin_sync(SyncWork& work) override;
  void end_sync() override;
  void mark_dirty(kernel::FileHandle file, std::string path);

  // log_read.cc
  [[nodiscard]] std::size_t segment_of(Offset offset) const;
  [[nodiscard]] Offset end_of_segment(std::size_t index) const;
  kernel::Result<std::uint64_t> position_of_end(kernel::Fiber& f, const SegmentRef& segment, Offset segment_end,
                                                Offset end);
  std::optional<Slice> read_tail(Offset from, Offset end, const ReadLimits& limits) const;
  kernel::Error damaged_at(kernel::Fiber& f, const Segment& segment, std::uint64_t position, const kernel::Error& why) const;

  // log_transactions.cc
  /// Makes what is known of the aborted transactions of segments[index] what the log says.
  kernel::Result<> load_transactions(kernel::Fiber& f, const std::vector<SegmentRef>& segments, std::size_t index);

  // log_timestamps.cc
  struct TimeSearch;

  // log_retention.cc
  struct Leaving {
    kernel::Mono due;
    std::string path;
  };
  kernel::Result<> persist_start(kernel::Fiber& f, Offset start);
  kernel::Result<Retained> drop_below_start(kernel::Fiber& f);
  kernel::Result<> dispose(kernel::Fiber& f, const Segment& gone, bool with_snapshot);
  kernel::Result<Offset> retained_from(kernel::Fiber& f, std::int64_t now_ms);

  // log_cleaning.cc
  [[nodiscard]] Offset cleaning_bound() const;
  kernel::Result<std::vector<SegmentRef>> next_group(kernel::Fiber& f, Offset from, Offset end) const;
  kernel::Result<> rest(kernel::Fiber& f, const CleanRules& rules, std::uint64_t bytes);
  kernel::Result<Cleaned> clean_now(kernel::Fiber& f, const CleanRules& rules);
  kernel::Result<> clear_cleaned_files(kernel::Fiber& f);
  kernel::Result<> swap_in(kernel::Fiber& f, std::span<const SegmentRef> sources, const SegmentRef& fresh);
  kernel::Result<> finish_swap(kernel::Fiber& f, std::span<const SegmentRef> sources, const SegmentRef& fresh);

  DirectoryShard& directory_;
  LogIdentity identity_;
  LogConfig config_;
  std::string path_;
  std::vector<SegmentRef> segments_;  ///< the last one is active
  std::int64_t roll_jitter_ms_ = 0;
  LeaderEpochs epochs_;
  ProducerState producers_;
  std::deque<EndedTransaction> ended_;  ///< those whose marker is not committed
  kernel::Mutex loading_transactions_;
  struct Snapshots {
    std::deque<Offset> between;   ///< those of keep_producers() that are there
    std::uint64_t log_bytes = 0;  ///< of written_border_ when the last one was written
    std::uint64_t bytes = 0;      ///< its size
  };
  Snapshots snapshots_;

  Offset log_start_{0};
  Offset first_dirty_{0};
  Offset committed_{0};
  Offset synced_end_{0};
  Offset written_end_{0};
  Offset next_{0};
  Offset holds_to_{0};  ///< the end of the last batch; below written_end_ when truncate() cut behind a gap
  Border committed_border_;
  Border written_border_;
  TailCache tail_;

  std::deque<Pending> queue_;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t written_ticket_ = 0;
  std::deque<Failed> failed_;
  bool writing_ = false;
  kernel::Mono writing_since_ = kernel::kNever;
  bool accepting_ = true;
  bool cutting_ = false;  ///< truncate() runs: nothing may be taken for synced
  bool epochs_dirty_ = false;
  bool epoch_unrecorded_ = false;  ///< enter_epoch() was called
  std::optional<Offset> stopped_at_;  ///< where the log ended that a clean stop left, with this active segment
  // Who wants both takes upkeep_ first.
  kernel::Mutex upkeep_;     ///< held by whoever changes closed segments: retention, compaction, truncate, close
  kernel::Mutex structure_;  ///< held by whoever changes the active segment or the epochs: writer, truncate, close
  kernel::Mutex starting_;   ///< held while the log start moves
  int upkeep_stops_ = 0;     ///< how many want upkeep to end
  kernel::Notify upkeep_stop_;
  std::deque<Leaving> leaving_;  ///< by when they are due
  kernel::Notify written_;
  kernel::Notify synced_;
  kernel::Notify readable_;
  kernel::Notify idle_;

  std::vector<SyncWork::DirtyFile> dirty_files_;
  bool directory_dirty_ = false;
  Border sync_target_;
  Watermark written_mark_;
  Watermark target_mark_;
  Watermark synced_mark_;
  bool left_ = false;
};

}  // namespace broker::log
