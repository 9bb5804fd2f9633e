// A shard: one scheduler's share of a node. Partitions, connections and coordinators live on one shard each; shards
// share nothing and talk by messages. In production a shard is a thread; in simulation a message's delay is a
// seeded choice.
//
//   // Runs on the partition's shard and brings the answer back; captures by reference are safe, the caller waits.
//   const Offset end = TRY(call_on(f, home, [&](Fiber& there) { return partition.append(there, batch); }));
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <string_view>
#include <vector>

#include "kernel/fiber.h"
#include "kernel/metrics.h"

namespace kernel {

class Node;
class Shard;

/// Something to do on another shard, once. Intrusive: it lives in its sender's frame or owns itself, so a mailbox
/// needs no capacity and two busy shards cannot lock each other. How many there are is bounded by who sends.
class Message {
 public:
  virtual ~Message() = default;
  /// Runs on the receiving shard's loop; may start fibers, may not suspend.
  virtual void deliver(Shard& at) = 0;
  Message* next = nullptr;  ///< for the mailbox
};

class Shard {
 public:
  Shard(Node& node, std::uint32_t id, Scheduler& scheduler) : node_{node}, id_{id}, scheduler_{scheduler} {}
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  virtual ~Shard() = default;

  [[nodiscard]] Node& node() const { return node_; }
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] Scheduler& scheduler() const { return scheduler_; }
  [[nodiscard]] MetricRegistry& metrics() { return metrics_; }
  /// Delivers `message` on this shard later, in the order of posting per sender. From any shard of the same node.
  virtual void post(Message& message) = 0;
  /// True once the node is killed; what fibers leave behind must not act then.
  [[nodiscard]] bool dead() const { return dead_; }
  /// The names of the fibers that live here, the oldest first: who is still at work, or waits for ever.
  [[nodiscard]] std::vector<std::string_view> fiber_names();

 private:
  friend class Fiber;
  friend class Scheduler;
  Node& node_;
  std::uint32_t id_;
  Scheduler& scheduler_;
  MetricRegistry metrics_;
  IntrusiveList<Fiber, ShardTag> fibers_;  // oldest first
  RunQueue held_fibers_;
  bool dead_ = false;
  bool held_ = false;
};

namespace detail {

/// A call in progress, in the caller's frame: request and reply are one message that travels there and back, a
/// cancellation another.
class CallBase {
 public:
  CallBase(Fiber& caller, Shard& target) : caller_{caller}, home_{caller.shard()}, target_{target} {}
  CallBase(const CallBase&) = delete;
  CallBase& operator=(const CallBase&) = delete;
  void run();

 protected:
  ~CallBase() = default;
  virtual void work(Fiber& there) = 0;

 private:
  struct Request final : Message {
    explicit Request(CallBase& call) : call{call} {}
    void deliver(Shard& at) override;
    CallBase& call;
  };
  struct Cancel final : Message {
    explicit Cancel(CallBase& call) : call{call} {}
    void deliver(Shard& at) override;
    CallBase& call;
  };
  Fiber& caller_;
  Shard& home_;
  Shard& target_;
  Request request_{*this};
  Cancel cancel_{*this};
  Mono deadline_ = kNever;
  Fiber* worker_ = nullptr;  // touched on the target only
  bool request_back_ = false;
  bool cancel_sent_ = false;
  bool cancel_back_ = false;
};

template <class F>
class Call final : public CallBase {
 public:
  using Value = std::invoke_result_t<F&, Fiber&>;
  Call(Fiber& caller, Shard& target, F& work) : CallBase{caller, target}, work_{work} {}
  Value take() { return std::move(*value_); }

 private:
  void work(Fiber& there) override { value_.emplace(work_(there)); }
  F& work_;
  std::optional<Value> value_;
};

}  // namespace detail

/// Runs `work(Fiber&)` on `target` and answers its value (which must not be void). The deadline and a cancellation of
/// `f` travel along; the call returns when the work has ended. On the caller's own shard it is a plain call.
template <class F>
auto call_on(Fiber& f, Shard& target, F&& work) {
  if (&target == &f.shard()) return work(f);
  detail::Call<std::remove_reference_t<F>> call{f, target, work};
  call.run();
  return call.take();
}

}  // namespace kernel
