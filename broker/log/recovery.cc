#include "broker/log/recovery.h"

#include <algorithm>

#include "broker/log/checkpoint_files.h"
#include "broker/log/text_lines.h"
#include "kernel/bug.h"
#include "kernel/node.h"
#include "net/record/batch_reader.h"
#include "net/record/validate.h"

namespace broker::log {

using kernel::Errc;
using kernel::Fiber;
using kernel::FileHandle;
using kernel::OpenMode;
using kernel::Result;
using net::record::BatchHeader;

namespace {

constexpr std::string_view kEpochs = "leader-epoch-checkpoint";
constexpr std::size_t kRewriteChunkBytes = 1024 * 1024;
constexpr std::uint64_t kHeadersReadMax = 16u << 20;

class Recovery {
 public:
  Recovery(Fiber& f, const RecoveryTask& task) : f_{f}, disk_{f.node().disk()}, task_{task} {}

  Result<Recovered> run() {
    TRY(list_segments(TRY(clear_leftovers())));
    TRY(load_epochs());
    out_.log_start = task_.evidence.log_start;
    if (out_.segments.empty()) {
      // A log has a segment from its first sync on.
      const auto& mark = task_.evidence.watermark;
      if (mark && mark->end > out_.log_start) return all_gone(mark->end);
      return start_empty();
    }
    out_.log_start = std::max(out_.log_start, out_.segments.front()->base());
    if (task_.evidence.clean && TRY(open_clean())) return std::move(out_);
    f_.node().mark("broker.log.recovered");
    out_.scanned = true;
    if (TRY(resume_at_watermark())) return finish();
    return recover_unclean();
  }

 private:
  struct Cut {
    std::size_t segment;
    std::uint64_t position;
  };
  /// What is left to scan of the first segment that is scanned.
  struct Tail {
    std::uint64_t position;
    std::uint64_t file_bytes;
    OffsetOrder order;  ///< has taken what lies before
  };

  [[nodiscard]] std::string path(std::string_view name) const { return task_.directory + "/" + std::string{name}; }
  SegmentRef make_segment(Offset base) const {
    auto segment = std::make_shared<Segment>(task_.directory, base, task_.config.segment_index_bytes, kernel::ms_of(f_.wall()));
    segment->share(task_.files);
    return segment;
  }

  /// What a compaction or a deletion, ours or Kafka's, left when it was interrupted. What there is now.
  Result<std::vector<kernel::DirectoryEntry>> clear_leftovers() {
    auto entries = TRY(disk_.list(f_, task_.directory));
    std::optional<Offset> smallest_cleaned;
    const auto offset_of = [](std::string_view name) {
      return Offset{parse_number<std::int64_t>(name.substr(0, kOffsetDigits)).value_or(0)};
    };
    bool changed = false;
    for (const auto& entry : entries) {
      const bool cleaned = entry.name.ends_with(".cleaned");
      if (cleaned && (!smallest_cleaned || offset_of(entry.name) < *smallest_cleaned)) smallest_cleaned = offset_of(entry.name);
      const bool deleted = entry.name.ends_with(".deleted") && !entry.name.ends_with(".checkpoint.deleted");
      if (!cleaned && !deleted && !entry.name.ends_with(".tmp")) continue;
      TRY(disk_.unlink(f_, path(entry.name)));
      changed = true;
    }
    TRY(finish_swaps(entries, smallest_cleaned, changed));
    if (!changed) return entries;
    TRY(disk_.sync_directory(f_, task_.directory));
    return disk_.list(f_, task_.directory);
  }

