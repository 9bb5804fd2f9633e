// How batches get into a log: submit() decides, one fiber writes, sync groups make durable.
#include <algorithm>

#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "broker/log/log_directory.h"
#include "broker/log/recovery.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Errc;
using kernel::Fiber;
using kernel::Result;
using net::record::BatchHeader;

namespace {
constexpr std::size_t kWriteBytesMax = 4u << 20;
constexpr std::size_t kWriteBatchesMax = 512;
/// Failures remembered for waiters that come late; a full disk makes one range of them, however long it lasts.
constexpr std::size_t kFailedRangesMax = 1024;
}  // namespace

Result<Appended> Log::submit(kernel::Buffer batch, const AppendOptions& options) {
  if (!accepting_) return kernel::fail(Errc::closed);
  if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
  BatchHeader header = TRY(BatchHeader::parse(batch.view()));
  CHECK(header.size_bytes() == batch.size());
  if (batch.size() > config_.segment_bytes)
    return kernel::fail(LogReason::too_large_for_segment, static_cast<std::int64_t>(batch.size()));
  if (options.origin == AppendOrigin::client && header.has_producer()) {
    const Judgement judgement = producers_.judge(header);
    switch (judgement.verdict) {
      case Verdict::in_order: break;
      case Verdict::duplicate: {
        if (BUG(directory_.shard(), "log.duplicate_appended")) break;
        const SequencedBatch& original = *judgement.original;
        const bool forgotten = BUG(directory_.shard(), "log.duplicate_refused") ||
                               (BUG(directory_.shard(), "log.dedup_window_of_one") &&
                                original.last_offset != producers_.find(header.producer_id)->batches.back().last_offset);
        if (forgotten) return kernel::fail(LogReason::out_of_order_sequence, header.base_sequence);
        return Appended{.base_offset = original.first_offset(),
                        .next_offset = original.last_offset + 1,
                        .log_append_time_ms = options.log_append_time_ms ? original.timestamp_ms : -1,
                        .log_start_offset = log_start_,
                        .duplicate = true,
                        .ticket = ticket_of(original.last_offset)};
      }
      case Verdict::out_of_order_sequence:
        if (BUG(directory_.shard(), "log.sequence_gap_taken")) break;
        return kernel::fail(LogReason::out_of_order_sequence, header.base_sequence);
      case Verdict::invalid_producer_epoch:
        return kernel::fail(LogReason::invalid_producer_epoch, header.producer_epoch.raw());
      case Verdict::transaction_expected: return kernel::fail(LogReason::transaction_expected);
    }
  }
  // Who waits for it gives up in time, and sends it again: all that would pile up here, and nobody counts it any more.
  if (options.origin == AppendOrigin::client && directory_.stalled()) return kernel::fail(LogReason::directory_stalled);
  if (options.origin == AppendOrigin::replica) {
    CHECK(header.base_offset >= next_);
  } else {
    net::record::stamp_base_offset(batch.stamp(), next_);
    net::record::stamp_leader_epoch(batch.stamp(), options.leader_epoch);
    if (options.log_append_time_ms) {
      net::record::stamp_timestamps(batch.stamp(), net::record::TimestampType::log_append_time,
                                    *options.log_append_time_ms);
    }
    header = TRY(BatchHeader::parse(batch.view()));
  }
  Pending pending{.bytes = std::move(batch), .header = header, .ticket = next_ticket_++};
  if (header.has_producer()) {
    if (const ProducerEntry* before = producers_.find(header.producer_id)) pending.producer_before = *before;
    const auto ended = apply_batch(producers_, header, pending.bytes.view());
    if (!ended) {
      producers_.restore(header.producer_id, std::move(pending.producer_before));
      --next_ticket_;
      return std::unexpected(ended.error());
    }
    if (*ended) {
      ended_.push_back(**ended);
      if ((*ended)->aborted) pending.aborted = AbortedTransaction::of(**ended);
    }
  }
  const Appended appended{.base_offset = header.base_offset,
                          .next_offset = header.next_offset(),
                          .log_append_time_ms = options.log_append_time_ms.value_or(-1),
                          .log_start_offset = log_start_,
                          .ticket = pending.ticket};
  next_ = header.next_offset();
  queue_.push_back(std::move(pending));
  start_writer();
  return appended;
}

