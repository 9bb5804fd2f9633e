// Sends records: gathers them into batches by partition, keeps several batches in flight, sends again what may be
// sent again, and says of each record what became of it. Idempotent unless told otherwise: no duplicates, no gaps and
// no reordering within a partition, whatever the network does.
//
//   kernel::Scope scope{f};
//   auto cluster = std::make_shared<core::Cluster>(scope, client_config);
//   {
//     auto producer = TRY(Producer::open(scope, cluster, {.linger = 5ms}));
//     DeliveryFuture one = TRY(producer->send(f, {.topic = "orders", .key = key, .value = value}));
//     const Delivery done = TRY(one.get(f));           // ok(offset) | failed(error) | unknown(error)
//     TRY(producer->close(f));                         // flushes
//   }
//   cluster.reset();
//   TRY(scope.join(f));
//
// Lives on one shard; many fibers may send. Records of one fiber to one partition keep their order. A producer that
// goes without close() gives up what is left: unknown if it was sent, else failed.
#pragma once

#include <functional>
#include <memory>

#include "clients/core/cluster.h"
#include "clients/producer/attempt.h"
#include "clients/producer/config.h"
#include "clients/producer/record.h"

namespace clients::producer {

using ClusterRef = std::shared_ptr<core::Cluster>;

class Producer {
 public:
  /// Nothing is contacted yet. `scope` is joined after the producer is gone.
  /// Errors: invalid_config (idempotence without acks=all or with more than 5 in flight; a bad compression level;
  /// batches or requests that do not fit the buffer).
  static kernel::Result<std::unique_ptr<Producer>> open(kernel::Scope& scope, ClusterRef cluster,
                                                        ProducerConfig config = {});
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer();

  /// Takes a record. Suspends while the topic is not known yet or the buffer is full, at most max.block.ms.
  /// Errors (the record is then not taken and will not be sent): those of Cluster::topic(), unknown_partition,
  /// record_too_large, exhausted (the buffer stayed full), closed, broker_error (the broker refuses this producer),
  /// deadline, cancelled.
  kernel::Result<DeliveryFuture> send(kernel::Fiber& f, const Record& record);
  /// Sends everything taken before this call without lingering and waits until all of it is decided.
  /// Errors (delivery goes on): deadline, cancelled, closed.
  kernel::Result<> flush(kernel::Fiber& f);
  /// No more records; flushes, then ends. When the fiber's deadline comes first, the rest is given up.
  kernel::Result<> close(kernel::Fiber& f);

  struct Stats {
    std::uint64_t records_taken = 0;
    std::uint64_t records_ok = 0;
    std::uint64_t records_failed = 0;
    std::uint64_t records_unknown = 0;
    std::uint64_t batches_sent = 0;  ///< attempts
    std::uint64_t batches_resent = 0;
    std::uint64_t bytes_sent = 0;
  };
  [[nodiscard]] const Stats& stats() const;
  /// Records taken and not decided yet.
  [[nodiscard]] std::uint64_t pending_records() const;

 private:
  struct State;
  explicit Producer(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
};

}  // namespace clients::producer