  Result<> finish_swaps(const std::vector<kernel::DirectoryEntry>& entries, std::optional<Offset> smallest_cleaned,
                        bool& changed) {
    std::vector<std::string> swaps;
    std::optional<Offset> low;
    Offset high{0};
    for (const auto& entry : entries) {
      if (!entry.name.ends_with(".swap")) continue;
      const Offset base{parse_number<std::int64_t>(std::string_view{entry.name}.substr(0, kOffsetDigits)).value_or(0)};
      changed = true;
      if ((smallest_cleaned && base >= *smallest_cleaned) || BUG(f_, "log.swap_undone")) {
        TRY(disk_.unlink(f_, path(entry.name)));
        continue;
      }
      swaps.push_back(entry.name);
      // Indexes alone: their segment has its name already, and must keep it.
      if (!entry.name.ends_with(".log.swap")) continue;
      low = low ? std::min(*low, base) : base;
      const FileHandle file = TRY(disk_.open(f_, path(entry.name), OpenMode::read_only()));
      BatchScan scan{file, 0, TRY(file->size(f_))};
      OffsetOrder order{base};
      while (const auto item = TRY(scan.next_header(f_))) TRY(order.take(item->header));
      high = std::max(high, order.next());
    }
    if (swaps.empty()) return {};
    for (const auto& entry : entries) {
      for (const std::string_view suffix : kSegmentSuffixes) {
        const auto base = offset_of_file(entry.name, suffix);
        if (base && low && *base >= *low && *base < high) TRY(disk_.unlink(f_, path(entry.name)));
      }
    }
    // A segment that comes back after the power went would overlap with what replaced it.
    TRY(disk_.sync_directory(f_, task_.directory));
    for (const std::string& swap : swaps)
      TRY(disk_.rename(f_, path(swap), path(swap.substr(0, swap.size() - std::string_view{".swap"}.size()))));
    return {};
  }

  Result<> list_segments(const std::vector<kernel::DirectoryEntry>& entries) {
    std::vector<Offset> bases;
    for (const auto& entry : entries) {
      if (const auto base = offset_of_file(entry.name, ".log")) bases.push_back(*base);
    }
    bool changed = false;
    std::vector<Offset> with_transactions;
    for (const auto& entry : entries) {
      for (const std::string_view suffix : {".index", ".timeindex", ".txnindex"}) {
        const auto base = offset_of_file(entry.name, suffix);
        if (!base) continue;
        if (std::ranges::binary_search(bases, *base)) {
          if (suffix == ".txnindex") with_transactions.push_back(*base);
          continue;
        }
        TRY(disk_.unlink(f_, path(entry.name)));
        changed = true;
      }
    }
    // Whole segments below the log start were on their way out.
    std::size_t below = 0;
    while (below + 1 < bases.size() && bases[below + 1] <= task_.evidence.log_start) {
      TRY(make_segment(bases[below++])->unlink(f_));
      changed = true;
    }
    for (std::size_t i = below; i < bases.size(); ++i) {
      const SegmentRef segment = make_segment(bases[i]);
      TRY(segment->adopt_size(f_));
      if (std::ranges::binary_search(with_transactions, bases[i])) TRY(segment->adopt_transactions(f_));
      if (segment->size_bytes() == 0 && i + 1 < bases.size() && !out_.segments.empty()) {
        // A roll that was given up (the disk was full) left it, and the log went on in the segment before; or all it
        // had was compacted away. The first one stays even so: it says where the log starts.
        TRY(segment->unlink(f_));
        changed = true;
        continue;
      }
      out_.segments.push_back(segment);
    }
    return changed ? disk_.sync_directory(f_, task_.directory) : Result<>{};
  }

  Result<> load_epochs() {
    const auto file = disk_.open(f_, path(kEpochs), OpenMode::read_only());
    if (!file) return file.error().is(Errc::no_such_file) ? Result<>{} : std::unexpected(file.error());
    const kernel::Buffer text = TRY(kernel::read_all(f_, **file));
    auto entries = parse_leader_epochs(kernel::as_text(text.view()));
    if (entries) {
      out_.epochs = LeaderEpochs{std::move(*entries)};
    } else {
      f_.log().warn("leader_epochs_unreadable", {{"file", path(kEpochs)}, {"error", entries.error()}});
      epochs_lost_ = true;
    }
    return {};
  }

