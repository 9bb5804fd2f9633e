// What clients were told, kept by somebody who forgets nothing: the reference against which every later answer is held.
//
// Judged as it happens: L1 (an offset names one record for ever), D3 (no phantom), D5 (an acknowledged offset is the
// record's), D6 (a record lies behind every end that was known when it was sent), L4 (a reader's positions rise by one), L5 (a producer's records lie in the order they were sent), I1 (no
// record twice), R2 (the end that is told never falls), C1 (the log start moves by deletions only,
// and never back). At the end: D1 (what was acknowledged is there) and the durability of what was shown.
//
// A power failure may take what was promised as `written` only (contract.h): crashed() then strikes it off.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "net/types.h"
#include "scenarios/identity.h"
#include "scenarios/oracles/contract.h"
#include "scenarios/run.h"

namespace scenarios {

struct PartitionName {
  std::string topic;
  std::int32_t partition = 0;
  friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
};
std::string to_string(const PartitionName& name);

enum class Acknowledged : std::uint8_t { no, leader, all };

/// The time between two power failures. An answer that was asked for in an earlier era may speak of what is gone since.
using Era = std::uint64_t;

class Ledger {
 public:
  explicit Ledger(Run& run) : run_{run} {}

  /// The topic is relaxed: all that is promised of it is that it is written.
  void relax(const std::string& topic) { relaxed_.insert(topic); }
  [[nodiscard]] Era era() const { return era_; }

  /// A send was invoked. `exactly_once`: the producer is idempotent, so its record may be there once only.
  void sent(const PartitionName& at, const Identity& id, bool exactly_once);
  /// The client was told that the record, sent in `sent_in` (now), is at `offset` (-1: it was not told where).
  void acknowledged(const PartitionName& at, const Identity& id, net::Offset offset, Acknowledged how,
                    std::optional<Era> sent_in = {});
  /// The client was told that the record is not there and will not be.
  void refused(const PartitionName& at, const Identity& id);
  /// A reader who asked in `asked_in` (now) saw `value` at `offset`. `reader` names an uninterrupted session from its
  /// start offset.
  void read(const PartitionName& at, net::Offset offset, kernel::ByteView value, std::uint64_t reader,
            std::optional<Era> asked_in = {});
  /// The reader will go on at `offset` for a reason of its own.
  void reader_starts(const PartitionName& at, std::uint64_t reader, net::Offset offset);
  /// Behind the last record that was shown: what every answer to a later question must know of.
  [[nodiscard]] net::Offset shown_end(const PartitionName& at) const;
  /// The highest end that anybody was told of, by an acknowledgement (acks=all), a record or a high watermark.
  [[nodiscard]] net::Offset known_end(const PartitionName& at) const;
  /// A client was told that the partition ends at `end`; `known` was the known end when it asked, in `asked_in`.
  void told_end(const PartitionName& at, net::Offset known, Era asked_in, net::Offset end);
  /// True where a power failure has taken what was shown, so that a reader may find itself behind the end.
  [[nodiscard]] bool may_be_cut(const PartitionName& at) const { return (relaxed_.contains(at.topic) || has_damage_) && era_ > 0; }
  /// Somebody asks that records below `before` be deleted: from now on they may be gone.
  void deleting(const PartitionName& at, net::Offset before);
  /// They are: the log starts at `start` or above, for ever.
  void deleted(const PartitionName& at, net::Offset start);
  /// Below it all is deleted: what every answer to a later question about the start must know of.
  [[nodiscard]] net::Offset deleted_end(const PartitionName& at) const;
  /// A client that knew of `deleted` when it asked was told that the log starts at `start`.
  void told_start(const PartitionName& at, net::Offset deleted, net::Offset start);
  /// Whether a reader at `offset` may be told that nothing is there any more.
  [[nodiscard]] bool may_be_gone(const PartitionName& at, net::Offset offset) const;
  /// The topic is being deleted: nothing of it is owed any more.
  void forget(const std::string& topic);
  /// Everything of the partition was just read: what was acknowledged must have been among it.
  void expect_all_seen(const PartitionName& at);

  /// The partition has lost what lies at `end` and above, and the injector's book says that it was damaged.
  void damaged(const PartitionName& at, net::Offset end);

  /// The machine went down; `survivors` is where each partition's whole batches end on its disk now (absent: nothing).
  void crashed(sim::CrashKind kind, const std::map<std::string, net::Offset>& survivors);

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
    std::int64_t after = 0;                             // the end that was known when it was sent
    std::set<std::int64_t> seen_at;
  };
  struct Partition {
    std::map<Identity, Send> sends;
    std::map<std::int64_t, Identity> by_offset;         // first sight
    std::map<std::int64_t, Identity> by_leader;         // acknowledged by acks=1: written there
    std::int64_t shown_end = 0;
    std::int64_t known_end = 0;                         // the highest end that any client was told of
    std::int64_t may_be_gone = 0;                       // records below: their deletion was asked for
    std::int64_t deleted_end = 0;                       // and these are deleted
    std::set<std::int64_t> final_seen;                  // offsets of the final read
    std::int64_t owed_end = 0;                          // what was shown before the final read lies below
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::map<std::int64_t, std::uint64_t>> order;  // producer session
    std::map<std::uint64_t, std::int64_t> reader_next;  // reader -> expected offset
  };
  [[nodiscard]] Promise promise_of(const PartitionName& at, Acknowledged how) const {
    return how == Acknowledged::leader || relaxed_.contains(at.topic) ? Promise::written : Promise::synced;
  }
  /// Whether an answer to a question of that era still binds.
  [[nodiscard]] bool binds(Promise promise, std::optional<Era> asked_in) const {
    return (promise == Promise::synced && !has_damage_) || asked_in.value_or(era_) == era_;
  }
  void check_after(const PartitionName& at, const Identity& id, const Send& send, net::Offset offset);
  static void strike_off(Partition& partition, std::int64_t end);
  void bind(const PartitionName& at, Partition& partition, net::Offset offset, const Identity& id, std::string_view how);
  void check_order(const PartitionName& at, Partition& partition, net::Offset offset, const Identity& id,
                   const Send& send);
  Run& run_;
  std::map<PartitionName, Partition> partitions_;
  std::set<std::string> forgotten_;
  std::set<std::string> relaxed_;
  Era era_ = 0;
  bool has_damage_ = false;
  bool final_ = false;
  std::uint64_t acknowledged_count_ = 0;
};

}  // namespace scenarios