std::uint64_t Log::ticket_of(Offset last_offset) const {
  const auto at = std::ranges::find_if(queue_, [&](const Pending& p) { return p.header.last_offset() == last_offset; });
  return at == queue_.end() ? 0 : at->ticket;
}

Result<> Log::outcome_of(std::uint64_t ticket) const {
  const auto at = std::ranges::find_if(failed_, [&](const Failed& f) { return f.first <= ticket && ticket <= f.last; });
  return at == failed_.end() ? Result<>{} : std::unexpected(at->error);
}

Result<> Log::wait_written(Fiber& f, const Appended& appended) {
  for (;;) {
    TRY(outcome_of(appended.ticket));
    if (written_ticket_ >= appended.ticket) return {};
    if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
    TRY(written_.wait(f));
  }
}

Result<Appended> Log::append(Fiber& f, kernel::Buffer batch, const AppendOptions& options) {
  const Appended appended = TRY(submit(std::move(batch), options));
  TRY(wait_written(f, appended));
  return appended;
}

Result<> Log::wait_committed(Fiber& f, const Appended& appended) {
  TRY(wait_written(f, appended));
  if (BUG(f, "log.ack_before_sync")) return {};
  return wait_committed(f, appended.next_offset);
}

Result<> Log::wait_committed(Fiber& f, Offset end) {
  while (committed_ < end) {
    if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
    TRY(readable_.wait(f));
  }
  return {};
}

Result<> Log::sync(Fiber& f) {
  const Offset wanted = written_end_;
  while (synced_end_ < std::min(wanted, written_end_)) {  // it may be cut meanwhile
    if (!directory_.online()) return kernel::fail(LogReason::directory_offline);
    if (cutting_) {
      TRY(idle_.wait(f));
      continue;
    }
    directory_.syncs().join(*this);
    TRY(synced_.wait(f));
  }
  return {};
}

void Log::start_writer() {
  if (writing_) return;
  writing_ = true;
  directory_.scope().spawn("log_writer", [this](Fiber& w) { write_queued(w); });
}

void Log::write_queued(Fiber& w) {
  while (!queue_.empty() && directory_.online()) {
    writing_since_ = w.now();
    const Result<> done = write_some(w);
    writing_since_ = kernel::kNever;
    if (done) {
      directory_.note_space(w, /*is_full=*/false, {});
      directory_.note_descriptors(w, /*are_short=*/false);
      continue;
    }
    if (done.error().is(Errc::disk_full)) {
      directory_.note_space(w, /*is_full=*/true, segments_.back()->path(".log"));
      w.node().mark("broker.log.disk_full_rolled_back");
      roll_back(done.error());
    } else if (done.error().is(Errc::too_many_files)) {
      directory_.note_descriptors(w, /*are_short=*/true);
      w.node().mark("broker.log.no_descriptor_rolled_back");
      roll_back(done.error());
    } else {
      // What is in the file now is not known.
      directory_.go_offline(w, done.error(), segments_.back()->path(".log"));
    }
  }
  if (!directory_.online()) roll_back(kernel::fail(LogReason::directory_offline).error());
  writing_ = false;
  idle_.notify_all();
}

bool Log::must_roll(Fiber& w, const BatchHeader& next) const {
  const Segment& active = *segments_.back();
  if (active.size_bytes() == 0) return false;
  if (active.size_bytes() + next.size_bytes() > config_.segment_bytes) return true;
  if (next.last_offset() - active.base() > std::numeric_limits<std::int32_t>::max()) return true;
  if (active.size_bytes() > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()) - next.size_bytes()) return true;
  if (active.index_full()) return true;
  const std::int64_t waited = next.max_timestamp_ms >= 0 && active.first_timestamp_ms() >= 0
                                  ? next.max_timestamp_ms - active.first_timestamp_ms()
                                  : kernel::ms_of(w.wall()) - active.created_ms();
  if (waited > config_.segment_ms - roll_jitter_ms_) return true;
  return w.nudge("log.tiny_segment");
}

