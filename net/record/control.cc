#include "net/record/control.h"

#include <array>

#include "kernel/check.h"
#include "net/record/batch_builder.h"

namespace net::record {
namespace {

constexpr std::size_t kKeyBytes = 4;
constexpr std::size_t kMarkerValueBytes = 6;
constexpr std::int16_t kVersion = 0;

}  // namespace

std::vector<std::byte> control_key(ControlType type) {
  std::vector<std::byte> key(kKeyBytes);
  kernel::store_be(key.data(), kVersion);
  kernel::store_be(key.data() + 2, static_cast<std::int16_t>(type));
  return key;
}

kernel::Result<std::optional<ControlType>> parse_control_key(const NullableBytes& key) {
  // Later versions may be longer, but begin with these two fields.
  if (!key || key->size() < kKeyBytes) return kernel::fail(Reason::bad_control_record);
  const auto version = kernel::load_be<std::int16_t>(key->data());
  if (version < 0) return kernel::fail(Reason::bad_control_record, version);
  const auto type = kernel::load_be<std::int16_t>(key->data() + 2);
  if (type < 0 || type > static_cast<std::int16_t>(ControlType::kraft_voters)) return std::nullopt;
  return static_cast<ControlType>(type);
}

std::vector<std::byte> build_transaction_marker(const TransactionMarker& marker, Offset base_offset,
                                                LeaderEpoch leader_epoch) {
  CHECK(marker.type == ControlType::abort || marker.type == ControlType::commit);
  CHECK(marker.producer_id.raw() >= 0);
  std::array<std::byte, kMarkerValueBytes> value{};
  kernel::store_be(value.data(), kVersion);
  kernel::store_be(value.data() + 2, marker.coordinator_epoch);
  const std::vector<std::byte> key = control_key(marker.type);
  BatchBuilder builder{{.base_offset = base_offset,
                        .leader_epoch = leader_epoch,
                        .producer_id = marker.producer_id,
                        .producer_epoch = marker.producer_epoch,
                        .transactional = true,
                        .control = true}};
  builder.append({.timestamp_ms = marker.timestamp_ms, .key = ByteView{key}, .value = ByteView{value}});
  return builder.build();
}

kernel::Result<std::optional<TransactionMarker>> parse_transaction_marker(const BatchHeader& header,
                                                                          ByteView records) {
  if (!header.is_control() || !header.has_producer()) return std::nullopt;
  if (header.codec() != Codec::none) return kernel::fail(Reason::bad_control_record);
  RecordIterator iterator{header, records};
  const auto record = TRY(iterator.next());
  if (!record) return std::nullopt;
  const auto type = TRY(parse_control_key(record->key));
  if (type != ControlType::abort && type != ControlType::commit) return std::nullopt;
  if (!record->value || record->value->size() < kMarkerValueBytes) return kernel::fail(Reason::bad_control_record);
  return TransactionMarker{.type = *type,
                           .producer_id = header.producer_id,
                           .producer_epoch = header.producer_epoch,
                           .coordinator_epoch = kernel::load_be<std::int32_t>(record->value->data() + 2),
                           .timestamp_ms = record->timestamp_ms};
}

}  // namespace net::record
