// Reads many partitions for one fetch, wherever they live, and waits until there is enough to read.
//
//   Reader reader{shard, targets};
//   TRY(reader.wait_for(f, min_bytes, deadline));
//   reader.read(f, bytes_max);      // targets[i].slice and watermarks
#pragma once

#include <vector>

#include "broker/broker_shard.h"
#include "net/errors.h"

namespace broker::fetch {

/// One partition to read, and what was found.
struct Target {
  // What is wanted.
  PartitionKey key;
  net::Offset offset{0};
  net::LeaderEpoch current_leader_epoch{-1};
  net::LeaderEpoch last_fetched_epoch{-1};
  std::size_t bytes_max = 0;
  /// Nothing of a transaction that is open is read, nor what follows it.
  bool read_committed = false;
  /// Set from the start when the partition is not known; nothing is read then.
  net::ErrorCode error{};

  // What was found.
  net::Offset high_watermark{-1};
  net::Offset last_stable_offset{-1};
  net::Offset log_start{-1};
  net::LeaderEpoch leader_epoch{-1};
  std::optional<log::LeaderEpochs::End> diverging;
  log::Slice slice;
  /// With read_committed: those that reach into `slice`.
  std::vector<log::AbortedTransaction> aborted;
  std::size_t readable_bytes = 0;
};

class Reader {
 public:
  Reader(BrokerShard& shard, std::vector<Target>& targets);

  /// Suspends until `bytes_min` can be read over all targets, one of them has an error or an answer other than bytes,
  /// or `deadline`. Errors: cancelled.
  kernel::Result<> wait_for(kernel::Fiber& f, std::size_t bytes_min, kernel::Mono deadline);
  /// Reads in the order of the targets, at most `bytes_max` in all, but the first one that has anything gives at
  /// least one batch (KIP-74). Answers how many bytes.
  std::size_t read(kernel::Fiber& f, std::size_t bytes_max);

 private:
  /// The targets of one shard.
  struct Group {
    BrokerShard* home;
    std::vector<Target*> targets;
  };
  struct Seen {
    std::size_t bytes = 0;
    bool ready = false;
    /// A marker will let more be read than it has bytes.
    bool withheld = false;
  };
  Seen look(kernel::Fiber& f);
  static Seen look_at(BrokerShard& home, const Group& group);
  static bool judge(BrokerShard& home, Target& target, replication::Partition*& partition);
  static void read_group(kernel::Fiber& there, Group& group, std::size_t bytes_max, std::size_t& taken);
  kernel::Result<> wait_for_change(kernel::Fiber& f, std::size_t missing);

  BrokerShard& shard_;
  std::vector<Group> groups_;
  std::vector<std::size_t> group_bytes_;  // as last looked at
};

}  // namespace broker::fetch
