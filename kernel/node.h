// A node: what the code above sees of a machine and of its process on it. It is passed in (through the fiber), never
// reached through a global: many nodes live in one simulated process.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/disk.h"
#include "kernel/log.h"
#include "kernel/network.h"
#include "kernel/random.h"
#include "kernel/result.h"
#include "kernel/shard.h"

namespace kernel {

/// A function to run elsewhere, borrowed.
class WorkRef {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cv_t<F>, WorkRef>)
  explicit WorkRef(F& work) : object_{&work}, call_{[](void* object) { (*static_cast<F*>(object))(); }} {}
  void operator()() const { call_(object_); }

 private:
  void* object_;
  void (*call_)(void*);
};

class Node {
 public:
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] Clock& clock() const { return *doors_.clock; }
  [[nodiscard]] Disk& disk() const { return *doors_.disk; }
  [[nodiscard]] Network& network() const { return *doors_.network; }
  [[nodiscard]] Console& console() const { return *doors_.console; }
  [[nodiscard]] LogSink& log_sink() const { return *doors_.log_sink; }
  /// Shard 0 always exists and runs the node's main fiber.
  [[nodiscard]] std::span<Shard* const> shards() const { return shards_; }

  /// A generator for `entity` of a domain; two calls with the same arguments draw the same numbers.
  [[nodiscard]] virtual Random random(Domain domain, std::uint64_t entity) const = 0;
  /// See Fiber::nudge.
  [[nodiscard]] virtual bool nudge(std::string_view name) = 0;
  /// Notes that a rare path named by its room's table of marks was reached (kernel/mark.h).
  virtual void mark(std::string_view name) = 0;
  /// The planted bug of this run, empty in every build but the mutants one (kernel/bug.h).
  [[nodiscard]] virtual std::string_view planted_bug() const { return {}; }
  /// Runs pure work (no I/O, no fibers, nothing shared) that takes longer than a slice: on a worker in production,
  /// inline with a seeded delay in simulation. Suspends; not interrupted by deadline or cancellation.
  virtual void offload(Fiber& f, WorkRef work) = 0;
  /// Asks the node to end in an orderly way; what Ctrl-C does. Wakes stop_requested().
  [[nodiscard]] virtual bool stop_requested() const = 0;
  virtual Result<> wait_for_stop(Fiber& f) = 0;

 protected:
  struct Doors {
    Clock* clock = nullptr;
    Disk* disk = nullptr;
    Network* network = nullptr;
    Console* console = nullptr;
    LogSink* log_sink = nullptr;
  };
  explicit Node(std::string name) : name_{std::move(name)} {}
  void open_doors(Doors doors) { doors_ = doors; }
  void add_shard(Shard& shard) { shards_.push_back(&shard); }

 private:
  std::string name_;
  Doors doors_;
  std::vector<Shard*> shards_;
};

/// Offloads a callable and answers its value.
template <class F>
auto offload(Fiber& f, F&& work) {
  std::optional<std::invoke_result_t<F&>> value;
  auto run = [&] { value.emplace(work()); };
  f.node().offload(f, WorkRef{run});
  return std::move(*value);
}

}  // namespace kernel
