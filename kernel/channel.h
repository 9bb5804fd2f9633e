// A bounded queue between fibers of one shard.
//
//   Channel<Job> jobs{16};
//   TRY(jobs.send(f, std::move(job)));                       // suspends while full
//   while (auto job = jobs.receive(f)) { ... }               // Errc::closed after close() and the last item
#pragma once

#include <deque>
#include <utility>

#include "kernel/notify.h"

namespace kernel {

template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_{capacity} { CHECK(capacity > 0); }
  /// Errors: closed, cancelled, deadline; the item is then not in the channel.
  Result<> send(Fiber& f, T item) {
    while (!closed_ && items_.size() >= capacity_) TRY(not_full_.wait(f));
    if (closed_) return fail(Errc::closed);
    items_.push_back(std::move(item));
    not_empty_.notify_one();
    return {};
  }
  /// Errors: closed (and empty), cancelled, deadline.
  Result<T> receive(Fiber& f) {
    while (items_.empty()) {
      if (closed_) return fail(Errc::closed);
      TRY(not_empty_.wait(f));
    }
    T item = std::move(items_.front());
    items_.pop_front();
    not_full_.notify_one();
    return item;
  }
  /// Nothing more is sent; what is inside can still be received.
  void close() {
    closed_ = true;
    not_full_.notify_all();
    not_empty_.notify_all();
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  std::size_t capacity_;
  std::deque<T> items_;
  bool closed_ = false;
  Notify not_empty_;
  Notify not_full_;
};

}  // namespace kernel
