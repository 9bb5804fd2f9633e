#include "scenarios/oracles/derived.h"

#include <algorithm>

#include <fmt/format.h>

#include "broker/controller/metadata_batches.h"
#include "broker/log/producer_state.h"
#include "kernel/crc32c.h"
#include "net/record/batch_reader.h"
#include "scenarios/oracles/disk_scan.h"

namespace scenarios {

namespace controller = broker::controller;
namespace metadata = broker::metadata;
using net::Offset;
using net::record::BatchHeader;

namespace {

constexpr std::string_view kMetadataLog = "__cluster_metadata-0";

std::vector<BatchHeader> batches_of(const sim::DiskImage& image, const sim::Inode& directory) {
  std::vector<BatchHeader> out;
  for (const auto& [name, file] : directory.entries) {  // segment names sort by offset
    if (!name.ends_with(".log")) continue;
    const kernel::Buffer bytes = image.read(*file, 0, file->size);
    net::record::BatchReader reader{bytes.view()};
    for (auto batch = reader.next(); batch && *batch; batch = reader.next()) out.push_back((*batch)->header);
  }
  return out;
}

void check_snapshot(Run& run, const std::string& name, Offset at, const broker::log::ProducerState& snapshot,
                    const std::vector<BatchHeader>& batches) {
  std::map<net::ProducerId, const BatchHeader*> last;
  for (const BatchHeader& batch : batches) {
    if (batch.base_offset < at && batch.has_producer() && !batch.is_control()) last[batch.producer_id] = &batch;
  }
  for (const auto& [producer, batch] : last) {
    run.judged("I3");
    const broker::log::ProducerEntry* entry = snapshot.find(producer);
    if (entry != nullptr && entry->epoch == batch->producer_epoch && !entry->batches.empty() &&
        entry->last_sequence() == batch->last_sequence() && entry->batches.back().last_offset == batch->last_offset()) {
      continue;
    }
    // Compaction takes batches that have ceased to be the last; what knew of them then is older.
    if (is_compacted(name) && entry != nullptr && !entry->batches.empty() && entry->batches.back().last_offset > batch->last_offset()) continue;
    run.violation("I3", fmt::format("{}: the snapshot at {} does not know of the last batch of producer {}, at {}", name, at.raw(),
                                    producer.raw(), batch->base_offset.raw()));
  }
  const bool is_whole = !batches.empty() && batches.front().base_offset == Offset{0};
  for (const auto& [producer, entry] : snapshot.entries()) {
    if (!is_whole || is_compacted(name) || last.contains(producer)) continue;
    run.violation("I3", fmt::format("{}: the snapshot at {} knows producer {}, and no batch does", name, at.raw(), producer.raw()));
  }
}

std::uint32_t state_of(const metadata::Image& image) {
  std::uint32_t sum = 0;
  for (const metadata::FramedValue& value : metadata::to_records(image)) sum = kernel::crc32c(kernel::ByteView{value}, sum);
  return sum;
}

}  // namespace

void check_producers(Run& run, const sim::DiskImage& image, std::string_view log_directory) {
  const auto root = image.find(log_directory);
  if (!root) return;
  for (const auto& [name, directory] : (*root)->entries) {
    if (!directory->is_directory || name.ends_with("-delete") || name.ends_with("-stray")) continue;
    const auto batches = batches_of(image, *directory);
    for (const auto& [file_name, file] : directory->entries) {
      if (!file_name.ends_with(".snapshot")) continue;
      const auto snapshot = broker::log::ProducerState::decode_snapshot(image.read(*file, 0, file->size).view());
      if (!snapshot) {
        run.violation("I3", fmt::format("{}/{} cannot be read: {}", name, file_name, describe(snapshot.error())));
        continue;
      }
      check_snapshot(run, name, Offset{std::stoll(file_name)}, *snapshot, batches);
    }
  }
}

bool MetadataHistory::agrees(std::int64_t offset, std::uint32_t state) {
  run_.judged("M4");
  return states_.emplace(offset, state).first->second == state;
}

void MetadataHistory::look(const sim::DiskImage& image, std::string_view log_directory) {
  const auto directory = image.find(fmt::format("{}/{}", log_directory, kMetadataLog));
  if (!directory) return;
  metadata::ImageRef now = std::make_shared<metadata::Image>();
  controller::QuorumView view;
  std::optional<controller::SnapshotId> newest;
  for (const auto& [name, file] : (*directory)->entries) {  // by their offsets
    const auto id = controller::parse_snapshot_name(name);
    if (!id) continue;
    const auto content = controller::decode_snapshot(image.read(*file, 0, file->size).view());
    if (!content) continue;  // a start passes over it; where that matters the log has a gap
    metadata::Image empty;
    metadata::ImageBuilder builder{empty};
    builder.set_kraft_version(content->view.kraft_version);
    bool is_good = true;
    for (const metadata::FramedValue& value : content->values) is_good = is_good && builder.apply(kernel::ByteView{value}).has_value();
    run_.judged("M5");
    if (!is_good) {
      run_.violation("M5", fmt::format("the snapshot {} holds what cannot be applied", name));
      continue;
    }
    now = builder.build(id->end, id->epoch, content->last_timestamp_ms);
    view = content->view;
    newest = *id;
    if (!agrees(id->end.raw(), state_of(*now))) {
      run_.violation("M5", fmt::format("the snapshot {} is not what the log came to", name));
    }
  }
  Offset next = newest ? newest->end : Offset{0};
  for (const auto& [name, file] : (*directory)->entries) {
    if (!name.ends_with(".log")) continue;
    const kernel::Buffer bytes = image.read(*file, 0, file->size);
    net::record::BatchReader reader{bytes.view()};
    for (auto batch = reader.next(); batch && *batch; batch = reader.next()) {
      const BatchHeader& header = (*batch)->header;
      if (header.next_offset() <= next) continue;
      if (header.base_offset > next) {
        return run_.violation("M5", fmt::format("the metadata from {} to {} are in no snapshot and not in the log", next.raw(),
                                                header.base_offset.raw()));
      }
      controller::Replay replay{*now, view};
      if (!replay.apply(**batch)) return;  // torn: what comes behind it counts for nothing
      if (replay.builder().in_transaction()) return;
      view = replay.view();
      next = header.next_offset();
      now = replay.build(next, now->epoch);
      if (!agrees(next.raw(), state_of(*now))) {
        return run_.violation("M4", fmt::format("the metadata at {} are not what they were", next.raw()));
      }
    }
  }
}

}  // namespace scenarios
