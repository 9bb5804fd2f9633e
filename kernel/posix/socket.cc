#include "kernel/posix/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>

#include "kernel/posix/disk.h"
#include "kernel/registered.h"

namespace kernel::posix {

/// Tells the hook of a socket that was readable already, from the loop. The socket may go first.
struct PosixSocket::Tell final : Message {
  explicit Tell(PosixSocket& socket) : socket{&socket} {}
  void deliver(Shard&) override {
    const std::unique_ptr<Tell> self{this};
    if (socket == nullptr) return;
    socket->telling_ = nullptr;
    if (socket->hook_ != nullptr) std::exchange(socket->hook_, nullptr)->on_readable();
  }
  PosixSocket* socket;
};

PosixSocket::PosixSocket(int fd, PosixShard& shard)
    : fd_{fd}, shard_{&shard}, peer_{endpoint_of(fd, &::getpeername)} {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

PosixSocket::~PosixSocket() {
  if (telling_ != nullptr) telling_->socket = nullptr;
  if (shard_ != nullptr) shard_->forget(*this);
  ::close(fd_);  // takes it out of the epoll set
}

Result<> PosixSocket::connected(Fiber& f) {
  {
    const Registered registered{writer_, f};
    while (!may_write_ && !hung_up_) TRY(f.park());
  }
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return fail_errno(error);
  peer_ = endpoint_of(fd_, &::getpeername);
  return {};
}

Result<std::size_t> PosixSocket::read(Fiber& f, MutableByteView out) {
  CHECK(!out.empty());
  for (;;) {
    if (aborted_) return fail(Errc::connection_reset);
    if (may_read_) {
      const ssize_t n = ::recv(fd_, out.data(), out.size(), 0);
      if (n >= 0) {
        // A short read has emptied the buffer and new bytes bring a new edge; an end that came with it would not.
        if (static_cast<std::size_t>(n) < out.size() && !end_seen_) may_read_ = false;
        return static_cast<std::size_t>(n);
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return fail_errno(errno);
      may_read_ = false;
    }
    const Registered registered{reader_, f};
    while (!may_read_ && !aborted_) TRY(f.park());
  }
}

Result<> PosixSocket::wait_writable(Fiber& f) {
  may_write_ = false;
  const Registered registered{writer_, f};
  while (!may_write_ && !aborted_ && !hung_up_) TRY(f.park());
  return {};
}

Result<> PosixSocket::write(Fiber& f, std::span<const Buffer> chain, bool more_follows) {
  std::size_t at = 0, skip = 0;
  for (;;) {
    while (at < chain.size() && skip >= chain[at].size()) skip -= chain[at++].size();
    if (at == chain.size()) return {};
    std::array<iovec, 64> parts;
    const std::size_t count = std::min(chain.size() - at, parts.size());
    for (std::size_t i = 0; i < count; ++i) {
      const ByteView part = chain[at + i].view().subspan(i == 0 ? skip : 0);
      parts[i] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    if (aborted_) return fail(Errc::connection_reset);
    const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
    if (n >= 0) {
      skip += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      TRY(wait_writable(f));
    } else if (errno != EINTR) {
      return fail_errno(errno);
    }
  }
}

Result<> PosixSocket::send_file(Fiber& f, File& file, std::uint64_t position, std::size_t length) {
  constexpr std::size_t kPieceBytes = 1 << 20;  // what one turn may send, or fetch from a cold disk
  while (length > 0) {
    const std::size_t piece = std::min(length, kPieceBytes);
    TRY(make_resident(f, file, position, piece));
    auto at = static_cast<off_t>(position);
    for (std::size_t left = piece; left > 0;) {
      if (aborted_) return fail(Errc::connection_reset);
      const ssize_t n = ::sendfile(fd_, descriptor_of(file), &at, left);
      if (n == 0) return fail(Errc::corrupt, at);
      if (n > 0) {
        left -= static_cast<std::size_t>(n);
      } else if (errno == EAGAIN) {
        TRY(wait_writable(f));
      } else if (errno != EINTR) {
        return fail_errno(errno, at);
      }
    }
    position += piece;
    length -= piece;
  }
  return {};
}

void PosixSocket::shutdown_write() { ::shutdown(fd_, SHUT_WR); }

void PosixSocket::abort() {
  if (aborted_) return;
  aborted_ = true;
  // Disconnecting resets the stream right away and keeps the descriptor's number ours until the object goes.
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  ::connect(fd_, &nowhere, sizeof nowhere);
  wake();
}

void PosixSocket::watch_readable(ReadableHook* hook) {
  CHECK(reader_ == nullptr);
  hook_ = hook;
  if (hook == nullptr || telling_ != nullptr || (!may_read_ && !aborted_)) return;
  if (!aborted_ && !end_seen_) {
    // may_read_ is only a guess; an idle connection must not start a fiber for nothing.
    std::byte probe;
    if (::recv(fd_, &probe, 1, MSG_PEEK) < 0 && errno == EAGAIN) {
      may_read_ = false;
      return;
    }
  }
  telling_ = new Tell{*this};
  shard_->post(*telling_);
}

Endpoint PosixSocket::local() const { return endpoint_of(fd_, &::getsockname); }

void PosixSocket::detach() {
  CHECK(reader_ == nullptr && writer_ == nullptr);
  hook_ = nullptr;
  if (telling_ != nullptr) std::exchange(telling_, nullptr)->socket = nullptr;
  shard_->unwatch(fd_);
  shard_->forget(*this);
  shard_ = nullptr;
}

void PosixSocket::attach(Fiber& f) {
  CHECK(shard_ == nullptr);
  shard_ = &static_cast<PosixShard&>(f.shard());
  may_read_ = true;
  CHECK(start().has_value());
}

void PosixSocket::wake() {
  if (reader_ != nullptr) reader_->wake();
  if (writer_ != nullptr) writer_->wake();
  if (hook_ != nullptr && (may_read_ || aborted_)) std::exchange(hook_, nullptr)->on_readable();
}

void PosixSocket::on_events(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) end_seen_ = true;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) may_read_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) may_write_ = true;
  wake();
}

}  // namespace kernel::posix
