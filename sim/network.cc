#include "sim/network.h"

#include "kernel/fiber.h"
#include "sim/stream.h"

namespace sim {

using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;

SimNetwork::SimNetwork(World& world) : world_{world}, random_{world.random(kernel::Domain::network, 0)} {}
SimNetwork::~SimNetwork() = default;

kernel::Duration SimNetwork::latency() {
  const auto spread = static_cast<std::uint64_t>(options_.latency_spread.count());
  const auto ordinary = static_cast<std::int64_t>(random_.below(2 * spread + 1));
  const auto tail = static_cast<std::int64_t>(
      random_.heavy_tail(static_cast<std::uint64_t>(options_.latency_tail.count()), 6));
  return options_.latency_base + kernel::Duration{ordinary + tail};
}

void SimNetwork::heal_all() {
  links_.clear();
  options_.refuse_ppm = options_.reset_ppm = options_.resolve_error_ppm = options_.resolve_stale_ppm = 0;
  options_.latency_tail = kernel::Duration{0};
  links_changed();
}

void SimNetwork::links_changed() {
  std::vector<std::shared_ptr<Stream>> open;
  for (const auto& [id, weak] : streams_) {
    if (auto stream = weak.lock()) open.push_back(std::move(stream));
  }
  for (const auto& stream : open) {
    for (int side = 0; side < 2; ++side) {
      stream->plan_delivery(side);
      stream->probe(side);
    }
  }
}

std::uint16_t SimNetwork::ephemeral_port(const Machine& machine) {
  std::uint16_t& next = next_port_[machine.id()];
  next = next < 32'768 || next == 60'999 ? 32'768 : next + 1;
  return next;
}

Result<kernel::ListenerHandle> SimNetwork::listen(Machine& machine, const kernel::Endpoint& at) {
  kernel::Endpoint bound = at;
  if (bound.address == "0.0.0.0" || bound.address == "127.0.0.1") bound.address = machine.address();
  if (bound.address != machine.address()) return fail(Errc::unreachable);
  if (bound.port == 0) bound.port = ephemeral_port(machine);
  if (listeners_.contains({bound.address, bound.port})) return kernel::fail_errno(EADDRINUSE);
  auto listener = std::make_unique<SimListener>(*this, machine, bound);
  listeners_[{bound.address, bound.port}] = listener.get();
  return listener;
}

Result<std::vector<kernel::Endpoint>> SimNetwork::resolve(std::string_view host, std::uint16_t port) {
  if (options_.resolve_error_ppm > 0 && random_.chance(options_.resolve_error_ppm)) {
    world_.mark("sim.network.resolve_error");
    return fail(Errc::unreachable);
  }
  const Machine* machine = world_.find_machine(host);
  if (machine == nullptr) return fail(Errc::unreachable);
  if (host != machine->address() && options_.resolve_stale_ppm > 0 && random_.chance(options_.resolve_stale_ppm)) {
    world_.mark("sim.network.resolve_stale");
    constexpr std::uint16_t kNobodys = 1;
    return std::vector{kernel::Endpoint{machine->address(), kNobodys}};
  }
  return std::vector{kernel::Endpoint{machine->address(), port}};
}

Result<kernel::SocketHandle> SimNetwork::connect(Fiber& f, Machine& from, const kernel::Endpoint& to) {
  Machine* target = world_.find_machine(to.address == "127.0.0.1" ? std::string_view{from.address()} : to.address);
  if (target == nullptr) return fail(Errc::unreachable);
  const auto silence = [&]() -> Result<kernel::SocketHandle> {
    world_.mark("sim.network.black_hole");
    TRY(f.sleep(options_.connect_timeout));
    return kernel::fail_errno(ETIMEDOUT);
  };
  TRY(f.sleep(latency()));
  if (!passes(from, *target) || !target->powered()) return silence();
  const auto listener = listeners_.find({target->address(), to.port});
  const bool refused = options_.refuse_ppm > 0 && random_.chance(options_.refuse_ppm);
  if (refused) world_.mark("sim.network.refused");
  if (!target->up() || refused || listener == listeners_.end() || listener->second->full()) {
    if (!passes(*target, from)) return silence();
    TRY(f.sleep(latency()));
    return kernel::fail_errno(ECONNREFUSED);
  }
  End client{.machine = &from, .incarnation = from.incarnation()};
  client.endpoint = {from.address(), ephemeral_port(from)};
  End server{.machine = target, .incarnation = target->incarnation()};
  server.endpoint = listener->second->local();
  auto stream = std::make_shared<Stream>(*this, next_stream_++, std::move(client), std::move(server));
  streams_[stream->id()] = stream;
  listener->second->offer(stream);
  auto socket = std::make_unique<SimSocket>(stream, 0);
  if (!passes(*target, from)) return silence();
  TRY(f.sleep(latency()));
  return socket;
}

void SimNetwork::reset_streams(Machine& machine, bool all) {
  std::vector<std::pair<std::shared_ptr<Stream>, int>> candidates;
  for (const auto& [id, weak] : streams_) {
    auto stream = weak.lock();
    if (stream == nullptr) continue;
    for (int side = 0; side < 2; ++side) {
      const End& end = stream->end(side);
      if (end.machine == &machine && end.incarnation == machine.incarnation() && end.open && !end.reset) {
        candidates.emplace_back(stream, side);
        break;
      }
    }
  }
  if (candidates.empty()) return;
  world_.mark("sim.network.reset");
  if (all) {
    for (const auto& [stream, side] : candidates) stream->lose_tail(side);
  } else {
    const auto& [stream, side] = candidates[random_.below(candidates.size())];
    stream->lose_tail(side);
  }
}

void SimNetwork::crash(Machine& machine, bool power_loss) {
  std::vector<std::shared_ptr<Stream>> open;
  for (const auto& [id, weak] : streams_) {
    if (auto stream = weak.lock()) open.push_back(std::move(stream));
  }
  for (const auto& stream : open) {
    for (int side = 0; side < 2; ++side) {
      End& end = stream->end(side);
      if (end.machine != &machine || !end.open) continue;
      end.reader = end.writer = nullptr;
      end.hook = nullptr;
      if (power_loss) {
        end.open = false;
        stream->out(side).in_flight.clear();
        stream->in(side).arrived.clear();
        world_.mark("sim.network.half_open");
      } else {
        stream->socket_gone(side);
      }
    }
  }
}

}  // namespace sim
