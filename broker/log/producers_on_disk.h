// What a partition's directory says of its producers: snapshots, and the batches behind them.
//
//   ProducerState producers = TRY(rebuild_producers(f, directory, segments, end, end));
//   TRY(write_snapshot(f, directory, end, producers));
//
// There is a snapshot at the base of each segment, written when it is begun; one at the end, of a clean stop or a
// recovery; and, while a log is written, a few in between (Log::keep_producers()). Kafka takes them so.
#pragma once

#include <string>
#include <vector>

#include "broker/log/producer_state.h"
#include "broker/log/segment.h"

namespace broker::log {

/// Notes a batch with the producer state: data or marker, which may end a transaction. Of data the bytes are not looked
/// at. Errors: of a marker that cannot be read.
kernel::Result<std::optional<EndedTransaction>> apply_batch(ProducerState& producers, const net::record::BatchHeader& header,
                                                            kernel::ByteView batch);

/// The largest readable snapshot at or below `limit`, and the batches from there to `end` applied to it: their headers
/// are read, and markers. `ended`, if any, gets the transactions that ended in those.
kernel::Result<ProducerState> rebuild_producers(kernel::Fiber& f, const std::string& directory,
                                                const std::vector<SegmentRef>& segments, Offset limit, Offset end,
                                                std::vector<EndedTransaction>* ended = nullptr);
/// Where there are snapshots, ascending.
kernel::Result<std::vector<Offset>> list_snapshots(kernel::Fiber& f, const std::string& directory);
kernel::Result<> drop_snapshots_above(kernel::Fiber& f, const std::string& directory, Offset end);
/// Removes snapshots that are of no use: above `end`, or (but for the largest) of no segment's base.
kernel::Result<> prune_snapshots(kernel::Fiber& f, const std::string& directory,
                                 const std::vector<SegmentRef>& segments, Offset end);
kernel::Result<> write_snapshot(kernel::Fiber& f, const std::string& directory, Offset end, const ProducerState& state);

}  // namespace broker::log
