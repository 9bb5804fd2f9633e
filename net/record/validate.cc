#include "net/record/validate.h"

namespace net::record {

kernel::Result<> check_whole(const BatchHeader& header, std::span<const ByteView> batch) {
  std::size_t bytes = 0;
  for (const ByteView piece : batch) bytes += piece.size();
  if (bytes < header.size_bytes()) return kernel::fail(Reason::incomplete, static_cast<std::int64_t>(bytes));
  if (bytes > header.size_bytes()) return kernel::fail(Reason::bad_length, static_cast<std::int64_t>(bytes));
  const std::uint32_t crc = compute_crc(batch);
  if (crc != header.crc) return kernel::fail(Reason::bad_crc, crc);
  return {};
}

kernel::Result<> validate_client_header(const BatchHeader& header) {
  if ((header.attributes & ~kAttributesKnown) != 0 || header.has_delete_horizon() || !header.codec())
    return kernel::fail(Reason::bad_attributes, header.attributes);
  if (header.is_control()) return kernel::fail(Reason::control_from_client, header.attributes);
  if (header.timestamp_type() == TimestampType::log_append_time)
    return kernel::fail(Reason::append_time_from_client, header.attributes);
  if (header.records_count <= 0) return kernel::fail(Reason::bad_count, header.records_count);
  if (header.last_offset_delta != header.records_count - 1)
    return kernel::fail(Reason::bad_count, header.last_offset_delta);
  if (header.producer_id < kProducerIdNone) return kernel::fail(Reason::bad_producer, header.producer_id.raw());
  if (header.has_producer()) {
    if (header.producer_epoch.raw() < 0) return kernel::fail(Reason::bad_producer, header.producer_epoch.raw());
    if (header.base_sequence < 0) return kernel::fail(Reason::bad_producer, header.base_sequence);
  } else if (header.is_transactional()) {
    return kernel::fail(Reason::bad_producer, header.producer_id.raw());
  }
  return {};
}

kernel::Result<BatchHeader> validate_client_batch(std::span<const ByteView> batch) {
  if (batch.empty()) return kernel::fail(Reason::incomplete);
  const BatchHeader header = TRY(BatchHeader::parse(batch.front()));
  TRY(check_whole(header, batch));
  TRY(validate_client_header(header));
  return header;
}

}  // namespace net::record
