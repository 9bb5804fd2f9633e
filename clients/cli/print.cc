#include "clients/cli/print.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace clients::cli {

using net::record::NullableBytes;
using net::record::RecordView;
using Json = nlohmann::ordered_json;

namespace {

std::string hex(kernel::ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

std::string shown_bytes(const NullableBytes& bytes, RecordForm form) {
  if (!bytes) return "null";
  return form == RecordForm::hex ? hex(*bytes) : std::string{kernel::as_text(*bytes)};
}

void put_bytes(Json& json, const std::string& name, const NullableBytes& bytes) {
  if (!bytes) json[name] = nullptr;
  else if (is_utf8(kernel::as_text(*bytes))) json[name] = kernel::as_text(*bytes);
  else json[name + "_hex"] = hex(*bytes);
}

std::string as_json(const core::TopicPartition& at, const RecordView& record) {
  Json json{{"topic", at.topic}, {"partition", at.partition.raw()}, {"offset", record.offset.raw()},
            {"timestamp_ms", record.timestamp_ms}};
  Json headers = Json::array();
  for (const auto& header : record.headers.to_vector()) {
    Json one{{"name", header.key}};
    put_bytes(one, "value", header.value);
    headers.push_back(std::move(one));
  }
  json["headers"] = std::move(headers);
  put_bytes(json, "key", record.key);
  put_bytes(json, "value", record.value);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80 ? 0 : (lead >> 5) == 6 ? 1 : (lead >> 4) == 14 ? 2 : (lead >> 3) == 30 ? 3 : 4;
    if (more == 4 || i + more >= text.size() + (more == 0 ? 1 : 0)) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next >> 6) != 2) return false;
      point = point << 6 | (next & 0x3fu);
    }
    constexpr std::uint32_t kFirst[] = {0, 0x80, 0x800, 0x10000};
    if (point < kFirst[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += more + 1;
  }
  return true;
}

std::string print(const core::TopicPartition& at, const RecordView& record, RecordForm form, const Shown& shown) {
  if (form == RecordForm::json) return as_json(at, record);
  std::string line;
  if (shown.partition) line += fmt::format("{}\t", at.partition.raw());
  if (shown.offset) line += fmt::format("{}\t", record.offset.raw());
  if (shown.timestamp) line += fmt::format("{}\t", record.timestamp_ms);
  if (shown.headers) {
    bool first = true;
    for (const auto& header : record.headers.to_vector()) {
      line += fmt::format("{}{}={}", first ? "" : ",", header.key, shown_bytes(header.value, form));
      first = false;
    }
    line += '\t';
  }
  if (shown.key) line += shown_bytes(record.key, form) + "\t";
  return line + shown_bytes(record.value, form) + "\n";
}

}  // namespace clients::cli
