// What is left of one batch when a log is compacted: the records that no later one supersedes, under the offsets they
// always had. Kafka's rules (its LogCleaner; KIP-534 for the delete horizon):
//
//   a record with a key        stays when it is the last one of its key; a tombstone of these only until the delete
//                              horizon of its batch has passed
//   a record without a key     goes
//   records of an aborted transaction go
//   a transaction marker       stays while any batch of its transaction does, then until the delete horizon
//   the last batch of a live producer stays, empty if need be: it holds the producer's sequence
//   anything at or above `end` stays as it is
//   the last batch of a segment stays, empty if need be (ours): a start that completes an interrupted exchange of
//                              segments sees by it how far the new one reaches
//
// The delete horizon, delete.retention.ms after the cleaning that first met the tombstone as the last of its key, is
// written into the batch's header in place of the base timestamp.
//
//   BatchFilter filter{{.map = map, .end = map_end, .now_ms = now, .delete_retention_ms = 86'400'000}};
//   FilteredBatches out;
//   TRY(filter.take(header, bytes, out));           // batches in the order of the log, from its first one on
//
// Pure: to be run in offload().
#pragma once

#include <map>
#include <set>
#include <vector>

#include "broker/limits.h"
#include "broker/log/cleaner/offset_map.h"
#include "net/record/batch_header.h"
#include "net/record/record_iterator.h"

namespace broker::log::cleaner {


struct AbortedTransaction {
  net::ProducerId producer{-1};
  Offset first{0};   ///< of its first batch
  Offset marker{0};  ///< of the abort
};

/// The last thing known of a live producer.
struct LastOfProducer {
  net::ProducerEpoch epoch{-1};
  std::optional<Offset> data_offset;  ///< of its last record; nothing when only a marker was seen in this epoch
};
using LastOfProducers = std::map<net::ProducerId, LastOfProducer>;

struct FilterRules {
  const OffsetMap& map;
  Offset end{0};
  std::int64_t now_ms = 0;
  std::int64_t delete_retention_ms = 0;
  const std::vector<AbortedTransaction>& aborted;
  const LastOfProducers& last_of_producers;
};

struct FilterCounts {
  std::uint64_t records_read = 0;
  std::uint64_t records_removed = 0;
  std::uint64_t tombstones_removed = 0;  ///< of the removed ones; those past their horizon
};

/// Batches to write, one after the other.
struct FilteredBatches {
  std::vector<std::byte> bytes;
  std::vector<net::record::BatchHeader> headers;
};

class BatchFilter {
 public:
  explicit BatchFilter(const FilterRules& rules) : rules_{rules} {}

  /// Adds to `out` what stays of a whole batch. Errors: net::record::Reason (it is damaged).
  kernel::Result<> take(const net::record::BatchHeader& header, kernel::ByteView batch, FilteredBatches& out);
  /// Adds an empty batch that says no more than that the log was written up to where `last` ends.
  static void mark_end(const net::record::BatchHeader& last, FilteredBatches& out);
  [[nodiscard]] const FilterCounts& counts() const { return counts_; }

 private:
  /// Which records of a batch stay. A bit each: a batch may hold tens of millions of them.
  struct Kept {
    std::vector<bool> records;
    std::size_t count = 0;
    std::int64_t first_timestamp_ms = net::record::kTimestampNone;
    std::int64_t max_timestamp_ms = net::record::kTimestampNone;
    bool all = true;
    bool tombstone = false;  ///< one below `end`
  };
  static kernel::Result<> put_rebuilt(FilteredBatches& out, net::record::BatchHeader header, const net::record::RecordRegion& region,
                                      const Kept& kept, std::optional<std::int64_t> horizon_ms);
  /// Whether nothing of the batch is needed, its place among the transactions considered.
  kernel::Result<bool> disposable(const net::record::BatchHeader& header, kernel::ByteView records);
  [[nodiscard]] bool is_last_of_producer(const net::record::BatchHeader& header) const;
  [[nodiscard]] bool stays(const net::record::BatchHeader& header, const net::record::RecordView& record);
  kernel::Result<Kept> choose(const net::record::BatchHeader& header, const net::record::RecordRegion& region);

  FilterRules rules_;
  FilterCounts counts_;
  std::set<net::ProducerId> open_;  ///< a batch of their transaction came, its marker has not
};

}  // namespace broker::log::cleaner