  Result<Recovered> all_gone(Offset synced_to) {
    f_.log().error("log_damaged", {{"directory", task_.directory}, {"offset", out_.log_start}, {"synced_to", synced_to}});
    f_.node().mark("broker.log.damage_detected");
    return kernel::fail(LogReason::damaged, out_.log_start.raw());
  }

  Result<Recovered> start_empty() {
    TRY(open_first_segment());
    return std::move(out_);
  }

  Result<> open_first_segment() {
    out_.end = out_.log_start;
    const SegmentRef segment = make_segment(out_.log_start);
    TRY(segment->create(f_));
    TRY(segment->sync_all(f_));
    TRY(disk_.sync_directory(f_, task_.directory));
    out_.segments.push_back(segment);
    out_.watermark = {.end = out_.end, .epoch = epoch_now(), .segment_base = segment->base()};
    return {};
  }

  [[nodiscard]] net::LeaderEpoch epoch_now() const {
    const auto latest = out_.epochs.latest();
    return latest ? latest->epoch : net::kLeaderEpochNone;
  }

  /// Trusts indexes that fit, and finds the end behind the last entry. False when something does not fit after all.
  Result<bool> open_clean() {
    const SegmentRef last = out_.segments.back();
    const std::uint64_t size = last->size_bytes();
    TRY(last->open_for_write(f_));
    const auto loaded = last->load_indexes(f_);
    if (!loaded) return loaded.error().room == kernel::Room::net ? Result<bool>{false} : std::unexpected(loaded.error());
    const auto first = last->index().last();
    BatchScan scan{TRY(last->file(f_)), first ? static_cast<std::uint64_t>(first->position) : 0, size};
    out_.end = last->base();
    std::vector<BatchScan::Item> behind;
    OffsetOrder order{last->base()};
    for (;;) {
      auto item = scan.next_header(f_);
      if (!item) return item.error().room == kernel::Room::net ? Result<bool>{false} : std::unexpected(item.error());
      if (!*item) break;
      const bool is_indexed = behind.empty() && first;
      if (is_indexed && (*item)->header.base_offset > first->offset) return false;
      if (!order.take((*item)->header)) return false;
      out_.end = (*item)->header.next_offset();
      out_.watermark.position = static_cast<std::int64_t>((*item)->position);
      out_.watermark.batch_crc = (*item)->header.crc;
      out_.watermark.epoch = (*item)->header.leader_epoch;
      behind.push_back(**item);
    }
    // What is appended now must be able to follow the entries there are.
    const auto youngest = last->time_index().last();
    if ((first && first->offset >= out_.end) || (youngest && youngest->offset >= out_.end)) return false;
    last->resume_behind_index(behind);
    if (size > 0) {
      BatchScan start{TRY(last->file(f_)), 0, size};
      const auto item = start.next_header(f_);
      if (!item) return item.error().room == kernel::Room::net ? Result<bool>{false} : std::unexpected(item.error());
      last->note_first_timestamp((*item)->header.max_timestamp_ms);
    }
    out_.watermark.end = out_.end;
    out_.watermark.segment_base = last->base();
    // Behind the watermark of our own clean stop nothing can be missing.
    const auto& mark = task_.evidence.watermark;
    if (mark && !task_.evidence.foreign && mark->end > out_.end && !epochs_newer_than(*mark)) return false;
    if (out_.end < out_.log_start) return false;
    out_.producers = TRY(rebuild_producers(f_, task_.directory, out_.segments, out_.end, out_.end));
    return true;
  }

  [[nodiscard]] bool epochs_newer_than(const Watermark& mark) const { return epoch_now() > mark.epoch; }

