#include <algorithm>
#include <map>

#include "broker/config/judgement.h"

namespace broker::config {
namespace {

std::string text_of(const Given& given, std::string_view name) { return effective_value(name, given).value_or(""); }

/// Listener name to security protocol, both as written.
std::map<std::string, std::string, std::less<>> protocols(const Given& given, Judgement& judgement) {
  std::map<std::string, std::string, std::less<>> out;
  const std::string text = text_of(given, "listener.security.protocol.map");
  for (const std::string& entry : parse_list(text)) {
    const std::size_t colon = entry.find(':');
    if (colon == entry.npos || colon == 0 || colon + 1 == entry.size()) {
      judgement.problem("listener.security.protocol.map", text,
                        fmt::format("'{}' does not have the form NAME:PROTOCOL.", entry));
      continue;
    }
    out[entry.substr(0, colon)] = entry.substr(colon + 1);
  }
  if (!given.contains("listener.security.protocol.map"))
    for (const std::string& name : parse_list(text_of(given, "controller.listener.names"))) out[name] = "PLAINTEXT";
  return out;
}

std::vector<Listener> parse_all(std::string_view setting, const std::string& text, Judgement& judgement) {
  std::vector<Listener> out;
  for (const std::string& entry : parse_list(text)) {
    const auto listener = parse_listener(entry);
    if (!listener) {
      judgement.problem(setting, text, fmt::format("'{}' does not have the form NAME://host:port.", entry));
      continue;
    }
    if (std::ranges::find(out, listener->name, &Listener::name) != out.end())
      judgement.problem(setting, text, fmt::format("the listener {} comes twice; give each a name of its own.",
                                                   listener->name));
    if (listener->port != 0 && std::ranges::any_of(out, [&](const Listener& other) {
          return setting == "listeners" && other.port == listener->port && other.host == listener->host;
        }))
      judgement.problem(setting, text, fmt::format("two listeners share port {}; give each its own.", listener->port));
    out.push_back(*listener);
  }
  return out;
}

void judge_exposure(const Listener& listener, Judgement& judgement) {
  if (is_loopback(listener.host)) return;
  judgement.warn(fmt::format(
      "listeners: {} on {}:{} can be reached from other machines without encryption or authentication; listen on "
      "127.0.0.1, or make sure that only trusted machines reach that port.",
      listener.name, listener.host.empty() ? "all interfaces" : listener.host, listener.port));
}

Listener advertised_for(const Listener& listener, const std::vector<Listener>& advertised, Judgement& judgement) {
  const auto said = std::ranges::find(advertised, listener.name, &Listener::name);
  Listener out = said == advertised.end() ? listener : *said;
  if (out.host == "0.0.0.0" || out.host == "::")
    judgement.problem("advertised.listeners", out.host,
                      fmt::format("clients cannot connect to that address; set advertised.listeners to {}:// and the "
                                  "name of this machine.", listener.name));
  if (out.host.empty()) {
    out.host = "localhost";
    judgement.warn(fmt::format("advertised.listeners: nothing says how clients of {} call this machine, so they are "
                               "told localhost; set it if clients run elsewhere.", listener.name));
  }
  return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  std::uint32_t port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

}  // namespace

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::optional<Listener> parse_listener(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t colon = text.rfind(':');
  if (scheme == text.npos || scheme == 0 || colon == scheme) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string_view host = text.substr(scheme + 3, colon - scheme - 3);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  else if (host.find_first_of(":/[] ") != host.npos) return std::nullopt;
  std::string name{text.substr(0, scheme)};
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return Listener{.name = std::move(name), .host = std::string{host}, .port = *port};
}

void read_listeners(const Given& given, BrokerConfig& config, Judgement& judgement) {
  const auto protocol_of = protocols(given, judgement);
  const auto controller_names = parse_list(text_of(given, "controller.listener.names"));
  const std::string wanted = text_of(given, "listeners");
  const std::vector<Listener> said =
      parse_all("advertised.listeners", text_of(given, "advertised.listeners"), judgement);
  for (const Listener& listener : parse_all("listeners", wanted, judgement)) {
    const auto protocol = protocol_of.find(listener.name);
    if (protocol == protocol_of.end()) {
      judgement.problem("listeners", wanted, fmt::format("nothing says what the listener {0} speaks; add "
                        "{0}:PLAINTEXT to listener.security.protocol.map.", listener.name));
    } else if (protocol->second != "PLAINTEXT") {
      judgement.problem("listeners", wanted, fmt::format("the listener {} speaks {}, which is not implemented; use "
                        "PLAINTEXT.", listener.name, protocol->second));
    }
    if (std::ranges::find(controller_names, listener.name) != controller_names.end()) {
      config.controller_listeners.push_back(listener);
      continue;
    }
    judge_exposure(listener, judgement);
    config.listeners.push_back(listener);
    config.advertised.push_back(advertised_for(listener, said, judgement));
  }
  if (config.listeners.empty())
    judgement.problem("listeners", wanted, "no listener is left for clients; add PLAINTEXT://127.0.0.1:9092.");
  for (const Listener& one : said)
    if (std::ranges::find(config.listeners, one.name, &Listener::name) == config.listeners.end() &&
        std::ranges::find(controller_names, one.name) == controller_names.end())
      judgement.problem("advertised.listeners", text_of(given, "advertised.listeners"),
                        fmt::format("there is no listener {}; add it to listeners or leave it out here.", one.name));
  const std::string between_brokers = text_of(given, "inter.broker.listener.name");
  if (!between_brokers.empty() &&
      std::ranges::find(config.listeners, between_brokers, &Listener::name) == config.listeners.end())
    judgement.problem("inter.broker.listener.name", between_brokers,
                      "there is no such listener; name one of listeners.");
  if (config.controller_listeners.empty())
    config.controller_listeners.push_back({.name = "CONTROLLER", .host = "localhost", .port = 9093});
  for (Listener& one : config.controller_listeners)
    if (one.host.empty() || one.host == "0.0.0.0" || one.host == "::") one.host = "localhost";
}

void judge_roles(const Given& given, const BrokerConfig& config, Judgement& judgement) {
  if (const auto roles = given.find("process.roles"); roles != given.end()) {
    const auto named = parse_list(roles->second);
    if (std::ranges::find(named, "broker") == named.end() || std::ranges::find(named, "controller") == named.end())
      judgement.problem("process.roles", roles->second, "this process is broker and controller in one, and no other "
                        "form is implemented; set broker,controller.");
  }
  if (const auto voters = given.find("controller.quorum.voters"); voters != given.end()) {
    const auto named = parse_list(voters->second);
    if (named.size() > 1)
      judgement.problem("controller.quorum.voters", voters->second,
                        "a quorum of more than one voter is not implemented; name this node only.");
    else if (!named.empty() && !named.front().starts_with(fmt::format("{}@", config.node_id.raw())))
      judgement.problem("controller.quorum.voters", voters->second,
                        fmt::format("the one voter has to be this node, which is {0}; write {0}@host:port.",
                                    config.node_id.raw()));
  }
  if (const auto servers = given.find("controller.quorum.bootstrap.servers"); servers != given.end())
    if (parse_list(servers->second).size() > 1)
      judgement.problem("controller.quorum.bootstrap.servers", servers->second,
                        "a quorum of more than one controller is not implemented; name this node only.");
}

}  // namespace broker::config
