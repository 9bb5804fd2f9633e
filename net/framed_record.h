// Records that carry their own type and version, as __cluster_metadata and __remote_log_metadata hold them:
// uvarint frame version (1), uvarint type, uvarint version, body, and nothing after it.
//
//   Arena arena;
//   const MetadataRecord record = TRY(decode_framed<MetadataRecord>(value, arena));
//   std::visit([&](const auto& change) { image.apply(change); }, record);
//   const auto value = TRY(encode_framed(TopicRecord{.name = "orders", .topic_id = id}, 0));
//
// The families are generated: MetadataRecord in net/messages/metadata_records.h, RemoteLogRecord in
// net/messages/remote_log_records.h. Strings of a decoded record are views into the value.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "net/codec/message.h"

namespace net {

inline constexpr std::uint32_t kRecordFrameVersion = 1;

/// Errors: unsupported (a type or version that we do not know; detail is the type), corrupt, too_large.
template <class Family>
[[nodiscard]] kernel::Result<Family> decode_framed(kernel::ByteView value, Arena& arena) {
  Reader reader{value, arena};
  const std::uint32_t frame_version = reader.uvarint();
  const std::uint32_t type = reader.uvarint();
  const std::uint32_t version = reader.uvarint();
  TRY(reader.status());
  if (frame_version != kRecordFrameVersion) return kernel::fail(kernel::Errc::corrupt, frame_version);
  if (version > INT16_MAX) return kernel::fail(kernel::Errc::unsupported, type);

  kernel::Result<Family> out = kernel::fail(kernel::Errc::unsupported, type);
  const auto try_one = [&]<class Record>(std::in_place_type_t<Record>) {
    if (type != static_cast<std::uint32_t>(Record::kType)) return false;
    kernel::Result<Record> record = decode<Record>(reader, static_cast<std::int16_t>(version));
    if (record) out = Family{*record};
    else out = std::unexpected(record.error());
    return true;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (try_one(std::in_place_type<std::variant_alternative_t<I, Family>>) || ...);
  }(std::make_index_sequence<std::variant_size_v<Family>>{});
  if (out && reader.remaining() != 0)
    return kernel::fail(kernel::Errc::corrupt, static_cast<std::int64_t>(reader.position()));
  return out;
}

/// Errors: those of measure().
template <class Record>
[[nodiscard]] kernel::Result<std::vector<std::byte>> encode_framed(const Record& record, std::int16_t version) {
  const MessageSize body = TRY(measure(record, version));
  const auto type = static_cast<std::uint32_t>(Record::kType);
  const auto written_version = static_cast<std::uint32_t>(version);
  std::vector<std::byte> value(uvarint_size(kRecordFrameVersion) + uvarint_size(type) + uvarint_size(written_version) +
                               body.stored_bytes);
  Writer writer{value};
  writer.uvarint(kRecordFrameVersion);
  writer.uvarint(type);
  writer.uvarint(written_version);
  record.put(writer, version);
  CHECK(writer.remaining() == 0);
  return value;
}

}  // namespace net