  /// After a kill on the same boot: what was synced is as it was, and is known by its indexes, the newest snapshot of
  /// producers and the headers behind those. Only what lies above is left to scan(). False when something does not fit.
  Result<bool> resume_at_watermark() {
    const bool is_ours = evidence().killed || BUG(f_, "log.tail_only_after_power_loss");
    if (!is_ours || !evidence().watermark || epochs_lost_ || is_soon_read()) return false;
    const Watermark& mark = *evidence().watermark;
    const auto at = std::ranges::find(out_.segments, mark.segment_base, &Segment::base);
    if (at == out_.segments.end()) return false;
    const auto index = static_cast<std::size_t>(at - out_.segments.begin());
    const bool has_transactions = !(*at)->transactions_known();
    const auto resumed = resume_segment(index, mark);
    if (resumed && *resumed) return true;
    if (!resumed && resumed.error().room != kernel::Room::net) return resumed;
    f_.log().info("tail_does_not_fit", {{"file", (*at)->path(".log")}, {"offset", mark.end}});
    f_.node().mark("broker.log.tail_does_not_fit");
    *at = make_segment(mark.segment_base);
    TRY((*at)->adopt_size(f_));
    if (has_transactions) TRY((*at)->adopt_transactions(f_));
    return false;
  }

  Result<bool> resume_segment(std::size_t index, const Watermark& mark) {
    Segment& segment = *out_.segments[index];
    Tail tail{.position = 0, .file_bytes = segment.size_bytes(), .order = OffsetOrder{segment.base()}};
    if (mark.position >= 0) {
      BatchScan scan{TRY(segment.file(f_)), static_cast<std::uint64_t>(mark.position), tail.file_bytes};
      const auto noted = TRY(scan.next_whole(f_));
      if (!noted) return false;
      const kernel::ByteView bytes = noted->bytes.view();
      TRY(net::record::check_whole(noted->header, {&bytes, 1}));
      if (noted->header.crc != mark.batch_crc || noted->header.leader_epoch != mark.epoch) return false;
      TRY(tail.order.take(noted->header));
      tail.position = scan.position();
    }
    if (tail.order.next() != mark.end || !TRY(meets_next(index))) return false;
    if (!TRY(segment.resume(f_, tail.position, mark.end, task_.config.index_interval_bytes))) return false;

    std::vector<EndedTransaction> ended;
    const Offset from = TRY(snapshot_to_use(segment, mark.end));
    out_.producers = TRY(rebuild_producers(f_, task_.directory, out_.segments, from, mark.end, &ended));
    for (const EndedTransaction& one : ended) {
      // What a .txnindex says is held against the whole segment when somebody asks.
      if (one.aborted && one.marker >= segment.base() && segment.transactions_known() && !BUG(f_, "log.tail_forgets_aborted"))
        segment.note_aborted(AbortedTransaction::of(one));
    }
    watermark_ = out_.watermark = mark;
    watermark_agrees_ = true;
    out_.end = mark.end;
    synced_ = std::max(mark.end, evidence().recovery_point);
    first_scanned_ = index;
    rewrite_from_ = Cut{index, tail.position};
    tail_ = tail;
    f_.node().mark("broker.log.tail_recovered");
    return true;
  }

  /// The last snapshot but one, if it is near: a snapshot says of each producer's last batch only, and the others it may
  /// send again are behind this one then.
  Result<Offset> snapshot_to_use(Segment& segment, Offset end) {
    std::vector<Offset> found = TRY(list_snapshots(f_, task_.directory));
    std::erase_if(found, [&](Offset at) { return at > end; });
    if (found.size() < 2 || found[found.size() - 2] < segment.base()) return end;
    const Offset but_one = found[found.size() - 2];
    const auto first = TRY(segment.find(f_, but_one));
    return first && segment.size_bytes() - first->position <= kHeadersReadMax ? but_one : end;
  }

  /// Whether the segments from that of the recovery point on lead up to `index` without a gap. Those before are not
  /// looked at after a power loss either.
  Result<bool> meets_next(std::size_t index) {
    for (std::size_t i = segment_of_recovery_point(); i < index; ++i) {
      Segment& segment = *out_.segments[i];
      TRY(segment.load_indexes(f_));
      const auto last = segment.index().last();
      BatchScan scan{TRY(segment.file(f_)), last ? static_cast<std::uint64_t>(last->position) : 0, segment.size_bytes()};
      OffsetOrder order{segment.base()};
      while (const auto item = TRY(scan.next_header(f_))) TRY(order.take(item->header));
      segment.close_files();
      const Offset next = out_.segments[i + 1]->base();
      const bool may_lack = task_.config.compacts || order.next() < evidence().first_dirty.value_or(Offset{0});
      if (order.next() > next || (order.next() < next && !may_lack)) return false;
    }
    return true;
  }

