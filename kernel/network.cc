#include "kernel/network.h"

#include <fmt/format.h>

#include "kernel/fiber.h"

namespace kernel {

std::string to_string(const Endpoint& endpoint) {
  const bool six = endpoint.address.find(':') != std::string::npos;
  return six ? fmt::format("[{}]:{}", endpoint.address, endpoint.port)
             : fmt::format("{}:{}", endpoint.address, endpoint.port);
}

Result<SocketHandle> connect_to_host(Fiber& f, Network& network, std::string_view host, std::uint16_t port) {
  const std::vector<Endpoint> candidates = TRY(network.resolve(f, host, port));
  Result<SocketHandle> outcome = fail(Errc::unreachable);
  for (const Endpoint& candidate : candidates) {
    outcome = network.connect(f, candidate);
    if (outcome || outcome.error().is(Errc::cancelled) || outcome.error().is(Errc::deadline)) break;
  }
  return outcome;
}

}  // namespace kernel
