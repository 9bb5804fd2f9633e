// Why a record batch is refused. Handlers turn these into Kafka's error codes; nobody below them does.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/result.h"

namespace net::record {

/// `Error::detail` is the index of the bad record for reasons that name one, the offending value where one helps,
/// otherwise 0. Values are apart from those of the other enums of this room.
enum class Reason : std::uint16_t {
  incomplete = 0x100,  ///< fewer bytes than the batch says it has; at the end of a range this is only a cut
  bad_length,          ///< batchLength too small for a header, or not the length of what was sent
  old_magic,           ///< message format 0 or 1: readable by nobody we serve (INVALID_RECORD on produce)
  unknown_magic,
  bad_crc,
  bad_attributes,      ///< a bit nobody has defined, an unknown codec, or one that does not belong here
  bad_count,           ///< records and offsets do not agree, or there are none
  control_from_client,
  bad_producer,        ///< producer id, epoch and sequence do not go together
  append_time_from_client,   ///< INVALID_TIMESTAMP on produce
  bad_compression,           ///< the record region does not decompress
  too_large_uncompressed,    ///< the record region holds more than was allowed
  bad_record,                ///< a length or number inside a record leads outside it
  offset_gap,                ///< offset deltas are not 0, 1, 2, …
  key_missing,               ///< a compacted topic needs keys
  timestamp_out_of_range,    ///< INVALID_TIMESTAMP on produce
  trailing_bytes,            ///< more bytes than the counted records hold
  bad_control_record,
};
constexpr kernel::Room error_room(Reason) { return kernel::Room::net; }
/// The stable name, for logs ("bad_crc").
std::string_view name_of(Reason reason);

}  // namespace net::record