  /// Whether a full scan takes no time: less than a thousandth of a segment, 1 MiB of the usual ones. Then it is worth
  /// what it may find.
  [[nodiscard]] bool is_soon_read() const {
    std::uint64_t bytes = 0;
    for (std::size_t i = segment_of_recovery_point(); i < out_.segments.size(); ++i) bytes += out_.segments[i]->size_bytes();
    return bytes <= task_.config.segment_bytes / 1024;
  }

  [[nodiscard]] std::size_t segment_of_recovery_point() const {
    std::size_t i = 0;
    while (i + 1 < out_.segments.size() && out_.segments[i + 1]->base() <= evidence().recovery_point) ++i;
    return i;
  }

  Result<Recovered> recover_unclean() {
    const auto& evidence = task_.evidence;
    watermark_ = evidence.watermark;
    synced_ = std::max(watermark_ ? watermark_->end : Offset{0}, evidence.recovery_point);
    // Indexes of the segments below were synced before the recovery point moved past them.
    first_scanned_ = segment_of_recovery_point();
    if (!BUG(f_, "log.producer_state_not_rebuilt")) {
      out_.producers = TRY(rebuild_producers(f_, task_.directory, out_.segments, out_.segments[first_scanned_]->base(),
                                             out_.segments[first_scanned_]->base()));
    }
    out_.end = out_.segments[first_scanned_]->base();
    out_.watermark = {.end = out_.end, .epoch = net::kLeaderEpochNone, .segment_base = out_.end};
    return finish();
  }

  Result<Recovered> finish() {
    const LeaderEpochs epochs_found = out_.epochs;
    TRY(scan());
    TRY(judge(epochs_found));
    TRY(apply());
    return std::move(out_);
  }

  /// Reads everything from first_scanned_ on, or from the tail there; changes nothing on disk. Leaves cut_ where it goes
  /// wrong.
  Result<> scan() {
    for (std::size_t i = first_scanned_; i < out_.segments.size() && !cut_; ++i) {
      const SegmentRef segment = out_.segments[i];
      if (i == first_scanned_ && tail_) {
        TRY(scan_segment(i));
        continue;
      }
      const bool is_gap = segment->base() > out_.end;
      if (segment->base() < out_.end || (is_gap && (is_lost(out_.end) || (!evidence().foreign && out_.end >= synced_)))) {
        bad_ = kernel::fail(net::record::Reason::incomplete).error();
        cut_ = Cut{i - 1, out_.segments[i - 1]->size_bytes()};
        break;
      }
      out_.end = segment->base();
      TRY(scan_segment(i));
    }
    return {};
  }

  Result<> scan_segment(std::size_t i) {
    const SegmentRef segment = out_.segments[i];
    const Tail from = i == first_scanned_ && tail_ ? *tail_ : Tail{0, segment->size_bytes(), OffsetOrder{segment->base()}};
    if (i != first_scanned_ || !tail_) segment->begin_rebuild();
    BatchScan scan{TRY(segment->file(f_)), from.position, from.file_bytes};
    OffsetOrder order = from.order;
    for (;;) {
      const std::uint64_t position = scan.position();
      const auto item = scan.next_whole(f_);
      if (!item && item.error().room != kernel::Room::net) return std::unexpected(item.error());
      if (item && !*item) return {};
      const bool is_trusted = tail_ && position == from.position && BUG(f_, "log.tail_check_begins_late");
      const Result<> good = !item        ? std::unexpected(item.error())
                            : is_trusted ? order.take((*item)->header)
                                         : check(*segment, **item, order);
      if (!good) {
        bad_ = good.error();
        cut_ = Cut{i, position};
        return {};
      }
      take(*segment, **item);
    }
  }

