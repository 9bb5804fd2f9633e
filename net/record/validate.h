// Judges batches that come from outside. Nothing is changed; records are not looked at here (record_walk.h does that).
//
//   const BatchHeader header = TRY(validate_client_batch(pieces));    // produce
//   TRY(check_whole(header, pieces));                                 // replication, recovery
#pragma once

#include <span>

#include "net/record/batch_header.h"

namespace net::record {

/// That `batch` is exactly the bytes this header speaks of, and that its checksum holds. The first piece holds the
/// whole header. Errors: incomplete, bad_length (bytes after the batch), bad_crc.
kernel::Result<> check_whole(const BatchHeader& header, std::span<const ByteView> batch);

/// The rules for a client's batch that its header alone can break: known attributes, create time, no control bit,
/// records with offsets 0..n-1, producer id, epoch and sequence all or none, transactions with a producer.
/// Errors: bad_attributes, append_time_from_client, control_from_client, bad_count, bad_producer.
kernel::Result<> validate_client_header(const BatchHeader& header);

/// What a Produce request may hold for one partition: one whole batch that keeps those rules.
kernel::Result<BatchHeader> validate_client_batch(std::span<const ByteView> batch);

}  // namespace net::record
