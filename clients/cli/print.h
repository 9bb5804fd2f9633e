// A record as a line: its bytes as they are, an object for scripts, or hexadecimal digits.
#pragma once

#include <string>

#include "clients/core/metadata.h"
#include "net/record/record_iterator.h"

namespace clients::cli {

enum class RecordForm : std::uint8_t { raw, json, hex };

/// What a raw or hex line shows before the value, separated by tabs.
struct Shown {
  bool partition = false;
  bool offset = false;
  bool timestamp = false;
  bool headers = false;
  bool key = false;
};

/// With its newline. JSON always has everything; bytes that are not UTF-8 are under "key_hex" and "value_hex".
[[nodiscard]] std::string print(const core::TopicPartition& at, const net::record::RecordView& record, RecordForm form,
                                const Shown& shown);
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace clients::cli
