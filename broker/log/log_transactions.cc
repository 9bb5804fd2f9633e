// What is decided and what was aborted: the last stable offset, and the transactions that readers of committed records
// must leave out.
#include <algorithm>

#include "broker/log/directory_shard.h"
#include "broker/log/log.h"
#include "broker/log/recovery.h"
#include "net/record/validate.h"

namespace broker::log {

using kernel::Fiber;
using kernel::Result;

Offset Log::last_stable_offset() const {
  Offset stable = std::min(committed_, producers_.first_open().value_or(committed_));
  // Markers wait for one sync at most.
  for (const EndedTransaction& ended : ended_) stable = std::min(stable, ended.first);
  return std::max(stable, log_start_);
}

Result<std::vector<AbortedTransaction>> Log::aborted_transactions(Fiber& f, Offset from, Offset to) {
  std::vector<AbortedTransaction> found;
  // Retention and compaction may take segments while one of them is looked at.
  const std::vector<SegmentRef> segments = segments_;
  for (std::size_t i = segment_of(from); i < segments.size() && segments[i]->base() < committed_; ++i) {
    const Result<> known = load_transactions(f, segments, i);
    if (from < log_start_) return kernel::fail(LogReason::offset_out_of_range, from.raw());
    if (!known) return std::unexpected(damaged_at(f, *segments[i], 0, known.error()));
    if (segments[i]->transactions().collect(from, to, found)) break;
  }
  std::ranges::sort(found, {}, &AbortedTransaction::first);
  return found;
}

Result<> Log::load_transactions(Fiber& f, const std::vector<SegmentRef>& segments, std::size_t index) {
  Segment& segment = *segments[index];
  if (segment.transactions_known()) return {};
  const auto one_at_a_time = TRY(loading_transactions_.lock(f));
  if (segment.transactions_known()) return {};
  // A transaction that ends here may have begun before.
  ProducerState producers = TRY(rebuild_producers(f, path_, segments, segment.base(), segment.base()));
  TransactionIndex aborted;
  BatchScan scan{TRY(segment.file(f)), 0, segment.unread_transactions_end()};
  OffsetOrder order{segment.base()};
  while (const auto item = TRY(scan.next_whole(f))) {
    const kernel::ByteView bytes = item->bytes.view();
    TRY(net::record::check_whole(item->header, {&bytes, 1}));
    TRY(order.take(item->header));
    const auto ended = TRY(apply_batch(producers, item->header, bytes));
    if (ended && ended->aborted) aborted.append(AbortedTransaction::of(*ended));
  }
  return segment.take_transactions(f, aborted);
}

}  // namespace broker::log
