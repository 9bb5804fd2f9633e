// The judge of a topic whose log does not keep everything: one partition with keys, under retention, compaction or both.
// It knows every record that was ever sent there and where it came to lie, so it can say of each that is missing
// whether a rule let it go.
//
// As it happens: L1, D3, L6 (a record is what was sent, at its offset), C1 (the log starts where retention allows, and
// never earlier than before), C6 (a question by time gets the first record that is not older), L3 (without compaction nothing is missing behind the start), C5 (what was compacted away
// does not come again, whatever crash comes between). On the disk at every start: C2 a and h (below the active segment the
// last record of each key is there, and the last batch of each producer). At the end: C1 of time, C2 a, b and f, C3 of
// everything that any reader missed.
//
// The times in which retention and tombstones end are the broker's own; the steps that a fault put its clock by count
// for the broker.
#pragma once

#include <map>
#include <set>
#include <string>

#include "net/record/record_iterator.h"
#include "scenarios/identity.h"
#include "scenarios/oracles/disk_scan.h"
#include "scenarios/run.h"
#include "sim/machine.h"

namespace scenarios {

/// What the topic was created with.
struct KeptRules {
  std::string topic;
  bool compacts = false;
  std::int64_t retention_bytes = -1;  ///< -1: the topic does not delete by size
  std::int64_t retention_ms = -1;
  std::int64_t delete_retention_ms = 0;
};

struct KeptRecord {
  Identity id;
  std::string key;
  bool tombstone = false;
  std::int64_t timestamp_ms = 0;
  std::size_t padding = 0;  ///< of the value
};
/// The header that carries a record's identity, as a tombstone has no value that could.
inline constexpr std::string_view kIdentityHeader = "id";

class KeptLedger {
 public:
  /// `broker` is asked for its clock.
  KeptLedger(Run& run, KeptRules rules, sim::Machine& broker)
      : run_{run}, rules_{std::move(rules)}, broker_{broker}, name_{rules_.topic + "-0"} {}
  [[nodiscard]] const KeptRules& rules() const { return rules_; }
  /// Of the log's directory.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// A batch is sent for the first time.
  void sent(std::vector<KeptRecord> records, std::size_t batch_bytes);
  /// It is there, for good. Every batch comes to that.
  void acknowledged(const std::vector<Identity>& batch, net::ProducerId producer, net::Offset base);

  /// The start that an asker may not hear less than.
  [[nodiscard]] net::Offset start() const { return start_; }
  /// Somebody who knew of `known` when he asked was told that the log starts at `start`.
  void told_start(net::Offset known, net::Offset start);

  /// One reading from where the log starts on.
  struct Pass {
    net::Offset next{0};
    std::set<std::int64_t> seen{};
  };
  /// A reader who asked at `asked` got the record.
  void read(Pass& pass, const net::record::RecordView& record, kernel::Mono asked);
  /// The reader has come to `end`, a committed offset.
  void read_to(Pass& pass, net::Offset end);

  /// Somebody who asked at `asked` for the first record that is not older than `timestamp` (kNewest: for one whose time
  /// is the latest) was told of `offset` and its time; -1: there is none. The log started at `start` afterwards. C6.
  static constexpr std::int64_t kNewest = -3;
  void told_time(kernel::Mono asked, net::Offset start, std::int64_t timestamp, net::Offset offset, std::int64_t told_ms);
  /// A time that it is worth to ask for.
  [[nodiscard]] std::int64_t some_time(kernel::Random& random) const;

  /// The broker has started, or stopped in order: what is on its disk?
  void check_disk(const sim::DiskImage& image, std::span<const std::string> log_directories);
  /// Nothing is sent any more, and `pass` has read all there is.
  void judge(const Pass& pass);

 private:
  struct Known {
    KeptRecord record;
    kernel::Mono sent_at;
    std::size_t batch_bytes = 0;  ///< in the first record of a batch
    net::Offset offset{-1};
    kernel::Mono placed_at{};     ///< when that was known
  };
  struct Started {
    net::Offset start;
    std::int64_t wall_ms;
  };
  [[nodiscard]] kernel::Mono now() const { return run_.world().now(); }
  void bind(const Identity& id, Known& known, net::Offset offset);
  void miss(std::int64_t from, std::int64_t to);
  void judge_bytes(net::Offset start);
  void judge_expired(std::int64_t offset, const Known& known);
  /// Whether compaction may have taken it by `when`.
  [[nodiscard]] bool may_be_compacted(std::int64_t offset, const Known& known, kernel::Mono when) const;
  /// Whether one of the key is sent, so that it may be there, and nobody has heard where it is.
  [[nodiscard]] bool unplaced_may_supersede(const std::string& key) const;
  /// Whether there may have been one that superseded others, though nobody has heard where it was.
  [[nodiscard]] bool unplaced_tombstone_may_have_gone(const std::string& key) const;
  [[nodiscard]] bool horizon_may_have_passed(const Known& tombstone, kernel::Mono when) const;

  Run& run_;
  KeptRules rules_;
  sim::Machine& broker_;
  std::string name_;
  std::map<Identity, Known> sends_;
  std::map<std::int64_t, Identity> by_offset_;
  std::map<std::string, std::set<std::int64_t>> by_key_;
  std::map<net::ProducerId, std::int64_t> last_of_producer_;  // the last offset of its last acknowledged batch
  std::map<std::int64_t, kernel::Mono> missing_;              // since when a reader knows that it is not there
  net::Offset start_{0};
  std::vector<Started> starts_;                               // each time it was heard to have moved
  std::uint64_t bytes_under_way_ = 0;                         // in batches that are sent and not acknowledged
};

}  // namespace scenarios
