#include "clients/consumer/fetched.h"

#include <algorithm>
#include <set>

#include "net/record/batch_reader.h"
#include "net/record/control.h"
#include "net/record/validate.h"

namespace clients::consumer {

using core::Reason;
using net::Offset;
using net::record::BatchView;

namespace {

/// Which producers' records are of an aborted transaction, as the run is walked.
class AbortedFilter {
 public:
  AbortedFilter(const AbortedList& aborted, IsolationLevel isolation)
      : active_{isolation == IsolationLevel::read_committed} {
    if (!active_ || !aborted) return;
    for (const auto& one : *aborted) pending_.emplace_back(one.first_offset, one.producer_id);
    std::ranges::sort(pending_);
  }

  /// Errors: those of reading a control record.
  kernel::Result<bool> hides(const BatchView& batch) {
    if (!active_ || !batch.header.has_producer()) return false;
    while (next_ < pending_.size() && pending_[next_].first <= batch.header.last_offset())
      aborted_.insert(pending_[next_++].second);
    if (batch.header.is_control()) {
      const auto marker = TRY(net::record::parse_transaction_marker(batch.header, batch.records()));
      if (marker && marker->type == net::record::ControlType::abort) aborted_.erase(batch.header.producer_id);
      return true;
    }
    return batch.header.is_transactional() && aborted_.contains(batch.header.producer_id);
  }

 private:
  bool active_;
  std::vector<std::pair<Offset, net::ProducerId>> pending_;
  std::size_t next_ = 0;
  std::set<net::ProducerId> aborted_;
};

}  // namespace

FetchedRun read_fetched(const kernel::Buffer& frame, kernel::ByteView records, Offset from, const AbortedList& aborted,
                        const ConsumerConfig& config) {
  FetchedRun run;
  run.next_offset = from;
  AbortedFilter filter{aborted, config.isolation};
  net::record::BatchReader reader{records};
  bool any = false;
  const auto stop = [&] {
    run.error = kernel::fail(Reason::corrupt_batch, run.next_offset.raw()).error();
    return run;
  };
  for (;;) {
    const auto next = reader.next();
    if (!next) return stop();
    if (!*next) break;
    const BatchView& batch = **next;
    any = true;
    if (config.check_crcs && !net::record::check_whole(batch.header, {&batch.bytes, 1})) return stop();
    const auto hidden = filter.hides(batch);
    if (!hidden) return stop();
    if (batch.header.last_offset() < run.next_offset) continue;
    run.next_offset = batch.header.next_offset();
    if (*hidden || batch.header.is_control()) {
      if (!run.batches.empty()) run.batches.back().next_offset = run.next_offset;
      continue;
    }
    const auto at = static_cast<std::size_t>(batch.bytes.data() - frame.data());
    run.batches.push_back({batch.header, frame.slice(at, batch.bytes.size()), run.next_offset});
    run.bytes += batch.bytes.size();
  }
  run.cut_short = !any && !records.empty();
  return run;
}

}  // namespace clients::consumer
