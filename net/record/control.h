// Control records: what the log says to its readers about itself. A control batch is uncompressed; its records have
// key: int16 version 0 | int16 type, and for transaction markers value: int16 version 0 | int32 coordinatorEpoch.
#pragma once

#include <vector>

#include "net/record/record_iterator.h"

namespace net::record {

enum class ControlType : std::int16_t {
  abort = 0,
  commit = 1,
  leader_change = 2,
  snapshot_header = 3,
  snapshot_footer = 4,
  kraft_version = 5,
  kraft_voters = 6,
};

/// The four bytes of a control record's key.
[[nodiscard]] std::vector<std::byte> control_key(ControlType type);
/// The type named by a control record's key. Readers skip types they do not know: nothing, then.
/// Errors: bad_control_record.
kernel::Result<std::optional<ControlType>> parse_control_key(const NullableBytes& key);

/// The end of a transaction on one partition.
struct TransactionMarker {
  ControlType type = ControlType::abort;  ///< abort or commit
  ProducerId producer_id = kProducerIdNone;
  ProducerEpoch producer_epoch = kProducerEpochNone;
  std::int32_t coordinator_epoch = 0;
  std::int64_t timestamp_ms = 0;
};
[[nodiscard]] std::vector<std::byte> build_transaction_marker(const TransactionMarker& marker, Offset base_offset,
                                                              LeaderEpoch leader_epoch);
/// The marker in a control batch that belongs to a producer; nothing when the batch holds something else.
/// Errors: bad_control_record, and those of RecordIterator.
kernel::Result<std::optional<TransactionMarker>> parse_transaction_marker(const BatchHeader& header, ByteView records);

}  // namespace net::record
