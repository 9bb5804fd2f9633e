#include "scenarios/oracles/damage.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "broker/log/identity_files.h"
#include "broker/log/log.h"
#include "broker/log/watermark_file.h"

namespace scenarios {

using broker::log::WatermarkFile;

namespace {

std::optional<kernel::Buffer> bytes_of(const sim::DiskImage& image, const sim::Inode& directory, std::string_view name) {
  const auto file = directory.entries.find(name);
  if (file == directory.entries.end()) return std::nullopt;
  return image.read(*file->second, 0, file->second->size);
}

}  // namespace

bool may_come_to(std::string_view path) {
  return path.ends_with(".log") || path.ends_with(".index") || path.ends_with(".timeindex") || path.ends_with(".snapshot");
}

bool was_damaged(const sim::DiskImage& image, const std::string& partition_directory) {
  const auto directory = image.find(partition_directory);
  return directory && std::ranges::any_of((*directory)->entries, [](const auto& entry) { return entry.second->was_damaged; });
}

std::map<std::string, net::Offset> synced_watermarks(const sim::DiskImage& image, std::string_view log_directory) {
  std::map<std::string, net::Offset> out;
  const auto root = image.find(log_directory);
  if (!root) return out;
  const auto base_bytes = bytes_of(image, **root, broker::log::kWatermarkFile);
  const auto base = base_bytes ? broker::log::parse_watermarks(base_bytes->view()) : kernel::Result<WatermarkFile>{};
  if (!base_bytes || !base) return out;
  broker::log::Watermarks marks = base->entries;
  for (const auto& [name, file] : (*root)->entries) {
    if (!name.starts_with(std::string{broker::log::kWatermarkFile} + ".") || name.ends_with(".tmp")) continue;
    const auto shard = broker::log::parse_watermarks(image.read(*file, 0, file->size).view());
    if (!shard || shard->header.run != base->header.run) continue;
    for (const auto& [key, mark] : shard->entries) marks[key] = mark;
  }
  for (const auto& [name, directory] : (*root)->entries) {
    if (!directory->is_directory) continue;
    const auto text = bytes_of(image, *directory, "partition.metadata");
    const auto split = name.rfind('-');
    if (!text || split == std::string::npos) continue;
    const auto identity = broker::log::parse_partition_metadata(kernel::as_text(text->view()));
    if (!identity) continue;
    for (const auto& [key, mark] : marks) {
      if (key.first == *identity && std::to_string(key.second.raw()) == name.substr(split + 1)) out[name] = mark.end;
    }
  }
  return out;
}

bool is_damage_story(const sim::LogLine& line) {
  const auto has = [&](std::string_view words) { return line.text.find(words) != std::string::npos; };
  // What an open log that is damaged leads to is named by the number of its reason.
  const auto damaged = static_cast<int>(broker::log::LogReason::damaged);
  return has("damaged") || has(fmt::format("broker.{} ", damaged));
}

}  // namespace scenarios
