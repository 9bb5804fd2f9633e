// The file form of ProducerState.
#include "broker/log/producer_state.h"
#include "kernel/check.h"
#include "kernel/crc32c.h"

namespace broker::log {
namespace {

constexpr std::int16_t kVersion = 1;
constexpr std::size_t kCrcAt = 2;
constexpr std::size_t kCountAt = 6;
constexpr std::size_t kEntriesAt = 10;
constexpr std::size_t kEntryBytes = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8;

/// Moves along the fields of a buffer whose size was checked.
class Fields {
 public:
  explicit Fields(const std::byte* at) : at_{at} {}
  template <class T>
  T get() {
    const T value = kernel::load_be<T>(at_);
    at_ += sizeof(T);
    return value;
  }

 private:
  const std::byte* at_;
};

template <class T>
void append(std::vector<std::byte>& out, T value) {
  out.resize(out.size() + sizeof value);
  kernel::store_be(out.data() + out.size() - sizeof value, value);
}

/// Nothing when the numbers cannot be.
std::optional<ProducerEntry> read_entry(Fields& fields) {
  ProducerEntry entry;
  entry.epoch = ProducerEpoch{fields.get<std::int16_t>()};
  SequencedBatch batch;
  batch.last_sequence = fields.get<std::int32_t>();
  batch.last_offset = Offset{fields.get<std::int64_t>()};
  batch.offset_delta = fields.get<std::int32_t>();
  batch.timestamp_ms = fields.get<std::int64_t>();
  entry.last_timestamp_ms = batch.timestamp_ms;
  entry.coordinator_epoch = fields.get<std::int32_t>();
  const auto open_start = fields.get<std::int64_t>();
  if (entry.epoch.raw() < -1 || open_start < -1) return std::nullopt;
  if (open_start >= 0) entry.open_transaction_start = Offset{open_start};
  if (batch.last_offset.raw() < 0) return entry;
  if (batch.last_sequence < 0 || batch.offset_delta < 0 || batch.offset_delta > batch.last_offset.raw())
    return std::nullopt;
  entry.batches.push_back(batch);
  return entry;
}

}  // namespace

std::vector<std::byte> ProducerState::encode_snapshot() const {
  std::vector<std::byte> file;
  file.reserve(kEntriesAt + entries_.size() * kEntryBytes);
  append(file, kVersion);
  append(file, std::uint32_t{0});
  append(file, static_cast<std::int32_t>(entries_.size()));
  for (const auto& [id, entry] : entries_) {
    const SequencedBatch last = entry.batches.empty() ? SequencedBatch{} : entry.batches.back();
    append(file, id.raw());
    append(file, entry.epoch.raw());
    append(file, last.last_sequence);
    append(file, last.last_offset.raw());
    append(file, last.offset_delta);
    append(file, entry.last_timestamp_ms);
    append(file, entry.coordinator_epoch);
    append(file, entry.open_transaction_start.value_or(Offset{-1}).raw());
  }
  CHECK(file.size() == kEntriesAt + entries_.size() * kEntryBytes);
  kernel::store_be(file.data() + kCrcAt, kernel::crc32c(kernel::ByteView{file}.subspan(kCountAt)));
  return file;
}

kernel::Result<ProducerState> ProducerState::decode_snapshot(kernel::ByteView file) {
  if (file.size() < kEntriesAt) return kernel::fail(Reason::bad_size, static_cast<std::int64_t>(file.size()));
  const auto version = kernel::load_be<std::int16_t>(file.data());
  if (version != kVersion) return kernel::fail(Reason::bad_version, version);
  if (kernel::load_be<std::uint32_t>(file.data() + kCrcAt) != kernel::crc32c(file.subspan(kCountAt)))
    return kernel::fail(Reason::bad_crc);
  const auto count = kernel::load_be<std::int32_t>(file.data() + kCountAt);
  if (count < 0 || file.size() - kEntriesAt != static_cast<std::size_t>(count) * kEntryBytes)
    return kernel::fail(Reason::bad_size, count);
  ProducerState state;
  Fields fields{file.data() + kEntriesAt};
  for (std::int32_t i = 0; i < count; ++i) {
    const ProducerId id{fields.get<std::int64_t>()};
    auto entry = read_entry(fields);
    if (id.raw() < 0 || !entry) return kernel::fail(Reason::bad_entry, i);
    if (entry->open_transaction_start) state.open_.insert(*entry->open_transaction_start);
    if (!state.entries_.emplace(id, std::move(*entry)).second) return kernel::fail(Reason::duplicate, i);
  }
  return state;
}

}  // namespace broker::log
