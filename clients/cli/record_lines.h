// Records from lines, in the forms in which `kalda consume` prints them: what one prints the other takes.
//
//   ParsedRecord record;
//   if (const auto problem = parse_record(line, {.form = RecordForm::hex, .key_separator = "\t"}, record)) complain(*problem);
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/cli/print.h"
#include "net/record/record_iterator.h"

namespace clients::cli {

struct LineForm {
  RecordForm form = RecordForm::raw;
  std::string key_separator;               ///< empty: lines have no keys
  bool headers = false;                    ///< lines begin with NAME=VALUE,... and a tab
  std::optional<std::string> null_marker;  ///< the key or value that is null
};

/// Its views point into the line, or into `owned`.
struct ParsedRecord {
  net::record::NullableBytes key;
  net::record::NullableBytes value;
  std::vector<net::record::RecordHeader> headers;
  std::optional<std::int64_t> timestamp_ms;
  std::deque<std::string> owned;
};

/// Fills in `out`, or says what is wrong. raw and hex: [NAME=VALUE,...<tab>][KEY<separator>]VALUE, in hex the keys and
/// values as digits. json: an object with value or value_hex, and where wanted key or key_hex, headers, timestamp_ms;
/// topic, partition and offset are passed over.
[[nodiscard]] std::optional<std::string> parse_record(std::string_view line, const LineForm& form, ParsedRecord& out);
/// "NAME=VALUE" behind the headers that are there. Says what is wrong, if anything.
[[nodiscard]] std::optional<std::string> take_header(std::string_view text, RecordForm form, ParsedRecord& out);

}  // namespace clients::cli