  [[nodiscard]] Result<> check(const Segment& segment, const BatchScan::Item& item, OffsetOrder& order) const {
    const kernel::ByteView bytes = item.bytes.view();
    if (!BUG(f_, "log.recovery_checks_no_checksum")) TRY(net::record::check_whole(item.header, {&bytes, 1}));
    const bool is_gap = item.header.base_offset > order.next() && is_lost(order.next());
    if (is_gap || is_other_than_noted(segment, item)) return kernel::fail(net::record::Reason::offset_gap, item.header.base_offset.raw());
    return order.take(item.header);
  }

  /// Whether offsets that are missing from `at` on were there once: not where something compacts, or has, or somebody
  /// else has written, and only below what is on record as synced.
  [[nodiscard]] bool is_lost(Offset at) const {
    return at < synced_ && at >= evidence().first_dirty.value_or(Offset{0}) && !task_.config.compacts && !evidence().foreign;
  }

  /// The batch that the watermark speaks of at another offset, or another batch of an epoch that was ours alone: Kafka,
  /// had it written here since, would have had an epoch of its own.
  [[nodiscard]] bool is_other_than_noted(const Segment& segment, const BatchScan::Item& item) const {
    if (!watermark_ || watermark_->segment_base != segment.base() || watermark_->position != static_cast<std::int64_t>(item.position)) return false;
    const bool same_bytes = item.header.crc == watermark_->batch_crc;
    if (same_bytes) return item.header.next_offset() != watermark_->end;
    return item.header.leader_epoch <= watermark_->epoch;
  }

  void take(Segment& segment, const BatchScan::Item& item) {
    const BatchHeader& header = item.header;
    segment.note_batch(header, item.position, task_.config.index_interval_bytes);
    if (!BUG(f_, "log.producer_state_not_rebuilt")) {
      const auto ended = apply_batch(out_.producers, header, item.bytes.view());
      if (ended && *ended && (*ended)->aborted) segment.note_aborted(AbortedTransaction::of(**ended));
    }
    if (header.leader_epoch.raw() >= 0) {
      const auto latest = out_.epochs.latest();
      if (!latest || header.leader_epoch > latest->epoch) out_.epochs.assign(header.leader_epoch, header.base_offset);
    }
    out_.end = header.next_offset();
    out_.watermark = {.end = out_.end, .epoch = header.leader_epoch, .segment_base = segment.base(),
                      .position = static_cast<std::int64_t>(item.position), .batch_crc = header.crc};
    if (watermark_ && watermark_->segment_base == segment.base() &&
        watermark_->position == static_cast<std::int64_t>(item.position))
      watermark_agrees_ = out_.watermark.end == watermark_->end && header.crc == watermark_->batch_crc;
    if (watermark_ && out_.end <= watermark_->end) rewrite_from_ = Cut{index_of(segment), segment.size_bytes()};
  }

  [[nodiscard]] std::size_t index_of(const Segment& segment) const {
    return static_cast<std::size_t>(
        std::ranges::find_if(out_.segments, [&](const SegmentRef& s) { return s.get() == &segment; }) - out_.segments.begin());
  }
  [[nodiscard]] const LogEvidence& evidence() const { return task_.evidence; }

  /// A torn tail, damage, or a void watermark.
  Result<> judge(const LeaderEpochs& epochs_found) {
    if (watermark_ && watermark_->position >= 0) {
      const auto latest = epochs_found.latest();
      const bool other_content = watermark_agrees_ == false;
      const bool newer_epoch = out_.end < watermark_->end && latest && latest->epoch > watermark_->epoch &&
                               latest->start <= out_.end;
      if (other_content || newer_epoch) {
        f_.log().info("synced_watermark_void", {{"directory", task_.directory}, {"offset", watermark_->end}});
        watermark_.reset();
        rewrite_from_ = {};
        synced_ = cut_ ? Offset{0} : std::min(evidence().recovery_point, out_.end);
      } else {
        f_.node().mark("broker.log.watermark_used");
      }
    }
    const bool missing = !cut_ && watermark_ && out_.end < watermark_->end;
    const bool damaged = missing || (cut_ && out_.end < synced_ && out_.end >= out_.log_start);
    if (damaged && !BUG(f_, "log.cut_below_watermark")) {
      const std::size_t segment = cut_ ? cut_->segment : out_.segments.size() - 1;
      const std::uint64_t position = cut_ ? cut_->position : out_.segments[segment]->size_bytes();
      f_.log().error("log_damaged", {{"file", out_.segments[segment]->path(".log")},
                                     {"position", position},
                                     {"offset", out_.end},
                                     {"synced_to", synced_},
                                     {"error", bad_}});
      f_.node().mark("broker.log.damage_detected");
      return kernel::fail(LogReason::damaged, out_.end.raw());
    }
    return {};
  }

