#include "kernel/timer.h"

#include <algorithm>

namespace kernel {
namespace {
constexpr std::size_t kArity = 4;
}

Timer::~Timer() { disarm(); }

void Timer::disarm() {
  if (queue_ != nullptr) queue_->disarm(*this);
}

TimerQueue::~TimerQueue() {
  for (Timer* timer : heap_) timer->queue_ = nullptr;
}

void TimerQueue::place(Timer* timer, std::size_t slot) {
  heap_[slot] = timer;
  timer->slot_ = slot;
}

void TimerQueue::sift_up(Timer* timer, std::size_t slot) {
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / kArity;
    if (!before(*timer, *heap_[parent])) break;
    place(heap_[parent], slot);
    slot = parent;
  }
  place(timer, slot);
}

void TimerQueue::sift_down(Timer* timer, std::size_t slot) {
  for (;;) {
    const std::size_t first = slot * kArity + 1;
    if (first >= heap_.size()) break;
    std::size_t least = first;
    const std::size_t end = std::min(first + kArity, heap_.size());
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(*heap_[child], *heap_[least])) least = child;
    }
    if (!before(*heap_[least], *timer)) break;
    place(heap_[least], slot);
    slot = least;
  }
  place(timer, slot);
}

void TimerQueue::arm(Timer& timer, Mono due) {
  CHECK(timer.queue_ == nullptr);
  timer.queue_ = this;
  timer.due_ = due;
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  sift_up(&timer, heap_.size() - 1);
}

void TimerQueue::disarm(Timer& timer) {
  if (timer.queue_ == nullptr) return;
  CHECK(timer.queue_ == this);
  const std::size_t slot = timer.slot_;
  CHECK(heap_[slot] == &timer);
  timer.queue_ = nullptr;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  if (slot > 0 && before(*last, *heap_[(slot - 1) / kArity])) {
    sift_up(last, slot);
  } else {
    sift_down(last, slot);
  }
}

bool TimerQueue::fire_one(Mono now) {
  if (heap_.empty() || heap_.front()->due_ > now) return false;
  Timer* timer = heap_.front();
  disarm(*timer);
  timer->fire();
  return true;
}

}  // namespace kernel
