#include "broker/log/log.h"

#include "broker/log/directory_shard.h"
#include "broker/log/log_directory.h"
#include "broker/log/recovery.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Errc;
using kernel::Fiber;
using kernel::Result;

std::string_view name_of(LogReason reason) {
  switch (reason) {
    case LogReason::out_of_order_sequence: return "out_of_order_sequence";
    case LogReason::invalid_producer_epoch: return "invalid_producer_epoch";
    case LogReason::transaction_expected: return "transaction_expected";
    case LogReason::offset_out_of_range: return "offset_out_of_range";
    case LogReason::too_large_for_segment: return "too_large_for_segment";
    case LogReason::directory_offline: return "directory_offline";
    case LogReason::directory_stalled: return "directory_stalled";
    case LogReason::foreign_topic_id: return "foreign_topic_id";
    case LogReason::damaged: return "damaged";
    case LogReason::newer_format: return "newer_format";
  }
  std::unreachable();
}

Log::Log(DirectoryShard& directory, LogIdentity identity, LogConfig config)
    : directory_{directory},
      identity_{std::move(identity)},
      config_{config},
      path_{directory.path() + "/" + partition_directory_name(identity_.topic, identity_.partition)},
      tail_{DirectoryShard::kTailBytesOfLogMax, directory.tail_bytes, DirectoryShard::kTailBytesMax} {}

Log::~Log() {
  if (directory_.shard().dead()) return;
  CHECK(!writing_);
  CHECK(!directory_.syncs().in_flight(*this));
  tail_.clear();
  if (!dirty_files_.empty()) directory_.note_unsynced(-1);
  if (!left_) {
    directory_.syncs().leave(*this);
    directory_.leave(*this);
  }
}

Result<> Log::make_directory(Fiber& f, const std::string& path, const LogIdentity& identity) {
  kernel::Disk& disk = f.node().disk();
  const Result<> made = disk.make_directory(f, path);
  if (!made && !made.error().is(Errc::already_exists)) return made;
  const auto sync_name = [&] { return disk.sync_directory(f, kernel::parent_path(path)); };
  const std::string metadata = path + "/partition.metadata";
  if (!identity.topic_id.raw().is_zero()) {
    const auto file = disk.open(f, metadata, kernel::OpenMode::read_only());
    if (file) {
      const kernel::Buffer text = TRY(kernel::read_all(f, **file));
      const auto found = parse_partition_metadata(kernel::as_text(text.view()));
      if (!found && found.error().is(Reason::bad_version)) return kernel::fail(LogReason::newer_format, found.error().detail);
      if (found && *found != identity.topic_id && !BUG(f, "log.directory_matched_by_name"))
        return kernel::fail(LogReason::foreign_topic_id);
      if (!found) f.log().warn("partition_metadata_unreadable", {{"path", path}, {"error", found.error()}});
      if (found) return {};
    } else if (!file.error().is(Errc::no_such_file)) {
      return std::unexpected(file.error());
    }
    // First: where this file is, the directory's name is durable, also when an earlier attempt got only so far.
    const bool first = !BUG(f, "log.directory_named_last");
    if (first) TRY(sync_name());
    TRY(kernel::replace_file(f, disk, metadata, kernel::as_bytes(format_partition_metadata(identity.topic_id))));
    if (first || !made) return {};
  }
  return sync_name();
}

Result<std::unique_ptr<Log>> Log::open(Fiber& f, DirectoryShard& directory, LogIdentity identity, LogConfig config) {
  CHECK(&f.shard() == &directory.shard());
  if (!directory.online()) return kernel::fail(LogReason::directory_offline);
  std::unique_ptr<Log> log{new Log{directory, std::move(identity), config}};
  log->left_ = true;  // until it has entered
  TRY(directory.directory().admit(f));
  TRY(make_directory(f, log->path_, log->identity_));
  const LogEvidence evidence = TRY(directory.directory().claim(f, log->identity_));
  const RecoveryTask task{log->path_, log->watermark_key(), evidence, config, directory.files()};
  auto found = recover(f, task);
  if (!found) {
    // Not ours any more, and not clean: the next open has the same evidence.
    static_cast<void>(directory.directory().release(f, log->identity_));
    return std::unexpected(found.error());
  }
  // Where nothing we know of is on record, a gap would be taken for a torn tail: say at once how far it is good.
  const bool must_store = found->scanned && evidence.foreign;
  log->adopt(std::move(*found));
  // A point beyond what there is was of another end of this log: compaction begins anew.
  log->first_dirty_ = evidence.first_dirty.value_or(log->log_start_);
  if (log->first_dirty_ > log->segments_.back()->base()) log->first_dirty_ = log->log_start_;
  if (must_store) {
    if (const auto stored = directory.store_watermark(f, *log); !stored) {
      static_cast<void>(directory.directory().release(f, log->identity_));
      return std::unexpected(stored.error());
    }
  }
  if (BUG(f, "log.stale_high_watermark_after_restart"))
    log->committed_ = log->committed_border_.offset = std::min(log->committed_, evidence.high_watermark);
  log->left_ = false;
  directory.enter(*log);
  directory.watermark_moved(*log);
  return log;
}

