// The fibers a client runs for itself. They live in a scope of the caller, own the client's state together with the
// handle the caller holds, and are all told to end by stop(): a destructor can then end a client without suspending,
// and the caller's scope waits for what is left.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/notify.h"
#include "kernel/scope.h"

namespace clients::core {

class Crew {
 public:
  explicit Crew(kernel::Scope& scope) : scope_{scope} {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// Starts a fiber that keeps `owner` (which owns this crew) alive. Nothing starts after stop().
  template <class Owner, class F>
  void spawn(std::string_view name, Owner owner, F body) {
    if (stopped_) return;
    ++starting_;
    scope_.spawn(name, [this, owner = std::move(owner), body = std::move(body)](kernel::Fiber& f) mutable {
      const Member member{*this, f};
      if (!stopped_) body(f);
    });
  }
  /// Cancels every member. Does not suspend.
  void stop() {
    stopped_ = true;
    for (kernel::Fiber* member : members_) member->cancel();
  }
  [[nodiscard]] bool stopped() const { return stopped_; }
  /// Suspends until no member is left. Errors: cancelled, deadline.
  kernel::Result<> wait_empty(kernel::Fiber& f) {
    while (starting_ > 0 || !members_.empty()) TRY(left_.wait(f));
    return {};
  }

 private:
  struct Member {
    Member(Crew& crew, kernel::Fiber& fiber) : crew{crew}, fiber{fiber} {
      --crew.starting_;
      crew.members_.push_back(&fiber);
    }
    ~Member() {
      std::erase(crew.members_, &fiber);
      crew.left_.notify_all();
    }
    Crew& crew;
    kernel::Fiber& fiber;
  };
  kernel::Scope& scope_;
  std::vector<kernel::Fiber*> members_;
  std::size_t starting_ = 0;
  bool stopped_ = false;
  kernel::Notify left_;
};

}  // namespace clients::core
