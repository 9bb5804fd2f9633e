// A batch for a partition on another shard: handed over by one message, so that batches of one connection reach each
// shard in order, and answered by another when it is as safe as asked.
#pragma once

#include "broker/broker_shard.h"
#include "broker/replication/partition.h"
#include "kernel/notify.h"
#include "kernel/shard.h"

namespace broker::handlers {

/// Lives in the sender's request until `done`; the sender waits for it whatever happens.
class RemoteAppend final : private kernel::Message {
 public:
  RemoteAppend(BrokerShard& home, BrokerShard& target, PartitionKey key, kernel::Buffer batch,
               replication::Acks acks, std::optional<std::int64_t> append_time_ms)
      : home_{home}, target_{target}, key_{key}, batch_{std::move(batch)}, acks_{acks}, append_time_ms_{append_time_ms} {}

  /// `deadline` ends the wait for safety on the other side. Once; does not suspend.
  void post(kernel::Mono deadline);
  /// Suspends, not interrupted, until the other side has answered.
  void wait(kernel::Fiber& f);
  [[nodiscard]] const kernel::Result<log::Appended>& outcome() const { return outcome_; }
  /// Whether the batch was taken into the log's order at all.
  [[nodiscard]] bool submitted() const { return submitted_; }

 private:
  void deliver(kernel::Shard& at) override;
  BrokerShard& home_;
  BrokerShard& target_;
  PartitionKey key_;
  kernel::Buffer batch_;
  replication::Acks acks_;
  std::optional<std::int64_t> append_time_ms_;
  kernel::Mono deadline_ = kernel::kNever;
  kernel::Result<log::Appended> outcome_{};
  bool submitted_ = false;
  bool done_ = false;
  kernel::Fiber* waiter_ = nullptr;
};

}  // namespace broker::handlers
