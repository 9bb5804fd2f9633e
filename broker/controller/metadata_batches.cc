#include "broker/controller/metadata_batches.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "kernel/check.h"
#include "net/messages/control_records.h"
#include "net/record/batch_builder.h"
#include "net/record/control.h"

namespace broker::controller {
namespace {

using kernel::Errc;
using kernel::fail;
using kernel::Result;
using net::record::BatchBuilder;
using net::record::BatchView;
using net::record::ControlType;

/// Uncompressed record bytes after which a snapshot begins a new batch.
constexpr std::size_t kSnapshotBatchBytes = 1u << 20;
constexpr std::int16_t kKraftVersionMax = 1;

BatchBuilder builder_at(const BatchPlace& place, bool control) {
  return BatchBuilder{{.base_offset = place.base, .leader_epoch = place.epoch, .control = control}};
}

/// Control records are written in version 0.
template <class Record>
void append_control(BatchBuilder& batch, ControlType type, const Record& record, std::int64_t timestamp_ms) {
  const auto value = net::encode(record, 0);
  CHECK(value.has_value());
  const auto key = net::record::control_key(type);
  batch.append({.timestamp_ms = timestamp_ms, .key = key, .value = *value, .headers = {}});
}

void append_view(BatchBuilder& batch, const QuorumView& view, std::int64_t timestamp_ms) {
  if (view.kraft_version < 1) return;
  net::KraftVersionRecord version;
  version.kraft_version = view.kraft_version;
  append_control(batch, ControlType::kraft_version, version, timestamp_ms);
  if (view.voters.empty()) return;
  net::Arena arena;
  net::VotersRecord record;
  record.voters = arena.list<net::VotersRecord::Voter>(view.voters.size());
  for (std::size_t i = 0; i < view.voters.size(); ++i) {
    auto& out = record.voters[i];
    out.voter_id = view.voters[i].id;
    out.voter_directory_id = view.voters[i].directory;
    for (const VoterEndpoint& one : view.voters[i].endpoints)
      arena.push_back(out.endpoints, {.name = one.listener, .host = one.host, .port = one.port, .unknown_tags = {}});
    out.kraft_version_feature.max_supported_version = kKraftVersionMax;
  }
  append_control(batch, ControlType::kraft_voters, record, timestamp_ms);
}

Voter voter_of(const net::VotersRecord::Voter& from) {
  Voter out{.id = from.voter_id, .directory = from.voter_directory_id, .endpoints = {}};
  for (const auto& one : from.endpoints)
    out.endpoints.push_back({.listener = std::string{one.name}, .host = std::string{one.host}, .port = one.port});
  return out;
}

/// Notes a control record that says something of the quorum; whether it was one.
Result<bool> note_view(ControlType type, kernel::ByteView value, QuorumView& view) {
  net::Arena arena;
  net::Reader reader{value, arena};
  if (type == ControlType::kraft_version) {
    view.kraft_version = TRY(net::decode<net::KraftVersionRecord>(reader, 0)).kraft_version;
    return true;
  }
  if (type != ControlType::kraft_voters) return false;
  const auto record = TRY(net::decode<net::VotersRecord>(reader, 0));
  view.voters.clear();
  for (const auto& one : record.voters) view.voters.push_back(voter_of(one));
  return true;
}

Result<net::record::RecordIterator> checked_records(const BatchView& batch) {
  const kernel::ByteView pieces[] = {batch.bytes};
  const std::int64_t at = batch.header.base_offset.raw();
  if (net::record::compute_crc(pieces) != batch.header.crc) return fail(Errc::corrupt, at);
  if (batch.header.codec() != net::record::Codec::none) return fail(Errc::corrupt, at);
  return net::record::RecordIterator{batch.header, batch.records()};
}

template <class T>
std::optional<T> digits(std::string_view text, std::size_t count) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() != count || text.front() == '-' || error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Reads a snapshot batch by batch and keeps its order: header first, footer last.
class SnapshotReader {
 public:
  Result<> take(const BatchView& batch) {
    auto records = TRY(checked_records(batch));
    while (const auto record = TRY(records.next())) {
      if (!record->value || footer_) return fail(Errc::corrupt, record->offset.raw());
      if (!batch.header.is_control()) {
        if (!header_) return fail(Errc::corrupt, record->offset.raw());
        out_.values.emplace_back(record->value->begin(), record->value->end());
      } else {
        TRY(take_control(*record));
      }
    }
    return {};
  }
  Result<Snapshot> finish() && {
    if (!footer_) return fail(Errc::corrupt);
    return std::move(out_);
  }

