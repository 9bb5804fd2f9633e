#include "broker/handlers/wire_code.h"

#include <fmt/format.h>

#include "broker/log/log.h"
#include "broker/replication/partition.h"
#include "net/compress/codec.h"
#include "net/record/reason.h"

namespace broker::handlers {
namespace {

using net::ErrorCode;
using replication::PartitionReason;

ErrorCode code_of(kernel::Errc reason) {
  using kernel::Errc;
  switch (reason) {
    case Errc::cancelled:
    case Errc::deadline: return ErrorCode::request_timed_out;
    case Errc::corrupt: return ErrorCode::corrupt_message;
    case Errc::too_large: return ErrorCode::message_too_large;
    case Errc::disk_full:
    case Errc::read_only:
    case Errc::permission:
    case Errc::too_many_files:
    case Errc::io:
    case Errc::locked:
    case Errc::no_such_file:
    case Errc::already_exists:
    case Errc::not_empty: return ErrorCode::kafka_storage_error;
    case Errc::invalid_argument: return ErrorCode::invalid_request;
    case Errc::unsupported: return ErrorCode::unsupported_version;
    case Errc::exhausted: return ErrorCode::request_timed_out;
    case Errc::closed:
    case Errc::connection_reset:
    case Errc::connection_refused:
    case Errc::unreachable:
    case Errc::address_in_use: return ErrorCode::network_exception;
  }
  std::unreachable();
}

ErrorCode code_of(log::LogReason reason) {
  using log::LogReason;
  switch (reason) {
    case LogReason::out_of_order_sequence: return ErrorCode::out_of_order_sequence_number;
    case LogReason::invalid_producer_epoch: return ErrorCode::invalid_producer_epoch;
    case LogReason::transaction_expected: return ErrorCode::invalid_txn_state;
    case LogReason::offset_out_of_range: return ErrorCode::offset_out_of_range;
    case LogReason::too_large_for_segment: return ErrorCode::record_list_too_large;
    case LogReason::foreign_topic_id:
    case LogReason::directory_offline:
    case LogReason::directory_stalled:
    case LogReason::newer_format:
    case LogReason::damaged: return ErrorCode::kafka_storage_error;
  }
  return ErrorCode::kafka_storage_error;  // the log room's reasons about files
}

ErrorCode code_of(net::record::Reason reason) {
  using net::record::Reason;
  switch (reason) {
    case Reason::incomplete:
    case Reason::bad_length:
    case Reason::bad_crc: return ErrorCode::corrupt_message;
    case Reason::append_time_from_client:
    case Reason::timestamp_out_of_range: return ErrorCode::invalid_timestamp;
    case Reason::too_large_uncompressed: return ErrorCode::record_list_too_large;
    case Reason::old_magic:
    case Reason::unknown_magic:
    case Reason::bad_attributes:
    case Reason::bad_count:
    case Reason::control_from_client:
    case Reason::bad_producer:
    case Reason::bad_compression:
    case Reason::bad_record:
    case Reason::offset_gap:
    case Reason::key_missing:
    case Reason::trailing_bytes:
    case Reason::bad_control_record: return ErrorCode::invalid_record;
  }
  std::unreachable();
}

bool is_record_reason(std::uint16_t value) { return value >= 0x100 && value < 0x200; }

}  // namespace

ErrorCode wire_code(const kernel::Error& error) {
  if (error.room == kernel::Room::kernel) return code_of(error.as<kernel::Errc>());
  if (error.room == kernel::Room::net) {
    return is_record_reason(error.value) ? code_of(error.as<net::record::Reason>()) : ErrorCode::invalid_record;
  }
  if (error.room == kernel::Room::broker) {
    if (error.is(PartitionReason::fenced_leader_epoch)) return ErrorCode::fenced_leader_epoch;
    if (error.is(PartitionReason::unknown_leader_epoch)) return ErrorCode::unknown_leader_epoch;
    if (error.is(PartitionReason::deleted)) return ErrorCode::unknown_topic_or_partition;
    return code_of(error.as<log::LogReason>());
  }
  return ErrorCode::unknown_server_error;
}

std::string wire_message(const kernel::Error& error) {
  if (error.room == kernel::Room::net && is_record_reason(error.value)) {
    return fmt::format("{} (at {})", net::record::name_of(error.as<net::record::Reason>()), error.detail);
  }
  if (error.room == kernel::Room::kernel) return std::string{kernel::name_of(error.as<kernel::Errc>())};
  if (error.room == kernel::Room::broker && error.value >= 0x200 && error.value < 0x300) {
    return std::string{log::name_of(error.as<log::LogReason>())};
  }
  return std::string{net::text_of(wire_code(error))};
}

}  // namespace broker::handlers
