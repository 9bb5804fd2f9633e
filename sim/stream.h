// A simulated byte stream: two ends, two pipes. Internal to the simulated network.
#pragma once

#include <array>
#include <deque>
#include <memory>

#include "kernel/network.h"
#include "kernel/notify.h"
#include "sim/machine.h"
#include "sim/network.h"

namespace sim {

/// One direction.
struct Pipe {
  struct Segment {
    kernel::Buffer bytes;
    kernel::Mono arrives;
  };
  std::deque<Segment> in_flight;          // sent, not arrived
  std::deque<kernel::Buffer> arrived;     // not read yet
  std::size_t window_used = 0;            // bytes sent and not read
  kernel::Mono last_arrival{};
  bool end_sent = false, end_arrived = false;
  bool delivery_planned = false;
};

/// One end, as its machine sees it.
struct End {
  Machine* machine = nullptr;
  std::uint64_t incarnation = 0;
  kernel::Endpoint endpoint;
  bool open = true;    ///< the socket object exists
  bool reset = false;  ///< reads and writes fail
  kernel::Fiber* reader = nullptr;
  kernel::Fiber* writer = nullptr;
  kernel::ReadableHook* hook = nullptr;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(SimNetwork& network, std::uint64_t id, End client, End server);
  ~Stream();
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] SimNetwork& network() const { return network_; }
  [[nodiscard]] End& end(int side) { return ends_[static_cast<std::size_t>(side)]; }
  /// The pipe that `side` writes to.
  [[nodiscard]] Pipe& out(int side) { return pipes_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] Pipe& in(int side) { return pipes_[static_cast<std::size_t>(1 - side)]; }

  [[nodiscard]] bool readable(int side);
  std::size_t take(int side, kernel::MutableByteView out);
  void send(int side, kernel::Buffer bytes);
  void send_end(int side);
  /// `side` gives the stream up; the other end hears of it after the link's latency.
  void abort(int side);
  /// The end at `side` learns that the stream is dead.
  void reset(int side);
  void lose_tail(int side);
  void socket_gone(int side);
  /// Moves what may arrive now; called at arrival times and when links change.
  void deliver(int writer_side);
  void plan_delivery(int writer_side);
  /// Whoever is blocked asks for room from time to time; a peer that is gone answers with a reset.
  void probe(int writer_side);

 private:
  void wake_reader(int side);
  void wake_writer(int side);
  [[nodiscard]] bool writer_is_stale(int side) const;
  SimNetwork& network_;
  std::uint64_t id_;
  std::array<End, 2> ends_;
  std::array<Pipe, 2> pipes_;
};

class SimSocket final : public kernel::Socket {
 public:
  SimSocket(std::shared_ptr<Stream> stream, int side) : stream_{std::move(stream)}, side_{side} {}
  ~SimSocket() override;
  kernel::Result<std::size_t> read(kernel::Fiber& f, kernel::MutableByteView out) override;
  kernel::Result<> write(kernel::Fiber& f, std::span<const kernel::Buffer> chain, bool more_follows) override;
  kernel::Result<> send_file(kernel::Fiber& f, kernel::File& file, std::uint64_t position,
                             std::size_t length) override;
  void shutdown_write() override;
  void abort() override;
  void watch_readable(kernel::ReadableHook* hook) override;
  [[nodiscard]] kernel::Endpoint local() const override { return stream_->end(side_).endpoint; }
  [[nodiscard]] kernel::Endpoint peer() const override { return stream_->end(1 - side_).endpoint; }
  void detach() override;
  void attach(kernel::Fiber& f) override;

 private:
  [[nodiscard]] bool usable() const;
  std::shared_ptr<Stream> stream_;
  int side_;
};

class SimListener final : public kernel::Listener {
 public:
  static constexpr std::size_t kBacklogMax = 128;
  SimListener(SimNetwork& network, Machine& machine, kernel::Endpoint at)
      : network_{network}, machine_{machine}, incarnation_{machine.incarnation()}, at_{std::move(at)} {}
  ~SimListener() override;
  kernel::Result<kernel::SocketHandle> accept(kernel::Fiber& f) override;
  [[nodiscard]] kernel::Endpoint local() const override { return at_; }
  [[nodiscard]] bool full() const { return backlog_.size() >= kBacklogMax; }
  void offer(std::shared_ptr<Stream> stream);
  [[nodiscard]] Machine& machine() const { return machine_; }

 private:
  SimNetwork& network_;
  Machine& machine_;
  std::uint64_t incarnation_;
  kernel::Endpoint at_;
  std::deque<std::shared_ptr<Stream>> backlog_;
  kernel::Notify arrived_;
};

}  // namespace sim
