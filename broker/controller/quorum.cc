#include "broker/controller/quorum.h"

#include <charconv>

#include <fmt/format.h>

namespace broker::controller {
namespace {

using kernel::Errc;
using kernel::fail;

/// The text of a value behind `"key":`; nothing when there is no such key.
std::optional<std::string_view> value_text(std::string_view json, std::string_view key) {
  const std::string quoted = fmt::format("\"{}\"", key);
  std::size_t at = json.find(quoted);
  if (at == json.npos) return std::nullopt;
  at = json.find_first_not_of(" \t\n\r", at + quoted.size());
  if (at == json.npos || json[at] != ':') return std::nullopt;
  at = json.find_first_not_of(" \t\n\r", at + 1);
  if (at == json.npos) return std::nullopt;
  const std::string_view rest = json.substr(at);
  if (rest.front() == '"') {
    const std::size_t end = rest.find('"', 1);
    if (end == rest.npos) return std::nullopt;
    return rest.substr(1, end - 1);
  }
  return rest.substr(0, rest.find_first_of(" \t\n\r,}"));
}

kernel::Result<std::int32_t> number(std::string_view json, std::string_view key) {
  const auto text = value_text(json, key);
  std::int32_t value = 0;
  if (!text) return fail(Errc::corrupt);
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) return fail(Errc::corrupt);
  return value;
}

}  // namespace

std::string format_quorum_state(const QuorumState& state) {
  return fmt::format(
      R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},"votedDirectoryId":"{}","data_version":1}})",
      state.leader.raw(), state.epoch.raw(), state.voted.raw(), state.voted_directory.text());
}

kernel::Result<QuorumState> parse_quorum_state(std::string_view json) {
  const std::int32_t version = TRY(number(json, "data_version"));
  if (version < 0 || version > 1) return fail(Errc::unsupported, version);
  QuorumState out;
  out.leader = net::BrokerId{TRY(number(json, "leaderId"))};
  out.epoch = net::LeaderEpoch{TRY(number(json, "leaderEpoch"))};
  out.voted = net::BrokerId{TRY(number(json, "votedId"))};
  if (out.epoch.raw() < 0) return fail(Errc::corrupt);
  if (version == 1) {
    const auto directory = value_text(json, "votedDirectoryId");
    if (!directory) return fail(Errc::corrupt);
    out.voted_directory = TRY(net::Uuid::parse(*directory));
  }
  return out;
}

}  // namespace broker::controller