void Log::adopt(Recovered&& found) {
  segments_ = std::move(found.segments);
  epochs_ = std::move(found.epochs);
  producers_ = std::move(found.producers);
  log_start_ = found.log_start;
  next_ = holds_to_ = written_end_ = synced_end_ = committed_ = found.end;
  written_border_ = {found.end, segments_.back()->base(), segments_.back()->size_bytes(), 0};
  committed_border_ = sync_target_ = written_border_;
  written_mark_ = target_mark_ = synced_mark_ = found.watermark;
  if (!found.scanned && !segments_.back()->indexes_unsynced()) stopped_at_ = found.end;
}

void Log::share(Segment& segment) { segment.share(directory_.files()); }

Watermark Log::watermark() const {
  return BUG(directory_.shard(), "log.watermark_ahead_of_sync") ? written_mark_ : synced_mark_;
}

LogOffsets Log::offsets() const {
  return {.recovery_point = synced_end_, .log_start = log_start_, .high_watermark = committed_};
}

std::uint64_t Log::size_bytes() const {
  std::uint64_t sum = 0;
  for (const SegmentRef& segment : segments_) sum += segment->size_bytes();
  return sum;
}

std::vector<Log::SegmentInfo> Log::segments() const {
  std::vector<SegmentInfo> all;
  for (std::size_t i = 0; i < segments_.size(); ++i)
    all.push_back({segments_[i]->base(), end_of_segment(i), segments_[i]->size_bytes()});
  return all;
}

void Log::wake_everybody() {
  written_.notify_all();
  synced_.notify_all();
  readable_.notify_all();
}

Result<> Log::wait_idle(Fiber& f) {
  while (writing_) TRY(idle_.wait(f));
  TRY(directory_.syncs().drain_of(f, *this));
  return {};
}

Result<> Log::settled(Fiber& f, Result<> outcome) {
  if (outcome || !outcome.error().is(Errc::io)) return outcome;
  directory_.go_offline(f, outcome.error(), path_);
  return kernel::fail(LogReason::directory_offline);
}

Result<> Log::begin_epoch(Fiber& f, net::LeaderEpoch epoch) { return settled(f, begin_epoch_now(f, epoch)); }
Result<> Log::truncate(Fiber& f, Offset end) { return settled(f, truncate_now(f, end)); }
Result<> Log::close(Fiber& f) {
  const Result<> closed = settled(f, close_now(f));
  // Destruction comes next, and must find nobody at work on it.
  if (!closed) static_cast<void>(wait_idle(f));
  return closed;
}

Result<> Log::begin_epoch_now(Fiber& f, net::LeaderEpoch epoch) {
  // What is queued may yet be rolled back, and the epoch must not begin behind the end.
  while (writing_) TRY(idle_.wait(f));
  const auto lock = TRY(structure_.lock(f));
  const auto latest = epochs_.latest();
  if (!latest || latest->epoch < epoch) epochs_dirty_ |= epochs_.assign(epoch, next_);
  return store_epochs(f);
}

void Log::enter_epoch(net::LeaderEpoch epoch) {
  CHECK(!writing_);
  const auto latest = epochs_.latest();
  if (!latest || latest->epoch < epoch) epoch_unrecorded_ |= epochs_.assign(epoch, next_);
}

Result<> Log::store_epochs(Fiber& f) {
  if (!epochs_dirty_ && !epoch_unrecorded_) return {};
  TRY(write_epochs(f, path_, epochs_));
  epochs_dirty_ = epoch_unrecorded_ = false;
  return {};
}

