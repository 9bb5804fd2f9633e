// A value that one fiber will give and others of the same shard wait for.
#pragma once

#include <optional>
#include <utility>

#include "kernel/notify.h"

namespace kernel {

template <class T>
class Future {
 public:
  /// At most once.
  void set(T value) {
    CHECK(!value_.has_value());
    value_.emplace(std::move(value));
    set_.notify_all();
  }
  [[nodiscard]] bool is_set() const { return value_.has_value(); }
  /// Suspends until set; the value stays. Errors: cancelled, deadline.
  Result<T*> get(Fiber& f, Where where = Where::here()) {
    while (!value_) TRY(set_.wait(f, where));
    return &*value_;
  }

 private:
  std::optional<T> value_;
  Notify set_;
};

}  // namespace kernel
