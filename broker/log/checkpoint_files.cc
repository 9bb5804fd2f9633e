#include "broker/log/checkpoint_files.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "broker/log/text_lines.h"
#include "kernel/check.h"

namespace broker::log {
namespace {

constexpr int kVersion = 0;

/// Reads version and count, then hands each further line to `take_entry`, which says whether it is good.
template <class TakeEntry>
kernel::Result<> parse_lines(Lines& lines, TakeEntry take_entry) {
  const auto version = lines.next();
  if (!version || !parse_number<int>(*version)) return kernel::fail(Reason::bad_line, 1);
  if (*parse_number<int>(*version) != kVersion) return kernel::fail(Reason::bad_version, 1);
  const auto count_line = lines.next();
  const auto count = count_line ? parse_number<std::int32_t>(*count_line) : std::nullopt;
  if (!count || *count < 0) return kernel::fail(Reason::bad_line, 2);
  std::int32_t seen = 0;
  while (const auto line = lines.next()) {
    if (seen == *count) return kernel::fail(Reason::bad_count, lines.number());
    TRY(take_entry(*line));
    ++seen;
  }
  if (seen != *count) return kernel::fail(Reason::bad_count, lines.number() + 1);
  return {};
}

}  // namespace

kernel::Result<std::vector<EpochStart>> parse_leader_epochs(std::string_view text) {
  std::vector<EpochStart> entries;
  Lines lines{text};
  TRY(parse_lines(lines, [&](std::string_view line) -> kernel::Result<> {
    const auto epoch = parse_number<std::int32_t>(take_word(line));
    const auto start = parse_number<std::int64_t>(line);
    if (!epoch || !start || *epoch < 0 || *start < 0) return kernel::fail(Reason::bad_line, lines.number());
    const EpochStart entry{LeaderEpoch{*epoch}, Offset{*start}};
    if (!entries.empty() && (entry.epoch <= entries.back().epoch || entry.start <= entries.back().start))
      return kernel::fail(Reason::bad_line, lines.number());
    entries.push_back(entry);
    return {};
  }));
  return entries;
}

std::string format_leader_epochs(std::span<const EpochStart> entries) {
  std::string text = fmt::format("{}\n{}\n", kVersion, entries.size());
  for (const EpochStart& entry : entries)
    fmt::format_to(std::back_inserter(text), "{} {}\n", entry.epoch.raw(), entry.start.raw());
  return text;
}

kernel::Result<std::vector<PartitionOffset>> parse_partition_offsets(std::string_view text) {
  std::vector<PartitionOffset> entries;
  std::set<std::pair<std::string_view, PartitionId>> seen;
  Lines lines{text};
  TRY(parse_lines(lines, [&](std::string_view line) -> kernel::Result<> {
    const std::string_view topic = take_word(line);
    const auto partition = parse_number<std::int32_t>(take_word(line));
    const auto offset = parse_number<std::int64_t>(line);
    if (topic.empty() || !partition || !offset || *partition < 0)
      return kernel::fail(Reason::bad_line, lines.number());
    if (!seen.emplace(topic, PartitionId{*partition}).second) return kernel::fail(Reason::duplicate, lines.number());
    entries.push_back({std::string{topic}, PartitionId{*partition}, Offset{*offset}});
    return {};
  }));
  return entries;
}

std::string format_partition_offsets(std::span<const PartitionOffset> entries) {
  std::string text = fmt::format("{}\n{}\n", kVersion, entries.size());
  for (const PartitionOffset& entry : entries) {
    CHECK(entry.topic.find_first_of(" \n") == entry.topic.npos);
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", entry.topic, entry.partition.raw(), entry.offset.raw());
  }
  return text;
}

}  // namespace broker::log
