#include "broker/log/record_fields.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "broker/log/log_directory.h"
#include "net/codec/text.h"
#include "net/framed_record.h"
#include "net/messages/control_records.h"
#include "net/messages/group_records.h"
#include "net/messages/metadata_records.h"
#include "net/messages/remote_log_records.h"
#include "net/messages/share_state_records.h"
#include "net/messages/transaction_records.h"
#include "net/record/control.h"

namespace broker::log {
namespace {

using kernel::ByteView;
using kernel::Result;
using net::record::ControlType;
using net::record::NullableBytes;
using Json = nlohmann::ordered_json;

constexpr std::size_t kNumberBytes = sizeof(std::int16_t);

Json raw(const NullableBytes& key, const NullableBytes& value, std::string note) {
  Json fields{{"key", printable_or_null(key)}, {"value", printable_or_null(value)}};
  if (!note.empty()) fields["note"] = std::move(note);
  return fields;
}

template <class Message>
Json json_of(const Message& message) {
  return Json::parse(net::to_json(message));
}

std::optional<std::int16_t> number_before(const NullableBytes& bytes) {
  if (!bytes || bytes->size() < kNumberBytes) return std::nullopt;
  return kernel::load_be<std::int16_t>(bytes->data());
}

/// Why bytes could not be read: `what` is "type 7" or "value".
std::string why_raw(std::string_view what, const kernel::Error& error, std::optional<std::int64_t> version) {
  if (error.is(kernel::Errc::unsupported) && version)
    return fmt::format("{} has version {}, which this release does not know", what, *version);
  if (error.is(kernel::Errc::unsupported)) return fmt::format("{} is not known to this release", what);
  return fmt::format("{} cannot be read: damaged, or not of this topic", what);
}

// Records that name their own type and version, in the value alone.

template <class Family>
Json framed(const NullableBytes& key, const NullableBytes& value) {
  if (!value) return raw(key, value, "a record without a value, which this topic has none of");
  net::Arena arena;
  net::Reader reader{*value, arena};
  [[maybe_unused]] const std::uint32_t frame_version = reader.uvarint();
  const std::uint32_t type = reader.uvarint();
  const std::uint32_t version = reader.uvarint();
  const Result<Family> record = net::decode_framed<Family>(*value, arena);
  if (record) {
    return std::visit([&]<class Record>(const Record& one) {
      return Json{{"type", Record::kName}, {"key", printable_or_null(key)}, {"version", version}, {"value", json_of(one)}};
    }, *record);
  }
  return raw(key, value, why_raw(fmt::format("a record of type {} version {}", type, version), record.error(), std::nullopt));
}

// Records whose key begins with a type, and whose value begins with a version.

template <class Key, class Value>
struct Keyed {
  /// Nothing when the key is of another type.
  static std::optional<Json> fields(std::int16_t type, const NullableBytes& key, const NullableBytes& value) {
    if (type != Key::kType) return std::nullopt;
    constexpr std::string_view kName = Key::kName.substr(0, Key::kName.size() - std::string_view{"Key"}.size());
    net::Arena arena;
    const auto read_key = net::decode_all<Key>(key->subspan(kNumberBytes), 0, arena);
    if (!read_key) return raw(key, value, why_raw(fmt::format("the key of type {} ({})", type, kName), read_key.error(), std::nullopt));
    Json out{{"type", kName}, {"key", json_of(*read_key)}};
    if (!value) {
      out["value"] = nullptr;  // a tombstone
      return out;
    }
    const auto version = number_before(value);
    const Result<Value> read = version ? net::decode_all<Value>(value->subspan(kNumberBytes), *version, arena)
                                       : Result<Value>{kernel::fail(kernel::Errc::corrupt)};
    if (version) out["version"] = *version;
    out["value"] = read ? json_of(*read) : printable_or_null(value);
    if (!read) out["note"] = why_raw("the value", read.error(), version);
    return out;
  }
};

template <class... Kinds>
Json keyed(const NullableBytes& key, const NullableBytes& value) {
  const auto type = number_before(key);
  if (!type) return raw(key, value, "the key is too short for a type");
  std::optional<Json> out;
  static_cast<void>(((out = Kinds::fields(*type, key, value)) || ...));
  return out ? *std::move(out) : raw(key, value, fmt::format("keys of type {} are not known to this release", *type));
}

Json group_fields(const NullableBytes& key, const NullableBytes& value) {
  using namespace net;
  return keyed<
      Keyed<LegacyOffsetCommitKey, OffsetCommitValue>, Keyed<OffsetCommitKey, OffsetCommitValue>,
      Keyed<GroupMetadataKey, GroupMetadataValue>, Keyed<ConsumerGroupMetadataKey, ConsumerGroupMetadataValue>,
      Keyed<ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue>,
      Keyed<ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue>,
      Keyed<ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue>,
      Keyed<ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue>,
      Keyed<ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue>,
      Keyed<ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue>,
      Keyed<ShareGroupMetadataKey, ShareGroupMetadataValue>,
      Keyed<ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue>,
      Keyed<ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue>,
      Keyed<ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue>,
      Keyed<ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue>,
      Keyed<ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue>,
      Keyed<StreamsGroupMetadataKey, StreamsGroupMetadataValue>,
      Keyed<StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue>,
      Keyed<StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue>,
      Keyed<StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue>,
      Keyed<StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue>,
      Keyed<StreamsGroupTopologyKey, StreamsGroupTopologyValue>>(key, value);
}

std::string_view word_of(ControlType type) {
  switch (type) {
    case ControlType::abort: return "abort";
    case ControlType::commit: return "commit";
    case ControlType::leader_change: return "leader_change";
    case ControlType::snapshot_header: return "snapshot_header";
    case ControlType::snapshot_footer: return "snapshot_footer";
    case ControlType::kraft_version: return "kraft_version";
    case ControlType::kraft_voters: return "kraft_voters";
  }
  return "unknown";
}

/// All begin with their version: as a field of the message, or for markers before it.
template <class Message>
Result<Json> control_value(ByteView value, std::size_t before) {
  if (value.size() < kNumberBytes) return kernel::fail(kernel::Errc::corrupt);
  net::Arena arena;
  return json_of(TRY(net::decode_all<Message>(value.subspan(before), kernel::load_be<std::int16_t>(value.data()), arena)));
}

Result<Json> control_value(ControlType type, ByteView value) {
  switch (type) {
    case ControlType::abort:
    case ControlType::commit: return control_value<net::EndTxnMarker>(value, kNumberBytes);
    case ControlType::leader_change: return control_value<net::LeaderChangeMessage>(value, 0);
    case ControlType::snapshot_header: return control_value<net::SnapshotHeaderRecord>(value, 0);
    case ControlType::snapshot_footer: return control_value<net::SnapshotFooterRecord>(value, 0);
    case ControlType::kraft_version: return control_value<net::KraftVersionRecord>(value, 0);
    case ControlType::kraft_voters: return control_value<net::VotersRecord>(value, 0);
  }
  return kernel::fail(kernel::Errc::unsupported);
}

}  // namespace

InternalTopic internal_topic_of(std::string_view topic) {
  if (topic == "__cluster_metadata") return InternalTopic::cluster_metadata;
  if (topic == "__remote_log_metadata") return InternalTopic::remote_log_metadata;
  if (topic == "__consumer_offsets") return InternalTopic::consumer_offsets;
  if (topic == "__transaction_state") return InternalTopic::transaction_state;
  if (topic == "__share_group_state") return InternalTopic::share_group_state;
  return InternalTopic::none;
}

std::string topic_of_file(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  std::string_view directory = path.substr(0, slash);
  while (directory.ends_with('/')) directory.remove_suffix(1);
  directory.remove_prefix(directory.rfind('/') + 1);
  for (const std::string_view leaving : {"-delete", "-stray"})
    if (directory.ends_with(leaving)) directory = directory.substr(0, directory.rfind('.'));
  const auto known = parse_partition_directory(directory);
  return known ? known->first : std::string{};
}

std::string printable(ByteView bytes) {
  std::string text;
  for (const std::byte b : bytes) net::append_printable(text, static_cast<char>(b));
  return text;
}

Json printable_or_null(const NullableBytes& bytes) { return bytes ? Json(printable(*bytes)) : Json(nullptr); }

Json fields_of(InternalTopic topic, const NullableBytes& key, const NullableBytes& value) {
  switch (topic) {
    case InternalTopic::none: return raw(key, value, "");
    case InternalTopic::cluster_metadata: return framed<net::MetadataRecord>(key, value);
    case InternalTopic::remote_log_metadata: return framed<net::RemoteLogRecord>(key, value);
    case InternalTopic::consumer_offsets: return group_fields(key, value);
    case InternalTopic::transaction_state:
      return keyed<Keyed<net::TransactionLogKey, net::TransactionLogValue>>(key, value);
    case InternalTopic::share_group_state:
      return keyed<Keyed<net::ShareSnapshotKey, net::ShareSnapshotValue>,
                   Keyed<net::ShareUpdateKey, net::ShareUpdateValue>>(key, value);
  }
  return raw(key, value, "");
}

Json control_fields_of(const NullableBytes& key, const NullableBytes& value) {
  const auto type = net::record::parse_control_key(key);
  if (!type) return raw(key, value, "the key is not a control record's");
  if (!*type) return raw(key, value, fmt::format("control records of type {} are not known to this release",
                                                 kernel::load_be<std::int16_t>(key->data() + kNumberBytes)));
  Json out{{"type", word_of(**type)}};
  const auto version = number_before(value);
  if (version) out["version"] = *version;
  const Result<Json> read = value ? control_value(**type, *value) : Result<Json>{kernel::fail(kernel::Errc::corrupt)};
  out["value"] = read ? *read : printable_or_null(value);
  if (!read) out["note"] = why_raw("the value", read.error(), version);
  return out;
}

}  // namespace broker::log
