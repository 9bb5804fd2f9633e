// One client's connection. It holds no fiber while it is idle: the shard starts one when bytes arrive, and it ends when
// no whole request is left. Replies leave in the order of the requests, whoever finishes first.
//
// Produce requests are pipelined: the next may start once the former has handed its batches to their logs in order.
// Every other API waits until all replies before it are out, as Kafka does.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "broker/limits.h"
#include "broker/server/reply.h"
#include "kernel/network.h"
#include "kernel/notify.h"
#include "kernel/scope.h"
#include "kernel/semaphore.h"
#include "kernel/shard.h"

namespace broker::server {

class Connection;

/// A request that has arrived whole. Its bytes are charged to the memory budget until the reply is out, or
/// ReplySlot::uncharge().
struct Request {
  std::shared_ptr<Connection> connection;
  kernel::Buffer frame;  ///< without the size prefix; decoded values point into it
  kernel::Mono arrived{};
};

/// Where its reply goes. Must be used exactly once.
class ReplySlot {
 public:
  ReplySlot(std::shared_ptr<Connection> connection, std::uint64_t number)
      : connection_{std::move(connection)}, number_{number} {}
  /// Sends `reply` when its turn comes; this fiber may also send others' whose turn it is. Suspends.
  void send(kernel::Fiber& f, Reply reply);
  /// The request is charged no more: whoever answers has let go of its frame, and may wait long. Does not suspend.
  void uncharge();
  [[nodiscard]] const std::shared_ptr<Connection>& connection() const { return connection_; }

 private:
  std::shared_ptr<Connection> connection_;
  std::uint64_t number_;
};

/// Who answers requests. Called on the connection's fiber, in order; may suspend. For a pipelined request it returns
/// once order no longer matters, and the slot is used later by another fiber.
class RequestHandler {
 public:
  /// Whether a request that begins with this API key may run beside earlier ones of its connection.
  [[nodiscard]] virtual bool pipelined(std::int16_t api_key) const = 0;
  virtual void handle(kernel::Fiber& f, Request request, ReplySlot slot) = 0;

 protected:
  ~RequestHandler() = default;
};

struct ConnectionLimits {
  std::uint32_t frame_bytes_max = 104'857'600;  ///< socket.request.max.bytes
};

/// What the connections of a shard share.
struct ConnectionGround {
  kernel::Shard& shard;
  kernel::Scope& scope;         ///< owns the fibers
  kernel::Semaphore& memory;    ///< bytes of requests in progress
  RequestHandler& handler;
  ConnectionLimits limits;
  std::function<void(Connection&)> on_closed;  ///< told once
  /// Told while a connection has waited for memory for a while: ends connections that keep it for nothing.
  std::function<void(kernel::Mono now)> on_memory_short;
};

class Connection final : public std::enable_shared_from_this<Connection>, private kernel::ReadableHook {
 public:
  Connection(ConnectionGround& ground, kernel::SocketHandle socket, std::uint64_t id, std::string listener);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Starts listening for requests. Whoever owns the connection keeps it until on_closed.
  void start();
  /// Ends the connection now; replies that are owed are lost. Does not suspend.
  void abort();
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const std::string& listener() const { return listener_; }
  [[nodiscard]] const kernel::Endpoint& peer() const { return peer_; }
  [[nodiscard]] bool closed() const { return socket_ == nullptr; }
  /// When the last byte came or went.
  [[nodiscard]] kernel::Mono last_active() const { return last_active_; }
  /// What a frame that has not arrived whole keeps of the memory budget, and since when; nothing when there is none.
  struct PartialFrame {
    std::int64_t memory_bytes;
    kernel::Mono since;
  };
  [[nodiscard]] std::optional<PartialFrame> partial_frame() const;

  /// Said by ApiVersions, for logs.
  std::string client_software;

 private:
  friend class ReplySlot;
  struct Pending {
    std::optional<Reply> reply;
    kernel::Semaphore::Units memory;
  };

  void on_readable() override;
  void serve(kernel::Fiber& f);
  struct Arrived {
    kernel::Buffer frame;
    kernel::Semaphore::Units memory;
  };
  /// Reads once. False at the end of the stream or an error.
  bool read_some(kernel::Fiber& f);
  /// Brings what is charged for incoming_ to `bytes`. False when there is no memory for too long, or an end meanwhile.
  bool charge(kernel::Fiber& f, std::size_t bytes);
  /// The next whole frame among what was read. Errors: corrupt, too_large.
  kernel::Result<std::optional<Arrived>> next_frame();
  Arrived take_frame(std::size_t whole);
  /// Moves the beginning of a frame to the front of a block of `size`.
  void move_to_block(std::size_t size);
  /// Before it goes idle: keeps no more than what has arrived of a frame.
  void keep_little();
  bool dispatch(kernel::Fiber& f, Arrived arrived);
  void send_ready(kernel::Fiber& f);
  [[nodiscard]] bool next_ready() const;
  kernel::Result<> write(kernel::Fiber& f, std::span<const Reply> replies);
  /// No more requests and replies; settle() lets go of the socket when no fiber uses it.
  void close();
  /// Called when a fiber has ended its work: goes back to waiting for bytes, or ends.
  void settle();

  ConnectionGround& ground_;
  kernel::SocketHandle socket_;
  kernel::Endpoint peer_;
  std::uint64_t id_;
  std::string listener_;
  kernel::Mono last_active_{};
  bool serving_ = false;
  bool closing_ = false;

  // Bytes read and not taken: frames that have arrived whole with what came behind them, or else the beginning of one.
  kernel::Buffer arrived_;
  kernel::MutableBuffer incoming_;
  std::size_t have_ = 0;
  /// A block of a large frame is charged as bytes arrive in it (its other pages are still the system's), any other as
  /// a whole.
  kernel::Semaphore::Units incoming_memory_;
  std::size_t chunk_bytes_ = kReadChunkBytes;
  kernel::Mono frame_began_{};

  // Replies owed, oldest first; number of the first one.
  std::deque<Pending> waiting_replies_;
  std::uint64_t first_waiting_ = 0;
  std::uint64_t next_number_ = 0;
  bool sending_ = false;
  kernel::Notify reply_gone_;
};

}  // namespace broker::server
