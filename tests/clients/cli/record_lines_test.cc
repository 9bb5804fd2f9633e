#include "clients/cli/record_lines.h"

#include <gtest/gtest.h>

namespace clients::cli {
namespace {

using net::record::NullableBytes;

std::string shown(const NullableBytes& bytes) { return bytes ? "'" + std::string{kernel::as_text(*bytes)} + "'" : "null"; }
/// "key value name=value... @timestamp", or what is wrong.
std::string read(std::string_view line, const LineForm& form = {}) {
  ParsedRecord record;
  if (const auto problem = parse_record(line, form, record)) return "? " + *problem;
  std::string out = shown(record.key) + " " + shown(record.value);
  for (const auto& header : record.headers) out += fmt::format(" {}={}", header.key, shown(header.value));
  if (record.timestamp_ms) out += fmt::format(" @{}", *record.timestamp_ms);
  return out;
}

TEST(RawLines, are_values_with_keys_and_headers_where_asked_for) {
  EXPECT_EQ(read("a\tb"), "null 'a\tb'");
  EXPECT_EQ(read(""), "null ''");
  EXPECT_EQ(read("k:v:w", {.key_separator = ":"}), "'k' 'v:w'");
  EXPECT_EQ(read("a=1,b=\tk:v", {.key_separator = ":", .headers = true}), "'k' 'v' a='1' b=''");
  EXPECT_EQ(read("-:-", {.key_separator = ":", .null_marker = "-"}), "null null");
  EXPECT_EQ(read("v", {.key_separator = ":"}), "? there is no key separator `:`");
  EXPECT_EQ(read("v", {.headers = true}), "? there is no tab after the headers");
  EXPECT_EQ(read("=v\tx", {.headers = true}), "? header `=v` is not NAME=VALUE");
}

TEST(HexLines, are_digits_in_each_part) {
  EXPECT_EQ(read("6162", {.form = RecordForm::hex}), "null 'ab'");
  EXPECT_EQ(read("h=4a\t6B:", {.form = RecordForm::hex, .key_separator = ":", .headers = true}), "'k' '' h='J'");
  EXPECT_EQ(read("null", {.form = RecordForm::hex, .null_marker = "null"}), "null null");
  for (const std::string_view bad : {"6", "6g", "zz", "61 62"}) EXPECT_EQ(read(bad, {.form = RecordForm::hex}).front(), '?') << bad;
}

TEST(JsonLines, are_what_consume_prints) {
  const LineForm kJson{.form = RecordForm::json};
  EXPECT_EQ(read(R"({"value":"v"})", kJson), "null 'v'");
  EXPECT_EQ(read(R"({"key":"k","value":null,"timestamp_ms":7})", kJson), "'k' null @7");
  EXPECT_EQ(read(R"({"key_hex":"6b","value_hex":"","headers":[{"name":"h","value":"1"},{"name":"i","value_hex":"4a"},{"name":"j"}]})", kJson),
            "'k' '' h='1' i='J' j=null");
  for (const std::string_view bad :
       {"", "v", "[]", "{}", R"({"key":"k"})", R"({"value":1})", R"({"value":{}})", R"({"value":"a","value_hex":"61"})",
        R"({"value":"a","colour":"red"})", R"({"value":"a","headers":{}})", R"({"value":"a","headers":[{"value":"b"}]})",
        R"({"value":"a","headers":["b"]})", R"({"value_hex":7})", R"({"value":"a","timestamp_ms":"now"})", R"({"value":"a"} x)"})
    EXPECT_EQ(read(bad, kJson).front(), '?') << bad;
}

TEST(Lines, that_were_printed_are_read_as_the_same_record) {
  net::record::RecordView record;
  record.timestamp_ms = 5;
  record.key = kernel::as_bytes("\xfe");
  record.value = kernel::as_bytes("v");
  const core::TopicPartition at{"t", net::PartitionId{1}};
  const auto again = [&](RecordForm form, const Shown& with) {
    std::string line = print(at, record, form, with);
    line.pop_back();
    return read(line, {.form = form, .key_separator = form == RecordForm::json ? "" : "\t"});
  };
  EXPECT_EQ(again(RecordForm::json, {}), "'\xfe' 'v' @5");
  EXPECT_EQ(again(RecordForm::hex, {.key = true}), "'\xfe' 'v'");
  EXPECT_EQ(again(RecordForm::raw, {.key = true}), "'\xfe' 'v'");
}

}  // namespace
}  // namespace clients::cli
