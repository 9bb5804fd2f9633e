// A TCP stream of the real machine. Input and output are tried first and waited for only when the system has nothing.
#pragma once

#include <sys/socket.h>

#include "kernel/network.h"
#include "kernel/posix/shard.h"

namespace kernel::posix {

Endpoint endpoint_of(int fd, int (*query)(int, sockaddr*, socklen_t*) noexcept);

class PosixSocket final : public Socket, private Pollable {
 public:
  PosixSocket(int fd, PosixShard& shard);
  ~PosixSocket() override;
  /// Joins the epoll set of its shard.
  Result<> start() { return shard_->watch(fd_, *this); }
  /// Waits until a connect that is under way has ended.
  Result<> connected(Fiber& f);

  Result<std::size_t> read(Fiber& f, MutableByteView out) override;
  Result<> write(Fiber& f, std::span<const Buffer> chain, bool more_follows) override;
  Result<> send_file(Fiber& f, File& file, std::uint64_t position, std::size_t length) override;
  void shutdown_write() override;
  void abort() override;
  void watch_readable(ReadableHook* hook) override;
  [[nodiscard]] Endpoint local() const override;
  [[nodiscard]] Endpoint peer() const override { return peer_; }
  void detach() override;
  void attach(Fiber& f) override;

 private:
  struct Tell;
  Result<> wait_writable(Fiber& f);
  void wake();
  void on_events(std::uint32_t events) override;

  int fd_;
  PosixShard* shard_;
  Endpoint peer_;
  Fiber* reader_ = nullptr;
  Fiber* writer_ = nullptr;
  ReadableHook* hook_ = nullptr;
  Tell* telling_ = nullptr;  // a message to our own loop that is under way
  bool may_read_ = true;     // tried at once; false after the system had nothing, until an edge
  bool may_write_ = false;
  bool end_seen_ = false;    // the peer has ended its direction, or worse: no more edges for input
  bool hung_up_ = false;
  bool aborted_ = false;
};

}  // namespace kernel::posix
