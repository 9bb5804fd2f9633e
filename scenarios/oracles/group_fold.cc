#include "scenarios/oracles/group_fold.h"

#include <fmt/format.h>

#include "broker/coordinators/group/stored.h"
#include "net/record/batch_reader.h"
#include "net/record/record_iterator.h"

namespace scenarios {

namespace group = broker::coordinators::group;

namespace {

constexpr std::size_t kUncompressedBytesMax = 64u << 20;

kernel::Result<> fold(group::State& state, kernel::ByteView segment) {
  net::record::BatchReader reader{segment};
  while (const auto batch = TRY(reader.next())) {
    if (batch->header.is_control()) continue;
    const auto region = TRY(net::record::RecordRegion::open(batch->header, batch->records(), kUncompressedBytesMax));
    auto records = region.iterate();
    while (const auto record = TRY(records.next()))
      TRY(state.apply({.offset = record->offset, .key = record->key, .value = record->value}));
  }
  return {};
}

}  // namespace

void check_group_fold(Run& run, const sim::DiskImage& image, std::span<const std::string> log_directories,
                      const std::string& group_id, const std::string& topic,
                      const std::vector<CommittedOffset>& told) {
  group::State state;
  std::map<std::string, sim::InodeRef> found;
  for (const std::string& path : log_directories) {
    const auto root = image.find(path);
    if (!root) return run.violation("G9", fmt::format("there is no log directory {}", path));
    for (const auto& [name, directory] : (*root)->entries)
      if (name.starts_with("__consumer_offsets-")) found[name] = directory;
  }
  for (const auto& [name, directory] : found) {
    for (const auto& [file_name, file] : directory->entries) {
      if (!file_name.ends_with(".log")) continue;
      const kernel::Buffer bytes = image.read(*file, 0, file->size);
      if (const auto folded = fold(state, bytes.view()); !folded)
        return run.violation("G9", fmt::format("{}/{} cannot be read: {}", name, file_name, describe(folded.error())));
    }
  }
  const group::Entry* entry = state.find(group_id);
  for (std::size_t p = 0; p < told.size(); ++p) {
    run.judged("G9");
    net::Offset stored{-1};
    if (entry != nullptr) {
      const auto of_topic = entry->offsets.find(topic);
      if (of_topic != entry->offsets.end()) {
        const auto at = of_topic->second.find(net::PartitionId{static_cast<std::int32_t>(p)});
        if (at != of_topic->second.end()) stored = at->second.offset;
      }
    }
    if (stored != told[p].offset) {
      run.violation("G9", fmt::format("partition {}: the log says {} is committed, the coordinator said {}", p, stored.raw(),
                                      told[p].offset.raw()));
    }
  }
}

}  // namespace scenarios
