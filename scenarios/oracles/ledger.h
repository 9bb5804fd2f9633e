// What clients were told, kept by somebody who forgets nothing: the reference against which every later answer is held.
//
// Judged as it happens: L1 (an offset names one record for ever), D3 (no phantom), D5 (an acknowledged offset is the
// record's), L4 (a reader's positions rise by one), L5 (a producer's records lie in the order they were sent), I1 (no
// record twice). At the end: D1 (what was acknowledged is there) and the durability of what was shown.
#pragma once

#include <map>
#include <set>
#include <string>

#include "net/types.h"
#include "scenarios/identity.h"
#include "scenarios/run.h"

namespace scenarios {

struct PartitionName {
  std::string topic;
  std::int32_t partition = 0;
  friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
};
std::string to_string(const PartitionName& name);

enum class Acknowledged : std::uint8_t { no, leader, all };

class Ledger {
 public:
  explicit Ledger(Run& run) : run_{run} {}

  /// A send was invoked. `exactly_once`: the producer is idempotent, so its record may be there once only.
  void sent(const PartitionName& at, const Identity& id, bool exactly_once);
  /// The client was told that the record is at `offset` (-1: it was not told where).
  void acknowledged(const PartitionName& at, const Identity& id, net::Offset offset, Acknowledged how);
  /// The client was told that the record is not there and will not be.
  void refused(const PartitionName& at, const Identity& id);
  /// A reader saw `value` at `offset`. `reader` names an uninterrupted session from its start offset.
  void read(const PartitionName& at, net::Offset offset, kernel::ByteView value, std::uint64_t reader);
  /// The reader will go on at `offset` for a reason of its own.
  void reader_starts(const PartitionName& at, std::uint64_t reader, net::Offset offset);
  /// The topic is being deleted: nothing of it is owed any more.
  void forget(const std::string& topic);

  /// A full read of everything begins: what is seen from here on must hold all that is owed.
  void begin_final_read();
  /// It has ended, having reached `end` of each partition.
  void end_final_read(const std::map<PartitionName, net::Offset>& ends);

  [[nodiscard]] std::uint64_t acknowledged_count() const { return acknowledged_count_; }

 private:
  struct Send {
    bool exactly_once = false;
    Acknowledged acknowledged = Acknowledged::no;
    bool refused = false;
    net::Offset offset{-1};
    std::set<std::int64_t> seen_at;
  };
  struct Partition {
    std::map<Identity, Send> sends;
    std::map<std::int64_t, Identity> by_offset;         // first sight, never changed
    std::set<std::int64_t> final_seen;                  // offsets of the final read
    std::int64_t owed_end = 0;                          // what was shown before the final read lies below
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::map<std::int64_t, std::uint64_t>> order;  // producer session
    std::map<std::uint64_t, std::int64_t> reader_next;  // reader -> expected offset
  };
  void bind(const PartitionName& at, Partition& partition, net::Offset offset, const Identity& id, std::string_view how);
  void check_order(const PartitionName& at, Partition& partition, net::Offset offset, const Identity& id,
                   const Send& send);
  Run& run_;
  std::map<PartitionName, Partition> partitions_;
  std::set<std::string> forgotten_;
  bool final_ = false;
  std::uint64_t acknowledged_count_ = 0;
};

}  // namespace scenarios
