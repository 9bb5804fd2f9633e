#include "net/record/reason.h"

#include <utility>

namespace net::record {

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::incomplete: return "incomplete";
    case Reason::bad_length: return "bad_length";
    case Reason::old_magic: return "old_magic";
    case Reason::unknown_magic: return "unknown_magic";
    case Reason::bad_crc: return "bad_crc";
    case Reason::bad_attributes: return "bad_attributes";
    case Reason::bad_count: return "bad_count";
    case Reason::control_from_client: return "control_from_client";
    case Reason::bad_producer: return "bad_producer";
    case Reason::append_time_from_client: return "append_time_from_client";
    case Reason::bad_compression: return "bad_compression";
    case Reason::too_large_uncompressed: return "too_large_uncompressed";
    case Reason::bad_record: return "bad_record";
    case Reason::offset_gap: return "offset_gap";
    case Reason::key_missing: return "key_missing";
    case Reason::timestamp_out_of_range: return "timestamp_out_of_range";
    case Reason::trailing_bytes: return "trailing_bytes";
    case Reason::bad_control_record: return "bad_control_record";
  }
  std::unreachable();
}

}  // namespace net::record
