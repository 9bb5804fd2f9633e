// The simulated network: byte streams between machines, with latency, cuts and everything a stream can do to you.
//
// A direction of a stream is a pipe: bytes written become segments that arrive in order after the link's latency, are
// held while the link is cut or clogged, and count against a window that gives back-pressure. An orderly close travels
// behind the data; an abort overtakes it. A machine without power answers nothing: its peers are half open until
// they write to it after it is back, and are reset then.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/network.h"
#include "kernel/random.h"
#include "sim/machine.h"
#include "sim/world.h"

namespace sim {

/// How a link behaves, one direction from machine to machine.
struct LinkFaults {
  bool cut = false;                  ///< nothing passes; what is sent waits (retransmission)
  kernel::Mono clogged_until{};      ///< nothing arrives before
  std::uint64_t bytes_per_second = 0;///< 0: not limited; a low number makes the other end a slow reader
};

struct NetworkOptions {
  kernel::Duration latency_base{50'000};
  kernel::Duration latency_spread{100'000};   ///< mean of the ordinary extra delay
  kernel::Duration latency_tail{400'000'000}; ///< rare worst case
  std::uint32_t refuse_ppm = 0;               ///< a connect is refused though somebody listens
  std::uint32_t reset_ppm = 0;                ///< a write kills its stream, losing a tail of what was sent
  std::uint32_t resolve_error_ppm = 0;        ///< a name is not known for once
  std::uint32_t resolve_stale_ppm = 0;        ///< a name leads to where nobody listens any more
  std::uint32_t short_read_ppm = 100'000;     ///< a read gives less than it could
  std::size_t window_bytes = 256 * 1024;
  kernel::Duration connect_timeout{20'000'000'000};
};

class Stream;
class SimListener;

class SimNetwork {
 public:
  explicit SimNetwork(World& world);
  ~SimNetwork();
  [[nodiscard]] NetworkOptions& options() { return options_; }
  /// The link from one machine to another.
  [[nodiscard]] LinkFaults& link(const Machine& from, const Machine& to) { return links_[{from.id(), to.id()}]; }
  void heal_all();
  /// Call after links were mended, so that held segments move again.
  void links_changed();

  kernel::Result<kernel::ListenerHandle> listen(Machine& machine, const kernel::Endpoint& at);
  kernel::Result<kernel::SocketHandle> connect(kernel::Fiber& f, Machine& from, const kernel::Endpoint& to);
  kernel::Result<std::vector<kernel::Endpoint>> resolve(std::string_view host, std::uint16_t port);

  /// Aborts some open streams of `machine` (all, or one drawn at random).
  void reset_streams(Machine& machine, bool all);
  /// The process died: the system closes its streams. With power loss nobody is told.
  void crash(Machine& machine, bool power_loss);
  [[nodiscard]] std::size_t open_streams() const { return streams_.size(); }

 private:
  friend class Stream;
  friend class SimListener;
  friend class SimSocket;
  [[nodiscard]] kernel::Duration latency();
  [[nodiscard]] bool passes(const Machine& from, const Machine& to) {
    return !link(from, to).cut;
  }
  std::uint16_t ephemeral_port(const Machine& machine);

  World& world_;
  NetworkOptions options_;
  kernel::Random random_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, LinkFaults> links_;
  std::map<std::pair<std::string, std::uint16_t>, SimListener*> listeners_;
  std::map<std::uint64_t, std::weak_ptr<Stream>> streams_;
  std::uint64_t next_stream_ = 1;
  std::map<std::uint32_t, std::uint16_t> next_port_;
};

}  // namespace sim
