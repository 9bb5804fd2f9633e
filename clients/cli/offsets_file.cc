#include "clients/cli/offsets_file.h"

#include <charconv>

#include <fmt/format.h>

namespace clients::cli {

namespace {

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string_view trimmed(std::string_view cell) {
  while (cell.starts_with(' ')) cell.remove_prefix(1);
  while (cell.ends_with(' ') || cell.ends_with('\r')) cell.remove_suffix(1);
  if (cell.size() >= 2 && cell.starts_with('"') && cell.ends_with('"')) return cell.substr(1, cell.size() - 2);
  return cell;
}

}  // namespace

std::optional<OffsetLine> parse_offset_line(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t comma = std::min(line.find(',', at), line.size());
    cells.push_back(trimmed(line.substr(at, comma - at)));
    at = comma + 1;
  }
  if (cells.size() != 3 && cells.size() != 4) return std::nullopt;
  OffsetLine out;
  if (cells.size() == 4) out.group = cells[0];
  const std::size_t first = cells.size() - 3;
  out.at.topic = cells[first];
  std::int32_t partition = -1;
  if (out.at.topic.empty() || !read_number(cells[first + 1], partition) || partition < 0 || !read_number(cells[first + 2], out.offset))
    return std::nullopt;
  out.at.partition = net::PartitionId{partition};
  return out;
}

std::string print_offset_line(const core::TopicPartition& at, net::Offset offset) {
  return fmt::format("{},{},{}\n", at.topic, at.partition.raw(), offset.raw());
}

}  // namespace clients::cli
