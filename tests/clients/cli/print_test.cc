#include "clients/cli/print.h"

#include <gtest/gtest.h>

namespace clients::cli {
namespace {

TEST(Print, utf8_is_told_from_other_bytes) {
  for (const std::string_view good : {"", "abc", "é", "€", "\xf0\x9f\x90\x9d", "é€"}) EXPECT_TRUE(is_utf8(good)) << good;
  for (const std::string_view bad : {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(Print, every_form_tells_null_from_empty) {
  net::record::RecordView record;
  record.offset = net::Offset{7};
  record.timestamp_ms = 5;
  record.key = kernel::as_bytes("k");
  const core::TopicPartition at{"t", net::PartitionId{1}};
  EXPECT_EQ(print(at, record, RecordForm::raw, {.partition = true, .offset = true, .timestamp = true, .key = true}),
            "1\t7\t5\tk\tnull\n");
  record.value = kernel::as_bytes("");
  EXPECT_EQ(print(at, record, RecordForm::raw, {}), "\n");
  record.value = kernel::as_bytes("\xff");
  EXPECT_EQ(print(at, record, RecordForm::hex, {.key = true}), "6b\tff\n");
  EXPECT_EQ(print(at, record, RecordForm::json, {}),
            R"({"topic":"t","partition":1,"offset":7,"timestamp_ms":5,"headers":[],"key":"k","value_hex":"ff"})" "\n");
}

}  // namespace
}  // namespace clients::cli
