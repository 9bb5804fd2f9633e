// Which leader epoch wrote which stretch of a log: what followers and consumers compare to find where two copies of a
// partition went apart. The content of leader-epoch-checkpoint.
//
//   LeaderEpochs epochs{TRY(parse_leader_epochs(text))};
//   if (epochs.assign(epoch, log_end)) save(format_leader_epochs(epochs.entries()));
//
// Entries have strictly increasing epochs and strictly increasing start offsets. Pure; functions that change it say
// whether they did, and the caller then writes the file.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "net/types.h"

namespace broker::log {

using net::LeaderEpoch;
using net::Offset;

struct EpochStart {
  LeaderEpoch epoch{0};
  Offset start{0};
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

class LeaderEpochs {
 public:
  LeaderEpochs() = default;
  /// `entries` as a checkpoint holds them: in order.
  explicit LeaderEpochs(std::vector<EpochStart> entries);

  /// Notes that `epoch` begins at `start`. Entries that contradict it (an epoch or a start not below) give way.
  bool assign(LeaderEpoch epoch, Offset start);
  /// The log now ends at `end`: entries that start there or later go.
  bool truncate_from_end(Offset end);
  /// The log now starts at `start`: the entry that covers it starts there, earlier ones go.
  bool truncate_from_start(Offset start);

  /// Where the largest epoch not above `requested` ends, and which it is; Kafka's OffsetForLeaderEpoch answer.
  /// Nothing when `requested` is above all epochs known (or there are none). When it lies below all, the answer is
  /// `requested` itself, ending where the first known one starts. The latest epoch ends at `log_end`.
  struct End {
    LeaderEpoch epoch{0};
    Offset end{0};
    friend bool operator==(const End&, const End&) = default;
  };
  [[nodiscard]] std::optional<End> end_of(LeaderEpoch requested, Offset log_end) const;
  /// The epoch that wrote the record at `offset`; nothing before the first entry.
  [[nodiscard]] std::optional<LeaderEpoch> epoch_at(Offset offset) const;
  [[nodiscard]] std::optional<EpochStart> latest() const;
  [[nodiscard]] std::span<const EpochStart> entries() const { return entries_; }

  void invariants() const;

 private:
  std::vector<EpochStart> entries_;
};

}  // namespace broker::log
