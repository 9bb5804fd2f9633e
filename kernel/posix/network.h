// TCP of the real machine: non-blocking sockets in the epoll set of the shard that uses them.
#pragma once

#include "kernel/network.h"

namespace kernel::posix {

class PosixNetwork final : public Network {
 public:
  Result<ListenerHandle> listen(Fiber& f, const Endpoint& at) override;
  Result<SocketHandle> connect(Fiber& f, const Endpoint& to) override;
  Result<std::vector<Endpoint>> resolve(Fiber& f, std::string_view host, std::uint16_t port) override;
};

}  // namespace kernel::posix
