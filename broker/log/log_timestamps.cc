// From timestamps to offsets: the time index narrows the place down, the records decide.
#include <algorithm>
#include <limits>

#include "broker/limits.h"
#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "kernel/bug.h"
#include "kernel/node.h"
#include "net/record/record_walk.h"
#include "net/record/validate.h"

namespace broker::log {

using kernel::Fiber;
using kernel::Result;
using net::record::BatchHeader;

namespace {
/// Of an uncompressed batch that is walked on the shard's own thread.
constexpr std::size_t kBytesOfASliceMax = 256u << 10;

/// Headers from a place in a segment on, whose offsets must rise and stay below where the segment ends.
struct HeaderWalk {
  BatchScan scan;
  OffsetOrder order;
  Offset end;

  Result<std::optional<BatchScan::Item>> next(Fiber& f) {
    auto item = TRY(scan.next_header(f));
    if (!item) return item;
    TRY(order.take(item->header));
    if (order.next() > end) return kernel::fail(net::record::Reason::offset_gap, item->header.base_offset.raw());
    return item;
  }
};

/// Where to look from: the batch that `entry` of the time index is about, else, when the entry does not say what is
/// there, `otherwise`. Errors: as Segment::find().
Result<std::optional<BatchScan::Item>> find_entry(Fiber& f, Segment& segment, const TimeIndex::Entry& entry, Offset otherwise) {
  if (entry.timestamp_ms >= 0 && entry.offset >= otherwise) {
    auto batch = TRY(segment.find(f, entry.offset));
    if (batch && holds(batch->header, entry.offset) && batch->header.max_timestamp_ms == entry.timestamp_ms) return batch;
    f.log().debug("time_index_not_followed", {{"file", segment.path(".timeindex")}, {"offset", entry.offset}});
  }
  return segment.find(f, otherwise);
}

}  // namespace

/// Looks at the records of single batches, within [start, end). What a batch unpacks to was chosen by whoever sent it:
/// a worker goes through it in pieces, one batch at a time of this part of the directory, since a codec may ask for a
/// large window. Of a batch that unpacks to more than anybody may ask for, its header has to do.
struct Log::TimeSearch {
  DirectoryShard& directory;
  Offset start;
  Offset end;

  /// Errors: those of check_whole() and search_records(), cancelled, deadline.
  Result<std::optional<TimestampedOffset>> find(Fiber& f, const BatchScan::Item& batch, net::record::RecordSearch search) const {
    const BatchHeader& header = batch.header;
    search.offset_delta_min = delta_of(header, start);
    search.offset_delta_end = delta_of(header, end);
    const auto look = [&]() -> Result<std::optional<net::record::FoundRecord>> {
      const kernel::ByteView bytes = batch.bytes.view();
      TRY(net::record::check_whole(header, {&bytes, 1}));
      return net::record::search_records(header, bytes.subspan(net::record::kHeaderBytes), kUncompressedBytesMax, search);
    };
    const bool is_quick = header.codec() == net::record::Codec::none && header.size_bytes() <= kBytesOfASliceMax;
    auto found = is_quick ? look() : TRY(by_worker(f, look));
    if (!found && found.error().is(net::record::Reason::too_large_uncompressed))
      return TimestampedOffset{header.max_timestamp_ms, std::max(header.base_offset, start), header.leader_epoch};
    if (!found) return std::unexpected(found.error());
    if (!*found) return std::nullopt;
    return TimestampedOffset{(*found)->timestamp_ms, header.base_offset + (*found)->offset_delta, header.leader_epoch};
  }

 private:
  static std::int32_t delta_of(const BatchHeader& header, Offset offset) {
    const std::int64_t delta = offset.raw() - header.base_offset.raw();
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(delta, 0, std::numeric_limits<std::int32_t>::max()));
  }
  template <class Look>
  Result<std::invoke_result_t<const Look&>> by_worker(Fiber& f, const Look& look) const {
    f.node().mark("broker.log.batch_searched_by_worker");
    const auto turn = TRY(directory.unpacking().lock(f));
    return kernel::offload(f, look);
  }
};

