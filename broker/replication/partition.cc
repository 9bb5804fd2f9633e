#include "broker/replication/partition.h"

#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::replication {

using kernel::fail;
using kernel::Fiber;
using kernel::Result;

Result<> Partition::check_epoch(LeaderEpoch expected) const {
  if (expected == LeaderEpoch{-1} || expected == epoch_) return {};
  return fail(expected < epoch_ ? PartitionReason::fenced_leader_epoch : PartitionReason::unknown_leader_epoch,
              expected.raw());
}

Result<log::Appended> Partition::submit(kernel::Buffer batch, log::AppendOrigin origin,
                                        std::optional<std::int64_t> log_append_time_ms) {
  if (deleted_) return fail(PartitionReason::deleted);
  return log_->submit(std::move(batch),
                      {.leader_epoch = epoch_, .origin = origin, .log_append_time_ms = log_append_time_ms});
}

Result<> Partition::wait(Fiber& f, const log::Appended& appended, Acks acks) {
  if (acks == Acks::leader && BUG(f, "produce.leader_ack_before_write")) return {};
  TRY(log_->wait_written(f, appended));
  if (acks == Acks::all) TRY(log_->wait_committed(f, appended));
  if (deleted_) return fail(PartitionReason::deleted);
  return {};
}

Result<Offset> Partition::delete_records(Fiber& f, Offset before) {
  if (deleted_) return fail(PartitionReason::deleted);
  const Offset start = before == Offset{-1} ? high_watermark() : before;
  if (start < Offset{0} || start > high_watermark()) return fail(log::LogReason::offset_out_of_range, start.raw());
  TRY(log_->advance_start(f, start));
  log_->readable().notify_all();
  return log_start();
}

void Partition::mark_deleted() {
  deleted_ = true;
  log_->readable().notify_all();
}

}  // namespace broker::replication
