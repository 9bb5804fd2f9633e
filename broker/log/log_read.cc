// Reading batches where they lie: from recent ones in memory, from small stretches copied, else as a range of a file.
#include <algorithm>

#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Fiber;
using kernel::Result;
using net::record::BatchHeader;

namespace {
/// A read of so many bytes is a copy; a file range costs its reader more than that.
constexpr std::size_t kCopyMax = 4096;
/// Several recent batches are put together in memory up to here; beyond, the system copies better than we do.
constexpr std::size_t kGatherMax = 64 * 1024;
}  // namespace

std::size_t Log::segment_of(Offset offset) const {
  const auto above = std::ranges::upper_bound(segments_, offset, {}, [](const SegmentRef& s) { return s->base(); });
  return above == segments_.begin() ? 0 : static_cast<std::size_t>(above - segments_.begin()) - 1;
}

Offset Log::end_of_segment(std::size_t index) const {
  return index + 1 < segments_.size() ? segments_[index + 1]->base() : written_end_;
}

kernel::Error Log::damaged_at(Fiber& f, const Segment& segment, std::uint64_t position, const kernel::Error& why) const {
  if (why.room != kernel::Room::net) return why;
  f.log().error("log_damaged", {{"file", segment.path(".log")}, {"position", position}, {"error", why}});
  f.node().mark("broker.log.damage_detected");
  return kernel::fail(LogReason::damaged, static_cast<std::int64_t>(position)).error();
}

Result<std::uint64_t> Log::position_of_end(Fiber& f, const SegmentRef& segment, Offset segment_end, Offset end) {
  if (end >= segment_end) return segment->size_bytes();
  if (end == committed_ && committed_border_.segment_base == segment->base()) return committed_border_.position;
  const auto batch = TRY(segment->find(f, end));
  return batch ? batch->position : segment->size_bytes();
}

std::optional<Slice> Log::read_tail(Offset from, Offset end, const ReadLimits& limits) const {
  const auto& batches = tail_.batches();
  const auto first = tail_.find(from);
  if (first == batches.end()) return std::nullopt;
  if (first->next > end) return Slice{};
  std::size_t bytes = first->bytes.size();
  if (bytes > limits.bytes_max && !limits.at_least_one_batch) return Slice{};
  auto last = std::next(first);
  while (last != batches.end() && last->next <= end && last->segment_base == first->segment_base &&
         bytes + last->bytes.size() <= limits.bytes_max) {
    bytes += last->bytes.size();
    ++last;
  }
  const Offset next = std::prev(last)->next;
  if (std::next(first) == last) return Slice{.bytes = first->bytes, .size = bytes, .end = next};
  if (bytes > kGatherMax) {
    const kernel::FileHandle file = segments_[segment_of(first->base)]->open_file();
    if (file == nullptr) return std::nullopt;
    return Slice{.file = file, .position = first->position, .size = bytes, .end = next};
  }
  kernel::MutableBuffer gathered = kernel::MutableBuffer::allocate(bytes);
  std::byte* to = gathered.bytes().data();
  // Not std::ranges::copy: of const bytes g++ 12 makes it a loop over bytes.
  for (auto batch = first; batch != last; ++batch) to = std::copy_n(batch->bytes.data(), batch->bytes.size(), to);
  return Slice{.bytes = std::move(gathered).share(), .size = bytes, .end = next};
}