Result<std::optional<TimestampedOffset>> Log::find_by_timestamp(Fiber& f, std::int64_t timestamp_ms, Offset end) {
  const TimeSearch search{directory_, log_start_, std::min(end, written_end_)};
  const std::vector<SegmentRef> segments = segments_;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const SegmentRef& segment = segments[i];
    if (segment->base() >= search.end) break;
    if (const auto loaded = segment->load_indexes(f); !loaded) return std::unexpected(damaged_at(f, *segment, 0, loaded.error()));
    const std::uint64_t size = segment->size_bytes();
    const Offset segment_end = i + 1 < segments.size() ? segments[i + 1]->base() : written_end_;
    // The active segment's last entry may lag; a closed one's tells the largest timestamp.
    const auto youngest = segment->time_index().last();
    if (segment != segments.back() && (!youngest || youngest->timestamp_ms < timestamp_ms)) continue;
    // Up to this entry's offset everything is older than wanted.
    const auto older = segment->time_index().lookup(timestamp_ms == std::numeric_limits<std::int64_t>::min() ? timestamp_ms : timestamp_ms - 1);
    const auto first = find_entry(f, *segment, older, std::max(segment->base(), search.start));
    if (!first) return std::unexpected(damaged_at(f, *segment, size, first.error()));
    if (!*first || (*first)->position >= size) continue;
    const kernel::FileHandle file = TRY(segment->file(f));
    HeaderWalk walk{{file, (*first)->position, size}, OffsetOrder{segment->base()}, segment_end};
    for (;;) {
      const auto item = walk.next(f);
      if (!item) return std::unexpected(damaged_at(f, *segment, walk.scan.position(), item.error()));
      if (!*item || (*item)->header.base_offset >= search.end) break;
      const std::int64_t youngest_here = BUG(f, "log.time_of_first_record") ? (*item)->header.base_timestamp_ms
                                                                            : (*item)->header.max_timestamp_ms;
      if (youngest_here < timestamp_ms || (*item)->header.last_offset() < search.start) continue;
      BatchScan at{file, (*item)->position, (*item)->position + (*item)->header.size_bytes()};
      const auto whole = at.next_whole(f);
      if (!whole) return std::unexpected(damaged_at(f, *segment, (*item)->position, whole.error()));
      const auto found = search.find(f, **whole, {.timestamp_ms_min = timestamp_ms});
      if (!found) return std::unexpected(damaged_at(f, *segment, (*item)->position, found.error()));
      if (*found) return *found;
    }
  }
  return std::nullopt;
}

Result<std::optional<TimestampedOffset>> Log::max_timestamp(Fiber& f, Offset end) {
  const TimeSearch search{directory_, log_start_, std::min(end, written_end_)};
  const std::vector<SegmentRef> segments = segments_;
  std::optional<TimestampedOffset> best;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const SegmentRef& segment = segments[i];
    if (segment->base() >= search.end) break;
    if (const auto loaded = segment->load_indexes(f); !loaded) return std::unexpected(damaged_at(f, *segment, 0, loaded.error()));
    const std::uint64_t size = segment->size_bytes();
    const Offset segment_end = i + 1 < segments.size() ? segments[i + 1]->base() : written_end_;
    // A segment that lies within the bounds as a whole is told by its last entry.
    const auto youngest = segment->time_index().last();
    const bool whole_segment = i + 1 < segments.size() && segments[i + 1]->base() <= search.end && segment->base() >= search.start;
    if (whole_segment && youngest && best && youngest->timestamp_ms <= best->timestamp_ms) continue;
    const auto look_behind = [&](const TimeIndex::Entry& entry) -> Result<> {
      const auto first = find_entry(f, *segment, entry, std::max(segment->base(), search.start));
      if (!first) return std::unexpected(damaged_at(f, *segment, size, first.error()));
      if (!*first || (*first)->position >= size) return {};
      const kernel::FileHandle file = TRY(segment->file(f));
      HeaderWalk walk{{file, (*first)->position, size}, OffsetOrder{segment->base()}, segment_end};
      for (;;) {
        const auto item = walk.next(f);
        if (!item) return std::unexpected(damaged_at(f, *segment, walk.scan.position(), item.error()));
        if (!*item || (*item)->header.base_offset >= search.end) return {};
        if ((*item)->header.last_offset() < search.start) continue;
        if (best && (*item)->header.max_timestamp_ms <= best->timestamp_ms) continue;
        BatchScan at{file, (*item)->position, (*item)->position + (*item)->header.size_bytes()};
        const auto whole = at.next_whole(f);
        if (!whole) return std::unexpected(damaged_at(f, *segment, (*item)->position, whole.error()));
        const auto largest = search.find(f, **whole, {.largest = true});
        if (!largest) return std::unexpected(damaged_at(f, *segment, (*item)->position, largest.error()));
        if (*largest && (!best || (*largest)->timestamp_ms > best->timestamp_ms)) best = *largest;
      }
    };
    const bool is_told = whole_segment && youngest;
    TRY(look_behind(is_told ? *youngest : TimeIndex::Entry{}));
    // An entry may be of a batch whose records were compacted away; then the others tell.
    if (is_told && (!best || best->timestamp_ms < youngest->timestamp_ms)) TRY(look_behind(TimeIndex::Entry{}));
  }
  return best;
}

}  // namespace broker::log
