// The indexes of a segment that was being written when its process was killed.
#include "broker/log/segment.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::log {

using kernel::Buffer;
using kernel::Fiber;
using kernel::Result;

Result<bool> Segment::resume(Fiber& f, std::uint64_t position, Offset end, std::uint32_t index_interval_bytes) {
  CHECK(!active_ && position <= size_bytes_);
  const auto read = [&](std::string_view suffix, std::size_t entry_bytes) -> Result<Buffer> {
    const kernel::FileHandle opened = TRY(open(f, suffix, kernel::OpenMode::read_only()));
    const Buffer bytes = TRY(kernel::read_all(f, *opened));
    return bytes.slice(0, bytes.size() - bytes.size() % entry_bytes);  // killed in the midst of a write
  };
  const auto index_bytes = read(".index", OffsetIndex::kEntryBytes);
  const auto time_bytes = read(".timeindex", TimeIndex::kEntryBytes);
  for (const auto* bytes : {&index_bytes, &time_bytes}) {
    if (*bytes) continue;
    const bool is_missing = bytes->error().is(kernel::Errc::no_such_file) || bytes->error().is(kernel::Errc::corrupt);
    return is_missing ? Result<bool>{false} : std::unexpected(bytes->error());
  }
  auto index = OffsetIndex::parse(base_, index_bytes->view(), index_bytes_max_ / OffsetIndex::kEntryBytes);
  auto time_index = TimeIndex::parse(base_, time_bytes->view(), index_bytes_max_ / TimeIndex::kEntryBytes);
  if (!index || !time_index) return false;
  index->truncate(end);
  time_index->truncate(end);
  const auto last = index->last();
  const auto youngest = time_index->last();
  if (last && static_cast<std::uint64_t>(last->position) >= position) return false;
  if (youngest && !TRY(holds_youngest(f, *index, *youngest))) return false;

  // From the last entry on as when they were appended.
  Segment known{directory_, base_, index_bytes_max_, created_ms_};
  known.size_bytes_ = last ? static_cast<std::uint64_t>(last->position) : 0;
  const std::size_t entries = index->size();
  const std::size_t times = time_index->size();
  known.index_ = std::move(*index);
  known.time_index_ = std::move(*time_index);
  if (youngest) {
    known.max_timestamp_ms_ = youngest->timestamp_ms;
    known.max_timestamp_offset_ = youngest->offset;
  }
  const kernel::FileHandle batches = TRY(file(f));
  if (known.size_bytes_ > 0) {
    BatchScan start{batches, 0, position};
    if (const auto first = TRY(start.next_header(f))) known.first_timestamp_ms_ = first->header.max_timestamp_ms;
  }
  BatchScan scan{batches, known.size_bytes_, position};
  OffsetOrder order{base_};
  while (const auto item = TRY(scan.next_header(f))) {
    const net::record::BatchHeader& header = item->header;
    TRY(order.take(header));
    if (last && item->position == static_cast<std::uint64_t>(last->position) && header.last_offset() != last->offset) return false;
    // An entry speaks for all that lies before its batch.
    if (youngest && header.max_timestamp_ms > youngest->timestamp_ms && header.last_offset() < youngest->offset) return false;
    if (BUG(f, "log.tail_behind_index_forgotten")) continue;
    known.note_batch(header, item->position, index_interval_bytes);
  }
  if (order.next() != end) return false;
  take_indexes(known);
  size_bytes_ = position;
  index_written_ = entries;
  time_index_written_ = times;
  if (unread_) unread_->end = position;
  return true;
}

}  // namespace broker::log
