#include "kernel/posix/network.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "kernel/posix/socket.h"
#include "kernel/registered.h"

namespace kernel::posix {
namespace {


struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<Address> to_address(const Endpoint& endpoint) {
  Address address;
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, endpoint.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(endpoint.port);
    address.length = sizeof *four;
    return address;
  }
  if (::inet_pton(AF_INET6, endpoint.address.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(endpoint.port);
    address.length = sizeof *six;
    return address;
  }
  return fail(Errc::invalid_argument);
}

Endpoint to_endpoint(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(six.sin6_port)};
  }
  const auto& four = reinterpret_cast<const sockaddr_in&>(storage);
  ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
  return {text.data(), ntohs(four.sin_port)};
}

/// Connections leave a part of the descriptors to files, lest somebody who connects often enough stops all writing. The
/// system gives out the lowest number that is free, so the number says how many are in use.
int highest_socket() {
  constexpr rlim_t kFilesMax = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > std::numeric_limits<int>::max()) return std::numeric_limits<int>::max();
  return static_cast<int>(limit.rlim_cur - std::min(limit.rlim_cur / 4, kFilesMax));
}

class PosixListener final : public Listener, private Pollable {
 public:
  PosixListener(int fd, PosixShard& shard) : fd_{fd}, shard_{shard}, sockets_below_{highest_socket()} {}
  ~PosixListener() override {
    shard_.forget(*this);
    ::close(fd_);
  }
  Result<> start() { return shard_.watch(fd_, *this); }

  Result<SocketHandle> accept(Fiber& f) override {
    for (;;) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= sockets_below_) {
        ::close(fd);
        has_refused_ = true;
        continue;
      }
      if (fd >= 0) {
        auto socket = std::make_unique<PosixSocket>(fd, shard_of(f));
        TRY(socket->start());
        return socket;
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN) return fail_errno(errno);
      if (std::exchange(has_refused_, false)) return fail(Errc::too_many_files);
      ready_ = false;
      const Registered registered{waiter_, f};
      while (!ready_) TRY(f.park());
    }
  }
  [[nodiscard]] Endpoint local() const override { return endpoint_of(fd_, &::getsockname); }

 private:
  void on_events(std::uint32_t) override {
    ready_ = true;
    if (waiter_ != nullptr) waiter_->wake();
  }
  int fd_;
  PosixShard& shard_;
  int sockets_below_;
  bool has_refused_ = false;  ///< since the last answer
  Fiber* waiter_ = nullptr;
  bool ready_ = false;
};

Result<int> new_socket(const Address& address) {
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_errno(errno);
  return fd;
}

Result<std::vector<Endpoint>> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_UNSPEC;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    // A bare system has no /etc/hosts, and the name is this machine's even so (RFC 6761, 6.3).
    if (host == "localhost") return std::vector{Endpoint{"127.0.0.1", port}};
    return fail(Errc::unreachable, error);
  }
  std::vector<Endpoint> endpoints;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, at->ai_addr, at->ai_addrlen);
    Endpoint endpoint = to_endpoint(storage);
    endpoint.port = port;
    endpoints.push_back(std::move(endpoint));
  }
  ::freeaddrinfo(found);
  return endpoints;
}

}  // namespace

Endpoint endpoint_of(int fd, int (*query)(int, sockaddr*, socklen_t*) noexcept) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (query(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return to_endpoint(storage);
}

Result<ListenerHandle> PosixNetwork::listen(Fiber& f, const Endpoint& at) {
  const Address address = TRY(to_address(at));
  const int fd = TRY(new_socket(address));
  auto listener = std::make_unique<PosixListener>(fd, shard_of(f));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  constexpr int kBacklog = 1024;
  if (::bind(fd, address.get(), address.length) != 0 || ::listen(fd, kBacklog) != 0) {
    // Not one of this machine's addresses: nobody could reach us there.
    return errno == EADDRNOTAVAIL ? fail(Errc::unreachable) : fail_errno(errno);
  }
  TRY(listener->start());
  return listener;
}

Result<SocketHandle> PosixNetwork::connect(Fiber& f, const Endpoint& to) {
  const Address address = TRY(to_address(to));
  const int fd = TRY(new_socket(address));
  auto socket = std::make_unique<PosixSocket>(fd, shard_of(f));
  if (::connect(fd, address.get(), address.length) != 0 && errno != EINPROGRESS) return fail_errno(errno);
  TRY(socket->start());
  TRY(socket->connected(f));
  return socket;
}

Result<std::vector<Endpoint>> PosixNetwork::resolve(Fiber& f, std::string_view host, std::uint16_t port) {
  if (to_address({std::string{host}, port})) return std::vector{Endpoint{std::string{host}, port}};
  return shard_of(f).blocking(f, shard_of(f).threads().names, [host = std::string{host}, port] { return look_up(host, port); });
}

}  // namespace kernel::posix
