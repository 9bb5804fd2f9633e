// Fibers live in scopes. A Scope on the stack is joined before it dies, so a reference to anything declared before it
// is safe in its children, and nothing runs on after a stop.
//
//   Scope requests{f};
//   requests.spawn("fetch", [&](Fiber& child) -> Result<> { return fetch(child, partition); });
//   TRY(requests.join(f));
//
// Cancelling a fiber cancels the children of the scopes it has open. The destructor only checks.
#pragma once

#include <optional>

#include "kernel/fiber.h"

namespace kernel {

class Scope final : public ListHook<OpenScopesTag> {
 public:
  explicit Scope(Fiber& owner);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  /// Starts a child on the owner's shard. `body` takes Fiber& and answers nothing or Result<>.
  template <class F>
  Fiber& spawn(std::string_view name, F&& body) {
    return Fiber::start(owner_.shard(), this, name,
                        [this, body = std::forward<F>(body)](Fiber& child) mutable {
                          if constexpr (std::is_void_v<std::invoke_result_t<F&, Fiber&>>) {
                            static_cast<void>(this);  // clang wants every capture used
                            body(child);
                          } else {
                            note(body(child));
                          }
                        });
  }
  /// Suspends until every child has ended, also when the owner is cancelled (which cancels them).
  /// Answers the first error a child ended with, other than having been cancelled.
  Result<> join(Fiber& f);
  /// Cancels the children there are now.
  void cancel();
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] Fiber& owner() const { return owner_; }

 private:
  friend class Fiber;
  friend class Scheduler;
  void note(Result<> outcome) {
    if (!outcome && !first_error_ && !outcome.error().is(Errc::cancelled)) first_error_ = outcome.error();
  }
  void adopt(Fiber& child);
  void child_ended(Fiber& child);

  Fiber& owner_;
  IntrusiveList<Fiber, ScopeTag> children_;
  std::size_t count_ = 0;
  bool joining_ = false;
  std::optional<Error> first_error_;
};

}  // namespace kernel
