// The door to other nodes: byte streams. Any read may be split anywhere; a write that returned has only reached a
// buffer, not the peer.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/buffer.h"
#include "kernel/disk.h"
#include "kernel/result.h"

namespace kernel {

class Fiber;

/// A numeric address ("127.0.0.1", "::1") and a port.
struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};
/// "127.0.0.1:9092", "[::1]:9092".
std::string to_string(const Endpoint& endpoint);

/// Told once, from the shard's loop, when a socket has bytes, an end or an error to read. This is how an idle
/// connection holds no fiber: the hook starts one.
class ReadableHook {
 public:
  virtual void on_readable() = 0;

 protected:
  ~ReadableHook() = default;
};

/// A connected byte stream. Belongs to the shard that made it until detach(); closed when destroyed.
class Socket {
 public:
  virtual ~Socket() = default;
  /// Up to out.size() bytes; 0 is the orderly end. Suspends until there is something.
  /// Errors: connection_reset, cancelled, deadline.
  virtual Result<std::size_t> read(Fiber& f, MutableByteView out) = 0;
  /// Hands over all of `chain`; suspends while the peer does not take it (back-pressure).
  /// Errors: connection_reset, cancelled, deadline (part of it may have been sent: abort the stream).
  /// `more_follows` lets the system wait for the next call before it sends a last small packet.
  virtual Result<> write(Fiber& f, std::span<const Buffer> chain, bool more_follows = false) = 0;
  /// Sends `length` bytes of `file` from `position` without a copy through user space where the system can.
  /// Errors: as write; corrupt when the file ends before.
  virtual Result<> send_file(Fiber& f, File& file, std::uint64_t position, std::size_t length) = 0;
  /// Nothing more will be written; the peer reads the end after all that was sent. Does not suspend.
  virtual void shutdown_write() = 0;
  /// Ends both directions at once; the peer may lose what it has not read. Wakes whoever waits. Does not suspend.
  virtual void abort() = 0;
  /// Arms `hook` for the next readability (at once when there is something already); null disarms. Only while no
  /// fiber reads. Does not suspend.
  virtual void watch_readable(ReadableHook* hook) = 0;
  [[nodiscard]] virtual Endpoint local() const = 0;
  [[nodiscard]] virtual Endpoint peer() const = 0;
  /// Lets go of this shard so that the socket can be handed to another, which calls attach(). No fiber may be using it.
  virtual void detach() = 0;
  virtual void attach(Fiber& f) = 0;
};
using SocketHandle = std::unique_ptr<Socket>;

class Listener {
 public:
  virtual ~Listener() = default;
  /// The next connection. Suspends. Errors: cancelled, deadline, too_many_files (wait and try again).
  virtual Result<SocketHandle> accept(Fiber& f) = 0;
  [[nodiscard]] virtual Endpoint local() const = 0;
};
using ListenerHandle = std::unique_ptr<Listener>;

class Network {
 public:
  virtual ~Network() = default;
  /// Port 0 takes any free one. Errors: address_in_use, permission, unreachable (not our address).
  virtual Result<ListenerHandle> listen(Fiber& f, const Endpoint& at) = 0;
  /// Errors: connection_refused, unreachable, cancelled, deadline.
  virtual Result<SocketHandle> connect(Fiber& f, const Endpoint& to) = 0;
  /// The addresses of a host name, in the order to try. Errors: unreachable when the name is not known.
  virtual Result<std::vector<Endpoint>> resolve(Fiber& f, std::string_view host, std::uint16_t port) = 0;
};

/// Resolves and connects to the first address that answers.
Result<SocketHandle> connect_to_host(Fiber& f, Network& network, std::string_view host, std::uint16_t port);

}  // namespace kernel
