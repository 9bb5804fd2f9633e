// Offsets as lines, as Kafka's tool exports and imports them: "topic,partition,offset", or "group,topic,partition,offset".
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "clients/core/metadata.h"

namespace clients::cli {

struct OffsetLine {
  std::string group;  ///< empty: not said
  core::TopicPartition at;
  std::int64_t offset = 0;
};
/// Nothing when the line is neither. Topics and groups may stand in double quotes.
[[nodiscard]] std::optional<OffsetLine> parse_offset_line(std::string_view line);
/// With its newline.
[[nodiscard]] std::string print_offset_line(const core::TopicPartition& at, net::Offset offset);

}  // namespace clients::cli
