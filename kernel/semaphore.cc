#include "kernel/semaphore.h"

namespace kernel {

void Semaphore::Units::give_back(std::int64_t units) {
  CHECK(units <= count_);
  if (units == 0) return;
  count_ -= units;
  semaphore_->release(units);
}

void Semaphore::Units::merge(Units&& other) {
  if (semaphore_ == nullptr) semaphore_ = other.semaphore_;
  CHECK(other.semaphore_ == nullptr || other.semaphore_ == semaphore_);
  count_ += std::exchange(other.count_, 0);
}

Semaphore::Units Semaphore::Units::split(std::int64_t units) {
  CHECK(units >= 0 && units <= count_);
  if (units == 0) return {};
  count_ -= units;
  return Units{*semaphore_, units};
}

Result<Semaphore::Units> Semaphore::try_acquire(std::int64_t units, Where where) {
  if (!waits_.empty() || available_ < units) return fail(Errc::exhausted, units, where);
  available_ -= units;
  return Units{*this, units};
}

Result<Semaphore::Units> Semaphore::acquire(Fiber& f, std::int64_t units, Where where) {
  CHECK(units >= 0 && units <= total_);
  if (waits_.empty() && available_ >= units) {
    available_ -= units;
    return Units{*this, units};
  }
  Wait wait{f, units};
  waits_.push_back(wait);
  while (!wait.granted) {
    const Result<> parked = f.park(where);
    if (!parked && !wait.granted) {
      wait.unlink();
      serve();  // the one behind may fit where this one did not
      return std::unexpected(parked.error());
    }
  }
  return Units{*this, units};
}

void Semaphore::serve() {
  while (!waits_.empty() && waits_.front().units <= available_) {
    Wait& wait = waits_.pop_front();
    available_ -= wait.units;
    wait.granted = true;
    wait.fiber.wake();
  }
}

void Semaphore::release(std::int64_t units) {
  available_ += units;
  CHECK(available_ <= total_);
  serve();
}

}  // namespace kernel