  /// Makes the files what was found, durably.
  Result<> apply() {
    if (cut_) TRY(cut());
    if (out_.end < out_.log_start) return restart_at_log_start();
    if (tail_ && !cut_ && first_scanned_ + 1 == out_.segments.size() && tail_->position == tail_->file_bytes) return leave_as_is();
    for (std::size_t i = first_scanned_; i < out_.segments.size(); ++i) {
      Segment& segment = *out_.segments[i];
      TRY(segment.open_for_write(f_));
      TRY(rewrite(i));
      // An entry for the largest timestamp ends the time index of a segment that is not written any more.
      if (i + 1 < out_.segments.size()) segment.close_time_index();
      if (!BUG(f_, "log.index_ahead_of_log")) TRY(segment.rewrite_indexes(f_));
      if (segment.transactions_known()) TRY(segment.rewrite_transactions(f_));
      TRY(segment.sync_all(f_));
    }
    // An epoch may begin at the very end: begin_epoch() has promised it.
    if (out_.epochs.truncate_from_end(out_.end + 1) || epochs_lost_ || out_.scanned)
      TRY(write_epochs(f_, task_.directory, out_.epochs));
    // Those of whole segments stay: when retention takes what lies before, nothing else knows of its producers.
    TRY(prune_snapshots(f_, task_.directory, out_.segments, out_.end));
    TRY(write_snapshot(f_, task_.directory, out_.end, out_.producers));
    return disk_.sync_directory(f_, task_.directory);
  }

  /// Nothing lies above what was synced: what the files lack is in memory, and is written with what comes.
  Result<> leave_as_is() {
    TRY(out_.segments.back()->open_for_write(f_));
    if (out_.epochs.truncate_from_end(out_.end + 1)) TRY(write_epochs(f_, task_.directory, out_.epochs));
    TRY(drop_snapshots_above(f_, task_.directory, out_.end));
    return disk_.sync_directory(f_, task_.directory);
  }

  Result<> cut() {
    f_.node().mark("broker.log.torn_tail_cut");
    f_.log().info("torn_tail_cut", {{"file", out_.segments[cut_->segment]->path(".log")},
                                    {"position", cut_->position},
                                    {"offset", out_.end},
                                    {"reason", bad_}});
    // From the last one on, each durably: what remains after a crash is a prefix of what was there.
    while (out_.segments.size() > cut_->segment + 1) {
      TRY(out_.segments.back()->unlink(f_));
      TRY(disk_.sync_directory(f_, task_.directory));
      out_.segments.pop_back();
    }
    const FileHandle file = TRY(out_.segments.back()->open_for_write(f_));
    return file->truncate(f_, BUG(f_, "log.recovery_off_by_one") && cut_->position > 0 ? cut_->position - 1 : cut_->position);
  }

  /// What the log lost lies below its start. The producers of what was found stay known: who sends again what was
  /// deleted meanwhile must not have it written twice.
  Result<> restart_at_log_start() {
    f_.log().warn("log_restarted_at_log_start", {{"directory", task_.directory}, {"end", out_.end}, {"log_start", out_.log_start}});
    TRY(write_snapshot(f_, task_.directory, out_.log_start, out_.producers));
    while (!out_.segments.empty()) {
      TRY(out_.segments.back()->unlink(f_));
      TRY(disk_.sync_directory(f_, task_.directory));
      out_.segments.pop_back();
    }
    out_.epochs = {};
    TRY(write_epochs(f_, task_.directory, out_.epochs));
    TRY(open_first_segment());
    return prune_snapshots(f_, task_.directory, out_.segments, out_.end);
  }

