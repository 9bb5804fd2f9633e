// A budget of units (bytes, slots) that fibers of one shard take and give back. First come, first served: a large
// request is not starved by small ones behind it.
//
//   const Semaphore::Units room = TRY(budget.acquire(f, frame_bytes));   // given back at the end of the block
#pragma once

#include <cstdint>
#include <utility>

#include "kernel/fiber.h"
#include "kernel/intrusive_list.h"

namespace kernel {

class Semaphore {
 public:
  explicit Semaphore(std::int64_t units) : available_{units}, total_{units} {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Units in hand. Gives them back when it goes; may be split and merged.
  class [[nodiscard]] Units {
   public:
    Units() = default;
    Units(Units&& other) noexcept
        : semaphore_{std::exchange(other.semaphore_, nullptr)}, count_{std::exchange(other.count_, 0)} {}
    Units& operator=(Units&& other) noexcept {
      std::swap(semaphore_, other.semaphore_);
      std::swap(count_, other.count_);
      return *this;
    }
    ~Units() { give_back(count_); }
    [[nodiscard]] std::int64_t count() const { return count_; }
    void give_back(std::int64_t units);
    /// Takes over the units of `other`, of the same semaphore.
    void merge(Units&& other);
    /// Hands over `units` of these.
    Units split(std::int64_t units);

   private:
    friend class Semaphore;
    Units(Semaphore& semaphore, std::int64_t count) : semaphore_{&semaphore}, count_{count} {}
    Semaphore* semaphore_ = nullptr;
    std::int64_t count_ = 0;
  };

  /// Suspends until `units` are free and everybody before has been served. Asking for more than the total is our own
  /// error. Errors: cancelled, deadline.
  Result<Units> acquire(Fiber& f, std::int64_t units, Where where = Where::here());
  /// Without waiting. Errors: exhausted.
  Result<Units> try_acquire(std::int64_t units, Where where = Where::here());
  [[nodiscard]] std::int64_t available() const { return available_; }
  [[nodiscard]] std::int64_t total() const { return total_; }

 private:
  struct WaitTag;
  struct Wait final : ListHook<WaitTag> {
    Wait(Fiber& fiber, std::int64_t units) : fiber{fiber}, units{units} {}
    Fiber& fiber;
    std::int64_t units;
    bool granted = false;
  };
  void serve();
  void release(std::int64_t units);
  std::int64_t available_;
  std::int64_t total_;
  IntrusiveList<Wait, WaitTag> waits_;
};

}  // namespace kernel
