#include "kernel/shard.h"

namespace kernel::detail {

void CallBase::Request::deliver(Shard& at) {
  if (&at == &call.home_) {
    call.request_back_ = true;
    call.caller_.wake();
    return;
  }
  // Root fiber: its owner is the caller on the other shard, which waits for it.
  call.worker_ = &Fiber::start(at, nullptr, "call", [&call = call](Fiber& there) {
    {
      const auto within = there.deadline_at(call.deadline_);
      call.work(there);
    }
    call.worker_ = nullptr;
    call.home_.post(call.request_);
  });
}

void CallBase::Cancel::deliver(Shard& at) {
  if (&at == &call.home_) {
    call.cancel_back_ = true;
    call.caller_.wake();
    return;
  }
  if (call.worker_ != nullptr) call.worker_->cancel();
  call.home_.post(*this);
}

void CallBase::run() {
  deadline_ = caller_.deadline();
  target_.post(request_);
  while (!request_back_ || (cancel_sent_ && !cancel_back_)) {
    if (caller_.cancelled() && !cancel_sent_ && !request_back_) {
      cancel_sent_ = true;
      target_.post(cancel_);
    }
    caller_.park_regardless();
  }
}

}  // namespace kernel::detail
