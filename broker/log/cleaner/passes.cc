#include "broker/log/cleaner/passes.h"

#include <limits>
#include <set>

#include "broker/log/cleaner/key_collector.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log::cleaner {

using kernel::Buffer;
using kernel::Errc;
using kernel::Fiber;
using kernel::FileHandle;
using kernel::Result;

namespace {

using Items = std::vector<BatchScan::Item>;

/// The next batches, about `bytes_max` of them and at least one; none at the end.
Result<Items> next_chunk(Fiber& f, BatchScan& scan, std::size_t bytes_max) {
  Items items;
  std::size_t bytes = 0;
  while (bytes < bytes_max) {
    auto item = TRY(scan.next_whole(f));
    if (!item) break;
    bytes += item->bytes.size();
    items.push_back(std::move(*item));
  }
  return items;
}

std::uint64_t bytes_of(const Items& items) {
  std::uint64_t bytes = 0;
  for (const BatchScan::Item& item : items) bytes += item.bytes.size();
  return bytes;
}

}  // namespace

Result<Survey> survey(Fiber& f, std::span<const SegmentRef> segments, const SurveyTask& task) {
  const auto keys_expected = static_cast<std::uint64_t>(task.to - task.from);
  Survey out{.map = OffsetMap{task.seed, {.bytes_max = task.map_bytes_max, .load_factor = task.load_factor,
                                          .keys_expected = keys_expected}},
             .end = task.from,
             .full = false,
             .aborted = {},
             .bytes_read = 0};
  KeyCollector keys{out.map, task.from};
  bool more = true;
  for (std::size_t i = 0; i < segments.size() && more; ++i) {
    if (i + 1 < segments.size() && segments[i + 1]->base() <= task.from) continue;
    std::uint64_t position = 0;
    if (segments[i]->base() < task.from) {
      const auto at = TRY(segments[i]->find(f, task.from));
      if (!at) continue;
      position = at->position;
    }
    BatchScan scan{TRY(segments[i]->file(f)), position, segments[i]->size_bytes()};
    while (more) {
      const Items items = TRY(next_chunk(f, scan, task.chunk_bytes));
      if (items.empty()) break;
      more = TRY(kernel::offload(f, [&]() -> Result<bool> {
        for (const BatchScan::Item& item : items) {
          if (item.header.base_offset >= task.to) return false;
          if (!TRY(keys.take(item.header, item.bytes.view()))) return false;
        }
        return true;
      }));
      const std::uint64_t bytes = bytes_of(items);
      out.bytes_read += bytes;
      TRY(task.pace(f, bytes));
    }
  }
  out.end = keys.end(task.to);
  out.full = keys.full();
  out.aborted = keys.aborted();
  return out;
}

Result<SegmentRef> rewrite(Fiber& f, std::span<const SegmentRef> sources, BatchFilter& filter, const RewriteTask& task) {
  CHECK(!sources.empty());
  const auto fresh = std::make_shared<Segment>(task.directory, sources.front()->base(), task.segment_index_bytes,
                                               sources.back()->created_ms(), kCleanedSuffix);
  TRY(fresh->create(f));
  const FileHandle to = TRY(fresh->open_for_write(f));
  std::set<Offset> markers_kept;
  std::optional<net::record::BatchHeader> last_read, last_written;
  const auto write = [&](const FilteredBatches& left) -> Result<> {
    if (left.bytes.empty()) return {};
    const std::array<Buffer, 1> chain{Buffer::copy_of(left.bytes)};
    TRY(kernel::write_all(f, *to, fresh->size_bytes(), chain));
    for (const auto& header : left.headers) {
      fresh->note_batch(header, fresh->size_bytes(), task.index_interval_bytes);
      if (header.is_control() && header.records_count > 0) markers_kept.insert(header.base_offset);
    }
    last_written = left.headers.back();
    return {};
  };
  for (const SegmentRef& source : sources) {
    BatchScan scan{TRY(source->file(f)), 0, source->size_bytes()};
    OffsetOrder order{source->base()};
    for (;;) {
      const Items items = TRY(next_chunk(f, scan, task.chunk_bytes));
      if (items.empty()) break;
      FilteredBatches left;
      TRY(kernel::offload(f, [&]() -> Result<> {
        for (const BatchScan::Item& item : items) {
          TRY(order.take(item.header));
          TRY(filter.take(item.header, item.bytes.view(), left));
        }
        return {};
      }));
      if (fresh->size_bytes() + left.bytes.size() > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()))
        return kernel::fail(Errc::too_large, static_cast<std::int64_t>(fresh->size_bytes()));
      TRY(write(left));
      last_read = items.back().header;
      TRY(task.pace(f, bytes_of(items) + left.bytes.size()));
    }
    // Without its marker nothing of a transaction is left.
    for (const log::AbortedTransaction& aborted : source->transactions().entries())
      if (markers_kept.contains(aborted.marker)) fresh->note_aborted(aborted);
  }
  if (last_read && (!last_written || last_written->last_offset() < last_read->last_offset())) {
    FilteredBatches end;
    BatchFilter::mark_end(*last_read, end);
    TRY(write(end));
  }
  TRY(fresh->finish_indexes(f));
  if (!BUG(f, "log.compacted_not_synced")) TRY(fresh->sync_all(f));
  fresh->note_written(sources.back()->written_ms());
  return fresh;
}

}  // namespace broker::log::cleaner
