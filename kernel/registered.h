// For backends: the one fiber that waits for something, noted where whoever makes it happen looks.
//
//   const Registered registered{reader_, f};      // reader_ is a Fiber*; null while nobody waits
//   while (!readable()) TRY(f.park());            // the other side: if (reader_ != nullptr) reader_->wake()...
#pragma once

#include "kernel/check.h"

namespace kernel {

class Fiber;

/// Registers the fiber as the one to wake, for as long as it waits. At most one may.
class Registered {
 public:
  Registered(Fiber*& slot, Fiber& f) : slot_{slot} {
    CHECK(slot == nullptr);
    slot = &f;
  }
  ~Registered() { slot_ = nullptr; }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  Fiber*& slot_;
};

}  // namespace kernel
