#include "broker/handlers/remote_append.h"

#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker::handlers {

void RemoteAppend::post(kernel::Mono deadline) {
  deadline_ = deadline;
  target_.shard().post(*this);
}

void RemoteAppend::wait(kernel::Fiber& f) {
  waiter_ = &f;
  while (!done_) f.park_regardless();
}

void RemoteAppend::deliver(kernel::Shard& at) {
  if (&at == &home_.shard()) {
    done_ = true;
    if (waiter_ != nullptr) waiter_->wake();
    return;
  }
  Hosted* hosted = target_.find(key_);
  if (hosted == nullptr || hosted->partition == nullptr) {
    outcome_ = hosted == nullptr ? kernel::fail(replication::PartitionReason::deleted)
                                 : std::unexpected(hosted->why_offline);
    home_.shard().post(*this);
    return;
  }
  outcome_ = hosted->partition->submit(std::move(batch_), log::AppendOrigin::client, append_time_ms_);
  submitted_ = outcome_.has_value();
  if (!submitted_) {
    home_.shard().post(*this);
    return;
  }
  target_.scope().spawn("append", [this, partition = hosted->partition](kernel::Fiber& there) {
    const auto within = there.deadline_at(deadline_);
    const auto safe = partition->wait(there, *outcome_, acks_);
    if (!safe && !BUG(there, "produce.remote_failure_acknowledged")) outcome_ = std::unexpected(safe.error());
    home_.shard().post(*this);
  });
}

}  // namespace broker::handlers
