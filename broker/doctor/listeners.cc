#include <fmt/format.h>

#include "broker/doctor/finding.h"
#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/framing.h"
#include "net/messages/api_versions.h"

namespace broker::doctor {

using config::Listener;
using kernel::Errc;
using kernel::Fiber;
using kernel::Result;

namespace {

using namespace std::chrono_literals;

constexpr kernel::Duration kAnswerMax = 5s;
constexpr std::size_t kAnswerBytesMax = 1 << 20;

Result<> read_exactly(Fiber& f, kernel::Socket& socket, kernel::MutableByteView out) {
  while (!out.empty()) {
    const std::size_t n = TRY(socket.read(f, out));
    if (n == 0) return kernel::fail(Errc::connection_reset);
    out = out.subspan(n);
  }
  return {};
}

/// Asks for what every Kafka broker answers to anybody. True when it did.
Result<bool> speaks_kafka(Fiber& f, kernel::Socket& socket) {
  constexpr std::int32_t kCorrelation = 20477;
  const auto frame = TRY(net::encode_request(0, kCorrelation, "kalda-doctor", net::ApiVersionsRequest{}));
  const kernel::Buffer request = kernel::Buffer::copy_of(kernel::ByteView{frame.bytes});
  TRY(socket.write(f, {&request, 1}));
  std::byte prefix[net::kFrameSizeBytes];
  TRY(read_exactly(f, socket, prefix));
  const auto size = kernel::load_be<std::int32_t>(prefix);
  if (size < 6 || static_cast<std::size_t>(size) > kAnswerBytesMax) return false;
  auto answer = kernel::MutableBuffer::allocate(static_cast<std::size_t>(size));
  TRY(read_exactly(f, socket, answer.bytes()));
  return kernel::load_be<std::int32_t>(answer.bytes().data()) == kCorrelation;
}

std::string unreached(const kernel::Error& error, const Listener& advertised) {
  if (error.is(Errc::unreachable)) return fmt::format("the name {} is not known here, or no way leads there", advertised.host);
  if (error.is(Errc::connection_refused)) return fmt::format("nobody listens at {}:{}", advertised.host, advertised.port);
  if (error.is(Errc::deadline)) return fmt::format("{}:{} does not answer within 5 s", advertised.host, advertised.port);
  return fmt::format("{}:{} ends the connection", advertised.host, advertised.port);
}

Finding look_at(Fiber& f, const Listener& listener, Listener advertised) {
  const std::string subject = "listener " + listener.name;
  const std::string advice = fmt::format("clients are sent to advertised.listeners: it must lead to this machine (now {}:{})", advertised.host, advertised.port);
  const auto within = f.deadline_in(kAnswerMax);
  kernel::Network& network = f.node().network();

  const auto addresses = listener.host.empty() ? Result<std::vector<kernel::Endpoint>>{{{"0.0.0.0", listener.port}}}
                                               : network.resolve(f, listener.host, listener.port);
  auto ours = addresses && !addresses->empty() ? network.listen(f, addresses->front())
                                               : Result<kernel::ListenerHandle>{kernel::fail(Errc::unreachable)};
  const bool broker_runs = !ours && ours.error().is(Errc::address_in_use);
  if (!ours && !broker_runs) {
    if (ours.error().is(Errc::permission))
      return {Verdict::failure, subject, fmt::format("no permission for port {}", listener.port), "choose a port above 1023"};
    return {Verdict::failure, subject, fmt::format("{} is no address of this machine", listener.host), "check `listeners`"};
  }
  if (advertised.port == 0 && ours) advertised.port = (*ours)->local().port;

  bool arrived = false;
  kernel::Scope scope{f};
  if (ours) {
    scope.spawn("doctor_accept", [&](Fiber& child) { arrived = (*ours)->accept(child).has_value(); });
  }
  const auto socket = kernel::connect_to_host(f, network, advertised.host, advertised.port);
  Finding finding{Verdict::fine, subject, fmt::format("{}:{} leads here; no broker is running", advertised.host, advertised.port), ""};
  if (!socket) {
    finding = {Verdict::failure, subject, unreached(socket.error(), advertised), advice};
  } else if (broker_runs) {
    const auto kafka = speaks_kafka(f, **socket);
    finding.text = fmt::format("a broker answers at {}:{}", advertised.host, advertised.port);
    if (!kafka || !*kafka)
      finding = {Verdict::failure, subject, fmt::format("what listens at {}:{} does not speak Kafka's protocol", advertised.host, advertised.port),
                 "stop that program, or choose another port in `listeners`"};
  } else {
    const auto soon = f.deadline_in(1s);
    while (!arrived && f.sleep(5ms)) continue;
    if (!arrived) finding = {Verdict::failure, subject, fmt::format("{}:{} leads to another machine", advertised.host, advertised.port), advice};
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
  return finding;
}

}  // namespace

void look_at_listeners(Fiber& f, const config::BrokerConfig& config, Findings& out) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) out.push_back(look_at(f, config.listeners[i], config.advertised[i]));
}

}  // namespace broker::doctor