Result<> Log::truncate_now(Fiber& f, Offset end) {
  // Before nothing is synced any more: a compaction may be waiting for just that.
  const auto no_upkeep = TRY(stop_upkeep(f));
  accepting_ = false;
  cutting_ = true;
  struct Reopen {
    Log& log;
    ~Reopen() {
      log.accepting_ = true;
      log.cutting_ = false;
      log.idle_.notify_all();
    }
  } reopen{*this};
  // A group that has gathered this log would take what goes now for synced in the end.
  directory_.syncs().leave(*this);
  const auto no_start = TRY(starting_.lock(f));
  TRY(wait_idle(f));
  directory_.syncs().leave(*this);
  const auto lock = TRY(structure_.lock(f));
  if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
  if (end >= written_end_) return {};
  end = std::max(end, log_start_);
  // Find the border first: a batch that holds `end` goes whole.
  std::size_t index = segment_of(end);
  const auto batch = TRY(segments_[index]->find(f, end));
  std::uint64_t position = batch ? batch->position : segments_[index]->size_bytes();
  if (batch) end = std::min(end, batch->header.base_offset);
  TRY(segments_[index]->load_indexes(f));
  TRY(load_transactions(f, segments_, index));

  // What stays, as a watermark: everything below the cut is synced once the files are.
  Watermark mark{.end = end, .epoch = epochs_.epoch_at(end - 1).value_or(net::kLeaderEpochNone),
                 .segment_base = segments_[index]->base()};
  Offset holds_to = segments_[index]->base();
  if (position > 0) {
    const auto before = TRY(segments_[index]->find(f, end - 1));
    if (before && before->position < position) {
      mark.position = static_cast<std::int64_t>(before->position);
      mark.batch_crc = before->header.crc;
      mark.epoch = before->header.leader_epoch;
      holds_to = before->header.next_offset();
    }
  }
  // Recovery must not take what is cut for lost: first the notes, then the files.
  if (synced_end_ > end) synced_mark_ = mark;
  TRY(directory_.store_watermark(f, *this));
  if (first_dirty_ > end) TRY(directory_.directory().store_first_dirty(f, identity_, first_dirty_ = end));
  const Offset start = std::min(log_start_, end);
  TRY(directory_.directory().store_offsets(f, identity_, {.recovery_point = std::min(synced_end_, end), .log_start = start, .high_watermark = std::min(committed_, end)}));

  kernel::Disk& disk = f.node().disk();
  tail_.clear();
  while (segments_.size() > index + 1) {
    // From the last one on and each durably, so that a crash leaves a prefix.
    TRY(segments_.back()->unlink(f));
    TRY(disk.sync_directory(f, path_));
    segments_.pop_back();
  }
  Segment& active = *segments_.back();
  const Result<> cut = active.cut(f, position, end);
  const Result<> synced = cut ? active.sync_all(f) : cut;
  if (!synced) {
    directory_.go_offline(f, synced.error(), active.path(".log"));
    return kernel::fail(LogReason::directory_offline);
  }
  next_ = written_end_ = synced_end_ = committed_ = end;
  holds_to_ = holds_to;
  written_border_ = {end, active.base(), position, written_border_.log_bytes};
  committed_border_ = sync_target_ = written_border_;
  written_mark_ = target_mark_ = synced_mark_ = mark;
  if (!dirty_files_.empty()) directory_.note_unsynced(-1);
  dirty_files_.clear();
  stopped_at_.reset();
  directory_.watermark_moved(*this);
  epochs_dirty_ |= epochs_.truncate_from_end(end);
  TRY(store_epochs(f));
  TRY(prune_snapshots(f, path_, segments_, end));
  TRY(disk.sync_directory(f, path_));
  producers_ = TRY(rebuild_producers(f, path_, segments_, end, end));
  ended_.clear();
  return {};
}

Result<kernel::Mutex::Lock> Log::stop_upkeep(Fiber& f) {
  ++upkeep_stops_;
  upkeep_stop_.notify_all();
  auto lock = upkeep_.lock(f);
  --upkeep_stops_;
  return lock;
}

Result<> Log::close_now(Fiber& f) {
  accepting_ = false;
  const auto no_upkeep = TRY(stop_upkeep(f));
  TRY(wait_idle(f));
  TRY(sync(f));
  TRY(wait_idle(f));
  const auto lock = TRY(structure_.lock(f));
  if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
  if (!is_as_stopped()) {
    Segment& active = *segments_.back();
    TRY(active.finish_indexes(f));
    TRY(active.sync_all(f));
    TRY(write_snapshot(f, path_, written_end_, producers_));
    TRY(prune_snapshots(f, path_, segments_, written_end_));
    TRY(write_epochs(f, path_, epochs_));
  }
  TRY(directory_.directory().note_closed(f, identity_, offsets()));
  directory_.leave(*this);
  left_ = true;
  return {};
}

bool Log::is_as_stopped() const {
  const bool has_grown = stopped_at_ != written_end_ && !BUG(directory_.shard(), "log.closed_as_found");
  return stopped_at_ && !has_grown && !segments_.back()->indexes_unsynced() && !epochs_dirty_;
}

Result<> Log::remove(Fiber& f) {
  const Result<> removed = settled(f, remove_now(f));
  // Left where it is, it is nobody's any more; the next start sets it aside.
  if (!removed) static_cast<void>(directory_.directory().release(f, identity_));
  return removed;
}

Result<> Log::remove_now(Fiber& f) {
  accepting_ = false;
  const auto no_upkeep = TRY(stop_upkeep(f));
  const auto no_start = TRY(starting_.lock(f));
  TRY(wait_idle(f));
  const auto lock = TRY(structure_.lock(f));
  directory_.syncs().leave(*this);
  directory_.forget(*this);
  left_ = true;
  tail_.clear();
  return directory_.directory().discard(f, identity_);
}

}  // namespace broker::log