  /// Bytes above the watermark again: a sync of them may have failed, and then only writing makes them dirty.
  Result<> rewrite(std::size_t i) {
    if (!evidence().same_boot || BUG(f_, "log.unsynced_tail_trusted")) return {};  // what was read came from the medium
    Segment& segment = *out_.segments[i];
    std::uint64_t from = 0;
    if (rewrite_from_) {
      if (i < rewrite_from_->segment) return {};
      if (i == rewrite_from_->segment) from = rewrite_from_->position;
    }
    if (from < segment.size_bytes()) f_.node().mark("broker.log.rewrote_unsynced_tail");
    const FileHandle file = TRY(segment.open_for_write(f_));
    // What is read again is checked again: damage that came in between must not be made good data.
    std::uint64_t length = kRewriteChunkBytes;
    while (from < segment.size_bytes()) {
      const std::uint64_t left = segment.size_bytes() - from;
      const kernel::Buffer chunk = TRY(kernel::read_exactly(f_, *file, from, std::min(length, left)));
      const std::size_t whole = TRY(whole_batches(chunk.view()));
      if (whole == 0) {  // one that is larger than the chunk
        if (length >= left) return kernel::fail(net::record::Reason::incomplete, static_cast<std::int64_t>(from));
        length *= 2;
        continue;
      }
      TRY(kernel::write_all(f_, *file, from, std::array{chunk.slice(0, whole)}));
      from += whole;
    }
    return {};
  }

  /// The bytes of the batches that begin and end in `bytes`, and are as they were written.
  [[nodiscard]] Result<std::size_t> whole_batches(kernel::ByteView bytes) const {
    net::record::BatchReader reader{bytes};
    while (const auto batch = TRY(reader.next()))
      if (!BUG(f_, "log.recovery_checks_no_checksum")) TRY(net::record::check_whole(batch->header, {&batch->bytes, 1}));
    return bytes.size() - reader.rest().size();
  }

  Fiber& f_;
  kernel::Disk& disk_;
  const RecoveryTask& task_;
  Recovered out_;
  bool epochs_lost_ = false;
  std::optional<Watermark> watermark_;
  std::optional<bool> watermark_agrees_;
  Offset synced_{0};
  std::size_t first_scanned_ = 0;
  std::optional<Tail> tail_;  ///< set: the rest of it is known
  std::optional<Cut> cut_;
  std::optional<Cut> rewrite_from_;
  kernel::Error bad_;
};

}  // namespace

Result<Recovered> recover(Fiber& f, const RecoveryTask& task) {
  auto recovered = Recovery{f, task}.run();
  if (recovered || recovered.error().room != kernel::Room::net) return recovered;
  // A batch where none may be torn, such as in a segment that is read for its producers only.
  f.log().error("log_damaged", {{"directory", task.directory}, {"error", recovered.error()}});
  f.node().mark("broker.log.damage_detected");
  return kernel::fail(LogReason::damaged);
}

Result<> write_epochs(Fiber& f, const std::string& directory, const LeaderEpochs& epochs) {
  kernel::Disk& disk = f.node().disk();
  const std::string path = directory + "/" + std::string{kEpochs};
  const std::string text = format_leader_epochs(epochs.entries());
  if (BUG(f, "log.epochs_not_synced")) {
    const FileHandle file = TRY(disk.open(f, path + ".tmp", OpenMode::create_empty()));
    const std::array<kernel::Buffer, 1> chain{kernel::Buffer::copy_of(kernel::as_bytes(text))};
    TRY(kernel::write_all(f, *file, 0, chain));
    return disk.rename(f, path + ".tmp", path);
  }
  return kernel::replace_file(f, disk, path, kernel::as_bytes(text));
}

}  // namespace broker::log
