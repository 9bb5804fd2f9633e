#include "clients/producer/record.h"

namespace clients::producer {

Delivery DeliveryFuture::delivery() const {
  CHECK(is_done());
  Delivery mine = *fate_->delivery;
  if (mine.offset.raw() >= 0) mine.offset = mine.offset + index_;
  if (mine.timestamp_ms < 0) mine.timestamp_ms = timestamp_ms_;
  return mine;
}

kernel::Result<Delivery> DeliveryFuture::get(kernel::Fiber& f) const {
  while (!is_done()) TRY(fate_->decided.wait(f));
  return delivery();
}

}  // namespace clients::producer
