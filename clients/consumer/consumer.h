// Reads partitions that the caller assigns. Fetches ahead from every broker that leads some of them and hands out one
// record batch at a time, as views into the fetched bytes.
//
//   auto consumer = TRY(Consumer::open(scope, cluster, {.offset_reset = OffsetReset::earliest}));
//   TRY(consumer->assign({"orders", net::PartitionId{0}}, Beginning{}));
//   while (auto polled = TRY(consumer->poll(f, 1s))) {
//     if (polled->error) ...                                 // of this partition; it is halted until seek()
//     for (const auto& record : polled->records) use(record.offset, record.key, record.value);
//   }
//
// Lives on one shard. Order within a partition is the log's; nothing is left out and nothing comes twice unless the
// caller seeks. Records of aborted transactions are left out with read_committed. When the log was cut below the
// position (unclean election), the consumer notices by leader epochs (KIP-320): with an offset_reset policy it goes
// back to where the log ends, without one the partition halts with log_truncated.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "clients/consumer/config.h"
#include "clients/consumer/offsets.h"
#include "kernel/buffer.h"
#include "net/record/record_iterator.h"

namespace clients::consumer {

using ClusterRef = std::shared_ptr<core::Cluster>;
using core::TopicPartition;

/// Records of one batch, or a problem of one partition. Owns the bytes its records point into; move it, do not copy.
struct Polled {
  TopicPartition at;
  std::vector<net::record::RecordView> records;
  net::Offset next_offset{0};      ///< the position after them
  net::Offset high_watermark{-1};  ///< the end of what may be read, when this was fetched
  std::optional<kernel::Error> error{};

  kernel::Buffer bytes{};
  std::optional<net::record::RecordRegion> region{};
  Polled() = default;
  Polled(Polled&&) = default;
  Polled& operator=(Polled&&) = default;
};

class Consumer {
 public:
  /// Nothing is contacted yet. `scope` is joined after the consumer is gone.
  static kernel::Result<std::unique_ptr<Consumer>> open(kernel::Scope& scope, ClusterRef cluster,
                                                        ConsumerConfig config = {});
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;
  ~Consumer();

  /// Reads this partition too, or from elsewhere if it was assigned before. Does not suspend; a topic that does not
  /// exist is waited for. `read_epoch` is the leader epoch of the last record before an offset, where known: then it is
  /// noticed if the log was cut below it since.
  void assign(const TopicPartition& at, Start start, net::LeaderEpoch read_epoch = net::kLeaderEpochNone);
  void unassign(const TopicPartition& at);
  [[nodiscard]] std::vector<TopicPartition> assignment() const;
  [[nodiscard]] bool is_assigned(const TopicPartition& at) const;

  /// The next batch of some partition, in turn; nothing after `wait_max`. Errors: closed, deadline, cancelled.
  kernel::Result<std::optional<Polled>> poll(kernel::Fiber& f, kernel::Duration wait_max);
  /// Whether poll() would have something at once, and who is told when that may have become so: for waiting for more
  /// than records.
  [[nodiscard]] bool has_pollable() const;
  [[nodiscard]] kernel::Notify& arrived() const;

  /// Continues elsewhere; also revives a halted partition. Assigned ones only.
  void seek(const TopicPartition& at, Start start);
  void pause(const TopicPartition& at);
  void resume(const TopicPartition& at);
  /// The offset of the next record that poll() may hand out; nothing while the start is being looked up.
  [[nodiscard]] std::optional<net::Offset> position(const TopicPartition& at) const;
  /// The leader epoch of the last record handed out; kLeaderEpochNone if that is not known.
  [[nodiscard]] net::LeaderEpoch position_epoch(const TopicPartition& at) const;

  /// Where these logs end for this consumer (high watermark, or last stable offset with read_committed), asked now.
  /// Errors: those of list_offsets().
  kernel::Result<std::map<TopicPartition, net::Offset>> end_offsets(kernel::Fiber& f,
                                                                    const std::vector<TopicPartition>& partitions);
  kernel::Result<std::map<TopicPartition, net::Offset>> beginning_offsets(
      kernel::Fiber& f, const std::vector<TopicPartition>& partitions);

  struct Stats {
    std::uint64_t fetches = 0;
    std::uint64_t fetched_bytes = 0;
    std::uint64_t records = 0;
    std::uint64_t sessions_lost = 0;
    std::size_t buffered_bytes = 0;
  };
  [[nodiscard]] const Stats& stats() const;
  /// Ends fetching; suspends until the consumer's fibers are gone.
  kernel::Result<> close(kernel::Fiber& f);

 private:
  struct State;
  explicit Consumer(std::shared_ptr<State> state) : state_{std::move(state)} {}
  std::shared_ptr<State> state_;
};

}  // namespace clients::consumer
