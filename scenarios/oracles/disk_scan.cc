#include "scenarios/oracles/disk_scan.h"

#include <algorithm>

#include <fmt/format.h>

#include "net/record/batch_reader.h"
#include "net/record/record_iterator.h"
#include "net/record/sequence.h"
#include "net/record/validate.h"

namespace scenarios {

using net::record::BatchHeader;

namespace {

constexpr std::size_t kScannedBatchMax = 64u << 20;

/// Appends the batches of one segment; false when something else follows them.
bool scan_segment(kernel::ByteView bytes, std::vector<BatchHeader>& batches) {
  net::record::BatchReader reader{bytes};
  for (;;) {
    const auto batch = reader.next();
    if (!batch) return false;
    if (!*batch) return reader.rest().empty();
    if (!net::record::check_whole((*batch)->header, {&(*batch)->bytes, 1})) return false;
    if (!batches.empty() && (*batch)->header.base_offset < batches.back().next_offset()) return false;
    batches.push_back((*batch)->header);
  }
}

void scan_batch(const net::record::BatchView& batch, ScannedRecords& out) {
  if (batch.header.has_producer()) out.last_of_producer[batch.header.producer_id] = batch.header.last_offset();
  const auto region = net::record::RecordRegion::open(batch.header, batch.records(), kScannedBatchMax);
  if (!region) return;
  auto records = region->iterate();
  for (auto record = records.next(); record && *record; record = records.next())
    out.keys[(*record)->offset.raw()] = kernel::as_text((*record)->key.value_or(kernel::ByteView{}));
}

}  // namespace

bool is_compacted(std::string_view log) { return log.starts_with("__consumer_offsets-") || log.starts_with("compacted-"); }

namespace {

void scan_directory(const sim::DiskImage& image, std::string_view log_directory, std::map<std::string, ScannedLog>& logs) {
  const auto root = image.find(log_directory);
  if (!root) return;
  const auto text_of = [&](const sim::InodeRef& directory, std::string_view name) -> std::optional<std::string> {
    const auto file = directory->entries.find(std::string{name});
    if (file == directory->entries.end()) return std::nullopt;
    return std::string{kernel::as_text(image.read(*file->second, 0, file->second->size).view())};
  };
  std::map<std::string, net::Offset> starts;
  if (const auto text = text_of(*root, "log-start-offset-checkpoint")) {
    if (const auto entries = broker::log::parse_partition_offsets(*text)) {
      for (const auto& one : *entries) starts[fmt::format("{}-{}", one.topic, one.partition.raw())] = one.offset;
    }
  }
  for (const auto& [name, directory] : (*root)->entries) {
    if (!directory->is_directory || name.ends_with("-delete") || name.ends_with("-stray")) continue;
    // A topic that is made anew under its name may lie elsewhere than what is left of it where a disk has failed.
    const bool is_first = !logs.contains(name);
    ScannedLog& log = logs[is_first ? name : fmt::format("{} in {}", name, log_directory)];
    log.directory = log_directory;
    if (const auto text = text_of(directory, "leader-epoch-checkpoint")) {
      if (auto epochs = broker::log::parse_leader_epochs(*text)) log.epochs = std::move(*epochs);
    }
    if (const auto start = starts.find(name); start != starts.end()) log.start = start->second;
    for (const auto& [file_name, file] : directory->entries) {  // segment names sort by offset
      if (!file_name.ends_with(".log") || !log.ends_cleanly) continue;
      const kernel::Buffer bytes = image.read(*file, 0, file->size);
      log.active_base = net::Offset{std::stoll(file_name)};
      log.ends_cleanly = scan_segment(bytes.view(), log.batches);
    }
  }
}

}  // namespace

std::map<std::string, ScannedLog> scan_logs(const sim::DiskImage& image, std::span<const std::string> log_directories) {
  std::map<std::string, ScannedLog> logs;
  for (const std::string& one : log_directories) scan_directory(image, one, logs);
  return logs;
}

std::optional<ScannedRecords> scan_records(const sim::DiskImage& image, std::span<const std::string> log_directories,
                                           const std::string& log) {
  const auto logs = scan_logs(image, log_directories);
  const auto found = logs.find(log);
  if (found == logs.end()) return std::nullopt;
  ScannedRecords out{.start = found->second.start, .active_base = found->second.active_base, .keys = {}, .last_of_producer = {}};
  auto directory = image.find(fmt::format("{}/{}", log_directories.front(), log));
  for (const std::string& one : log_directories)
    if (!directory) directory = image.find(fmt::format("{}/{}", one, log));
  for (const auto& [name, file] : (*directory)->entries) {
    if (name.ends_with(".swap")) return std::nullopt;
    if (!name.ends_with(".log")) continue;
    const kernel::Buffer bytes = image.read(*file, 0, file->size);
    net::record::BatchReader reader{bytes.view()};
    for (auto batch = reader.next(); batch && *batch; batch = reader.next()) scan_batch(**batch, out);
  }
  return out;
}

net::Offset ScannedLog::whole_end() const {
  if (!batches.empty() && batches.front().base_offset > start) return start;  // the first segment is lost
  net::Offset end{0};
  for (const BatchHeader& batch : batches) {
    if (&batch != &batches.front() && batch.base_offset != end) break;
    end = batch.next_offset();
  }
  return end;
}

void check_epochs(Run& run, const std::map<std::string, ScannedLog>& logs) {
  for (const auto& [name, log] : logs) {
    for (const BatchHeader& batch : log.batches) {
      if (batch.last_offset() < log.start) continue;
      run.judged("R5");
      if (!log.epochs) {
        run.violation("R5", fmt::format("{}: has batches and no record of leader epochs that can be read", name));
        break;
      }
      const net::Offset at = std::max(batch.base_offset, log.start);
      const auto above = std::ranges::upper_bound(*log.epochs, at, {}, &broker::log::EpochStart::start);
      // Behind a snapshot the metadata log begins anew, while its first segment keeps what lies before.
      if (above == log.epochs->begin() && name == "__cluster_metadata-0") continue;
      if (above != log.epochs->begin() && std::prev(above)->epoch == batch.leader_epoch) continue;
      std::string on_record;
      for (const auto& entry : *log.epochs) on_record += fmt::format(" {} from {}", entry.epoch.raw(), entry.start.raw());
      run.violation("R5", fmt::format("{}: the batch at {} is of epoch {}; on record:{}", name, batch.base_offset.raw(),
                                      batch.leader_epoch.raw(), on_record));
      break;
    }
  }
}

void check_recovered(Run& run, const std::map<std::string, ScannedLog>& survived,
                     const std::map<std::string, ScannedLog>& recovered) {
  for (const auto& [name, before] : survived) {
    const auto after = recovered.find(name);
    if (after == recovered.end()) continue;  // a topic whose deletion was under way
    if (after->second.directory != before.directory) continue;  // made anew elsewhere
    run.judged("R12");
    // The front may go (a snapshot, retention), the end may be cut; what is in between stays as it was.
    const auto& kept = after->second.batches;
    if (kept.empty()) continue;
    // A start completes a compaction that was cut off, of what lies below the newest segment.
    const net::Offset from = is_compacted(name) ? std::max(before.active_base, kept.front().base_offset) : kept.front().base_offset;
    auto old = std::ranges::lower_bound(before.batches, from, {}, &BatchHeader::base_offset);
    for (const BatchHeader& batch : kept) {
      if (batch.base_offset < from) continue;
      if (old == before.batches.end()) break;  // appended since
      if (*old++ == batch) continue;
      run.violation("R12", fmt::format("{}: recovery put another batch at offset {}", name, batch.base_offset.raw()));
      break;
    }
  }
}

void check_shape(Run& run, const std::map<std::string, ScannedLog>& logs, const std::set<std::string>& relaxed) {
  using Producer = std::pair<net::ProducerId, net::ProducerEpoch>;
  for (const auto& [name, log] : logs) {
    std::map<Producer, std::int32_t> last_sequence;
    const bool compacted = is_compacted(name);
    if (!log.ends_cleanly) run.violation("L6", fmt::format("{}: bytes that are no batches after a clean stop", name));
    const BatchHeader* before = nullptr;
    for (const BatchHeader& batch : log.batches) {
      run.judged("L2");
      if (before != nullptr && (compacted ? batch.base_offset < before->next_offset() : batch.base_offset != before->next_offset())) {
        run.violation("L2", fmt::format("{}: offset {} follows {}", name, batch.base_offset.raw(),
                                        before->last_offset().raw()));
      }
      before = &batch;
      if (compacted || !batch.has_producer() || batch.is_control()) continue;
      const Producer producer{batch.producer_id, batch.producer_epoch};
      const auto last = last_sequence.find(producer);
      run.judged("I2");
      // Where the log begins no more at its beginning, a producer's first batches may be gone.
      const bool front_is_gone = log.batches.front().base_offset > net::Offset{0};
      const bool may_begin_anywhere = last == last_sequence.end() && (front_is_gone || relaxed.contains(name));
      const std::int32_t expected = last == last_sequence.end() ? 0 : net::record::sequence_after(last->second, 1);
      if (!may_begin_anywhere && batch.base_sequence != expected) {
        run.violation("I2", fmt::format("{}: producer {} has sequence {} at offset {}, expected {}", name,
                                        producer.first.raw(), batch.base_sequence, batch.base_offset.raw(), expected));
      }
      last_sequence[producer] = batch.last_sequence();
    }
  }
}

}  // namespace scenarios