Result<Slice> Log::read(Fiber& f, Offset from, const ReadLimits& limits) {
  if (from < log_start_ || from > written_end_) return kernel::fail(LogReason::offset_out_of_range, from.raw());
  const Offset end = std::min(limits.end.value_or(committed_), written_end_);
  if (from >= end) return Slice{};
  if (auto recent = read_tail(from, end, limits)) return std::move(*recent);

  const Offset holds_to = holds_to_;
  for (std::size_t index = segment_of(from); index < segments_.size(); ++index) {
    const SegmentRef segment = segments_[index];
    if (segment->base() >= end) break;
    const bool is_active = segment == segments_.back();
    const Offset end_before = end_of_segment(index);
    const auto start = segment->find(f, from);
    // Deleted or cut meanwhile.
    if (from < log_start_ || from >= written_end_) return kernel::fail(LogReason::offset_out_of_range, from.raw());
    if (!start) return std::unexpected(damaged_at(f, *segment, segment->size_bytes(), start.error()));
    if (!*start) {  // nothing here at or behind `from`: compacted away
      const auto why = kernel::fail(net::record::Reason::offset_gap, from.raw()).error();
      if (is_active && from < holds_to) return std::unexpected(damaged_at(f, *segment, segment->size_bytes(), why));
      index = segment_of(segment->base());  // the list may have lost its front meanwhile
      continue;
    }
    const BatchHeader& first = (*start)->header;
    const std::uint64_t position = (*start)->position;
    // Asked for only now: while the batch was looked for, the segment may have grown beyond `end`.
    const Offset segment_end =
        BUG(f, "log.limit_read_twice") ? end_before : end_of_segment(segment_of(segment->base()));
    if (first.next_offset() > std::max(end_before, segment_end)) {
      const auto why = kernel::fail(net::record::Reason::offset_gap, first.base_offset.raw()).error();
      return std::unexpected(damaged_at(f, *segment, position, why));
    }
    const auto limit = position_of_end(f, segment, segment_end, end);
    if (!limit) return std::unexpected(damaged_at(f, *segment, position, limit.error()));
    if (position >= *limit) return Slice{};
    OffsetOrder order{segment->base()};
    static_cast<void>(order.take(first));  // as find() has
    const std::uint64_t first_end = position + first.size_bytes();
    std::uint64_t stop = *limit;
    Offset slice_end = std::min(segment_end, end);
    if (stop - position > limits.bytes_max) {
      const auto border = segment->border_before(f, first_end, order, position + limits.bytes_max);
      if (!border) return std::unexpected(damaged_at(f, *segment, first_end, border.error()));
      stop = border->position;
      slice_end = std::min(slice_end, border->end);
      if (first_end - position > limits.bytes_max) {
        if (!limits.at_least_one_batch) return Slice{};
        stop = first_end;
        slice_end = first.next_offset();
      }
    }
    const kernel::FileHandle file = TRY(segment->file(f));
    const std::size_t size = stop - position;
    if (size > kCopyMax) return Slice{.file = file, .position = position, .size = size, .end = slice_end};
    const kernel::Buffer bytes = TRY(kernel::read_exactly(f, *file, position, size));
    // At hand, so that looking costs nothing. What is damaged behind the first batch is told to who asks for it.
    const std::size_t good = ordered_prefix(bytes.view(), OffsetOrder{segment->base()}, std::max(end_before, segment_end));
    if (good < first.size_bytes()) {
      const auto why = kernel::fail(net::record::Reason::offset_gap, first.base_offset.raw()).error();
      return std::unexpected(damaged_at(f, *segment, position, why));
    }
    return Slice{.bytes = bytes.slice(0, good), .size = good, .end = slice_end};
  }
  return Slice{};
}

std::size_t Log::readable_bytes(Offset from, Offset end, std::size_t bytes_max) const {
  CHECK(end <= committed_);
  if (from >= end) return 0;
  const auto capped = [&](std::uint64_t bytes) { return static_cast<std::size_t>(std::min<std::uint64_t>(bytes, bytes_max)); };
  const auto cached_end = end < committed_ ? tail_.find(end) : tail_.batches().end();
  const bool is_exact = end == committed_ || cached_end != tail_.batches().end();
  if (const auto cached = tail_.find(from); is_exact && cached != tail_.batches().end())
    return capped((end == committed_ ? committed_border_.log_bytes : cached_end->log_bytes) - cached->log_bytes);
  /// Where `end` is in a segment, or further.
  const auto end_in = [&](const Segment& segment) -> std::uint64_t {
    const std::uint64_t most =
        committed_border_.segment_base == segment.base() ? committed_border_.position : segment.size_bytes();
    if (end == committed_ || !segment.indexes_loaded()) return most;
    const auto behind = segment.index().ceil_position(end);
    return behind ? std::min(most, static_cast<std::uint64_t>(*behind)) : most;
  };
  std::uint64_t bytes = 0;
  for (std::size_t i = segment_of(from); i < segments_.size() && bytes < bytes_max; ++i) {
    const Segment& segment = *segments_[i];
    if (segment.base() >= end) break;
    const std::uint64_t stop = end_in(segment);
    std::uint64_t start = 0;
    if (segment.base() < from && segment.indexes_loaded())
      start = static_cast<std::uint64_t>(segment.index().lookup(from).position);
    bytes += stop - std::min(start, stop);
  }
  return capped(bytes);
}

}  // namespace broker::log