 private:
  Result<> take_control(const net::record::RecordView& record) {
    const auto type = TRY(net::record::parse_control_key(record.key));
    if (!type) return {};
    if (*type == ControlType::snapshot_header) {
      net::Arena arena;
      net::Reader reader{*record.value, arena};
      out_.last_timestamp_ms = TRY(net::decode<net::SnapshotHeaderRecord>(reader, 0)).last_contained_log_timestamp;
      header_ = true;
    } else if (*type == ControlType::snapshot_footer) {
      if (!header_) return fail(Errc::corrupt, record.offset.raw());
      footer_ = true;
    } else {
      static_cast<void>(TRY(note_view(*type, *record.value, out_.view)));
    }
    return {};
  }
  Snapshot out_;
  bool header_ = false;
  bool footer_ = false;
};

}  // namespace

Batch data_batch(std::span<const metadata::FramedValue> values, const BatchPlace& place) {
  BatchBuilder batch = builder_at(place, false);
  for (const metadata::FramedValue& value : values)
    batch.append({.timestamp_ms = place.timestamp_ms, .key = std::nullopt, .value = value, .headers = {}});
  return batch.build();
}

Batch leader_change_batch(net::BrokerId leader, std::span<const Voter> voters, const QuorumView* view,
                          const BatchPlace& place) {
  net::Arena arena;
  net::LeaderChangeMessage message;
  message.leader_id = leader;
  for (const Voter& one : voters) {
    arena.push_back(message.voters, {.voter_id = one.id, .unknown_tags = {}});
    if (one.id == leader) arena.push_back(message.granting_voters, {.voter_id = one.id, .unknown_tags = {}});
  }
  BatchBuilder batch = builder_at(place, true);
  append_control(batch, ControlType::leader_change, message, place.timestamp_ms);
  if (view != nullptr) append_view(batch, *view, place.timestamp_ms);
  return batch.build();
}

Result<> Replay::apply(const BatchView& batch) {
  auto records = TRY(checked_records(batch));
  while (const auto record = TRY(records.next())) {
    if (!record->value) return fail(Errc::corrupt, record->offset.raw());
    if (batch.header.is_control()) TRY(apply_control(*record));
    else TRY(builder_.apply(*record->value));
  }
  epoch_ = batch.header.leader_epoch;
  timestamp_ms_ = batch.header.max_timestamp_ms;
  return {};
}

Result<> Replay::apply_control(const net::record::RecordView& record) {
  const auto type = TRY(net::record::parse_control_key(record.key));
  if (!type || !TRY(note_view(*type, *record.value, view_))) return {};
  if (*type == ControlType::kraft_voters) saw_voters_ = true;
  return {};
}

metadata::ImageRef Replay::build(net::Offset end, net::LeaderEpoch epoch_before) {
  builder_.set_kraft_version(view_.kraft_version);  // here, since no transaction may take it back
  return builder_.build(end, std::max(epoch_before, epoch_), timestamp_ms_);
}

std::string snapshot_name(const SnapshotId& id) {
  return fmt::format("{:020}-{:010}.checkpoint", id.end.raw(), id.epoch.raw());
}

std::optional<SnapshotId> parse_snapshot_name(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".checkpoint";
  if (!file_name.ends_with(kSuffix)) return std::nullopt;
  file_name.remove_suffix(kSuffix.size());
  if (file_name.size() != 31 || file_name[20] != '-') return std::nullopt;
  const auto end = digits<std::int64_t>(file_name.substr(0, 20), 20);
  const auto epoch = digits<std::int32_t>(file_name.substr(21), 10);
  if (!end || !epoch) return std::nullopt;
  return SnapshotId{net::Offset{*end}, net::LeaderEpoch{*epoch}};
}

Batch encode_snapshot(const Snapshot& snapshot, net::LeaderEpoch epoch, std::int64_t now_ms) {
  Batch out;
  BatchPlace place{.epoch = epoch, .timestamp_ms = now_ms, .base = net::Offset{0}};
  const auto put = [&](BatchBuilder& batch) {
    place.base = place.base + batch.records_count();
    const Batch bytes = batch.build();
    out.insert(out.end(), bytes.begin(), bytes.end());
  };

  BatchBuilder head = builder_at(place, true);
  net::SnapshotHeaderRecord header;
  header.last_contained_log_timestamp = snapshot.last_timestamp_ms;
  append_control(head, ControlType::snapshot_header, header, now_ms);
  append_view(head, snapshot.view, now_ms);
  put(head);

  for (std::size_t i = 0; i < snapshot.values.size();) {
    BatchBuilder batch = builder_at(place, false);
    for (; i < snapshot.values.size() && batch.size_bytes_uncompressed() < kSnapshotBatchBytes; ++i)
      batch.append({.timestamp_ms = now_ms, .key = std::nullopt, .value = snapshot.values[i], .headers = {}});
    put(batch);
  }

  BatchBuilder foot = builder_at(place, true);
  append_control(foot, ControlType::snapshot_footer, net::SnapshotFooterRecord{}, now_ms);
  put(foot);
  return out;
}

Result<Snapshot> decode_snapshot(kernel::ByteView file) {
  net::record::BatchReader reader{file};
  SnapshotReader snapshot;
  while (const auto batch = TRY(reader.next())) TRY(snapshot.take(*batch));
  if (!reader.rest().empty()) return fail(Errc::corrupt, static_cast<std::int64_t>(file.size() - reader.rest().size()));
  return std::move(snapshot).finish();
}

}  // namespace broker::controller
