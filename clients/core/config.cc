#include "clients/core/config.h"

#include <charconv>

#include <fmt/format.h>

namespace clients::core {

namespace {

constexpr std::uint16_t kDefaultPort = 9092;

kernel::Result<HostPort> parse_server(std::string_view text, std::int64_t at) {
  HostPort server{"", kDefaultPort};
  std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == text.npos) return kernel::fail(kernel::Errc::invalid_argument, at);
    server.host = text.substr(1, bracket - 1);
    colon = bracket + 1 < text.size() && text[bracket + 1] == ':' ? bracket + 1 : text.npos;
    if (colon == text.npos && bracket + 1 != text.size()) return kernel::fail(kernel::Errc::invalid_argument, at);
  } else {
    server.host = text.substr(0, colon);
  }
  if (server.host.empty()) return kernel::fail(kernel::Errc::invalid_argument, at);
  if (colon != text.npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), server.port);
    if (problem != std::errc{} || end != digits.data() + digits.size() || server.port == 0)
      return kernel::fail(kernel::Errc::invalid_argument, at);
  }
  return server;
}

}  // namespace

std::string to_string(const HostPort& server) {
  return server.host.find(':') == std::string::npos ? fmt::format("{}:{}", server.host, server.port)
                                                    : fmt::format("[{}]:{}", server.host, server.port);
}

kernel::Result<std::vector<HostPort>> parse_servers(std::string_view text) {
  std::vector<HostPort> servers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::string_view one = text.substr(at, comma - at);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    servers.push_back(TRY(parse_server(one, static_cast<std::int64_t>(at))));
    at = comma + 1;
  }
  return servers;
}

}  // namespace clients::core