Result<> Log::write_some(Fiber& w) {
  const auto lock = TRY(structure_.lock(w));
  if (must_roll(w, queue_.front().header)) TRY(roll(w));
  const SegmentRef active = segments_.back();
  std::vector<kernel::Buffer> chain;
  std::uint64_t bytes = 0;
  Offset end = written_end_;
  for (const Pending& pending : queue_) {
    if (!chain.empty() && w.nudge("log.one_batch_written")) break;
    if (chain.size() == kWriteBatchesMax || (!chain.empty() && bytes + pending.bytes.size() > kWriteBytesMax)) break;
    if (!chain.empty() && active->size_bytes() + bytes + pending.bytes.size() > config_.segment_bytes) break;
    if (!chain.empty() && pending.header.last_offset() - active->base() > std::numeric_limits<std::int32_t>::max()) break;
    const auto latest = epochs_.latest();
    if (pending.header.leader_epoch.raw() >= 0 && (!latest || latest->epoch < pending.header.leader_epoch)) {
      epochs_.assign(pending.header.leader_epoch, pending.header.base_offset);
      epochs_dirty_ = true;
    }
    chain.push_back(pending.bytes);
    bytes += pending.bytes.size();
    end = pending.header.next_offset();
  }
  // An epoch is on record before its first batch is.
  TRY(store_epochs(w));
  const kernel::FileHandle file = TRY(active->open_for_write(w));
  const std::uint64_t position = active->size_bytes();
  const Result<> written = kernel::write_all(w, *file, position, chain);
  if (!written) {
    // What got there must not be found by a recovery once other batches follow.
    if (written.error().is(Errc::disk_full)) TRY(file->truncate(w, position));
    return written;
  }
  active->note_written(kernel::ms_of(w.wall()));
  for (std::size_t i = 0; i < chain.size(); ++i) {
    landed(queue_.front());
    queue_.pop_front();
  }
  CHECK(written_end_ == end);
  if (w.nudge("log.tail_forgotten")) tail_.clear();
  mark_dirty(file, active->path(".log"));
  written_.notify_all();
  if (config_.durability == Durability::relaxed || BUG(w, "log.shown_before_sync")) move_committed(written_border_);
  if (config_.durability == Durability::durable) directory_.syncs().join(*this);
  if (w.nudge("log.indexes_late")) return {};
  Result<> kept = active->write_indexes(w, /*all=*/false);
  if (kept) kept = keep_producers(w);
  // Entries that did not fit stay in memory and are tried again with the next ones.
  return kept || may_pass(kept.error()) ? Result<>{} : kept;
}

void Log::landed(const Pending& pending) {
  Segment& active = *segments_.back();
  const std::uint64_t position = active.size_bytes();
  const BatchHeader& header = pending.header;
  active.note_batch(header, position, config_.index_interval_bytes);
  if (pending.aborted) active.note_aborted(*pending.aborted);
  tail_.push({.base = header.base_offset, .next = header.next_offset(), .segment_base = active.base(),
              .position = position, .log_bytes = written_border_.log_bytes, .bytes = pending.bytes});
  written_end_ = holds_to_ = header.next_offset();
  written_ticket_ = pending.ticket;
  written_border_ = {written_end_, active.base(), active.size_bytes(), written_border_.log_bytes + header.size_bytes()};
  written_mark_ = {.end = written_end_, .epoch = header.leader_epoch, .segment_base = active.base(),
                   .position = static_cast<std::int64_t>(position), .batch_crc = header.crc};
}

ProducerState Log::written_producers() const {
  ProducerState state = producers_;
  for (auto pending = queue_.rbegin(); pending != queue_.rend(); ++pending) {
    if (pending->header.has_producer()) state.restore(pending->header.producer_id, pending->producer_before);
  }
  return state;
}

Result<> Log::roll(Fiber& w) {
  const SegmentRef old = segments_.back();
  const auto fresh = std::make_shared<Segment>(path_, written_end_, config_.segment_index_bytes, kernel::ms_of(w.wall()));
  share(*fresh);
  const Segment::IndexFiles indexes = TRY(old->finish_indexes(w));
  TRY(write_snapshot(w, path_, written_end_, written_producers()));
  if (const auto created = fresh->create(w); !created) {
    // The log goes on in the old segment: an empty one with a base that it passes must not stay behind.
    TRY(fresh->unlink(w));
    return created;
  }
  // What was written to the segment itself and is not synced is marked already.
  mark_dirty(indexes.offsets, old->path(".index"));
  mark_dirty(indexes.times, old->path(".timeindex"));
  if (indexes.transactions != nullptr) mark_dirty(indexes.transactions, old->path(".txnindex"));
  old->seal();
  stopped_at_.reset();
  directory_dirty_ = true;
  segments_.push_back(fresh);
  const std::int64_t jitter_ms = std::min(config_.segment_jitter_ms, config_.segment_ms);
  auto random = w.node().random(kernel::Domain::application, kernel::hash64(fresh->path(".log")));
  roll_jitter_ms_ = jitter_ms > 0 ? random.between(0, jitter_ms - 1) : 0;
  w.log().debug("segment_rolled", {{"file", old->path(".log")}, {"size_bytes", old->size_bytes()}});
  w.node().mark("broker.log.rolled");
  // Flushed whatever the mode, so that the recovery point moves on.
  directory_.syncs().join(*this);
  return {};
}

void Log::roll_back(const kernel::Error& why) {
  if (queue_.empty()) return;
  const std::uint64_t first = queue_.front().ticket;
  const std::uint64_t last = queue_.back().ticket;
  while (!queue_.empty()) {
    Pending& pending = queue_.back();
    if (pending.header.has_producer() && !BUG(directory_.shard(), "log.failed_write_remembered"))
      producers_.restore(pending.header.producer_id, std::move(pending.producer_before));
    queue_.pop_back();
  }
  next_ = written_end_;
  while (!ended_.empty() && ended_.back().marker >= next_) ended_.pop_back();
  if (epochs_.truncate_from_end(next_ + 1)) epochs_dirty_ = true;
  if (!failed_.empty() && failed_.back().last + 1 == first) {
    failed_.back().last = last;
  } else {
    failed_.push_back({first, last, why});
    if (failed_.size() > kFailedRangesMax) failed_.pop_front();
  }
  written_.notify_all();
}

void Log::move_committed(const Border& to) {
  if (to.offset <= committed_) return;
  const std::uint64_t bytes = to.log_bytes - committed_border_.log_bytes;
  committed_ = to.offset;
  committed_border_ = to;
  while (!ended_.empty() && ended_.front().marker < committed_) ended_.pop_front();
  readable_.notify_all(static_cast<std::int64_t>(bytes));
}

void Log::mark_dirty(kernel::FileHandle file, std::string path) {
  const auto same = std::ranges::find(dirty_files_, file, &SyncWork::DirtyFile::file);
  if (same != dirty_files_.end()) return;
  dirty_files_.push_back({std::move(file), std::move(path)});
  if (dirty_files_.size() == 1) directory_.note_unsynced(+1);
}

void Log::sync_soon() {
  if (!dirty_files_.empty() && !cutting_) directory_.syncs().join(*this);
}

void Log::begin_sync(SyncWork& work) {
  sync_target_ = written_border_;
  target_mark_ = written_mark_;
  if (!dirty_files_.empty()) directory_.note_unsynced(-1);
  for (SyncWork::DirtyFile& dirty : std::exchange(dirty_files_, {})) work.files.push_back(std::move(dirty));
  if (std::exchange(directory_dirty_, false)) work.directories.push_back(path_);
}

void Log::end_sync() {
  synced_end_ = sync_target_.offset;
  const bool moved = synced_mark_ != target_mark_;
  synced_mark_ = target_mark_;
  if (config_.durability == Durability::durable) move_committed(sync_target_);
  synced_.notify_all();
  if (moved) directory_.watermark_moved(*this);
}

}  // namespace broker::log
