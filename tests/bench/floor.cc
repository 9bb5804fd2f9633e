// bench_floor: the thinnest program that does a broker's kernel work, to measure a broker against. It speaks just
// enough Kafka for bench_load: Produce 9 (checks the CRC, stamps the offset, writes the batch to a file, answers) and
// Fetch 4 (finds the batch, answers with sendfile). One thread, one epoll loop, one topic, one file a partition. It
// trusts its client: a frame it does not know ends it.
//
//   bench_floor DIR [--sync]     prints its port, then serves until killed
//
// It is meant to be beaten by nobody, so it takes no more at a time than a processor's cache holds: what was read is
// summed and written while it is still there. Batches of one turn of the loop are written together. With --sync it
// answers acks only after fdatasync, once for all that arrived in one turn (group commit).
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/batch.h"

namespace bench {
namespace {

constexpr std::size_t kFrameBytesMax = 4u << 20;
constexpr std::size_t kReadBytes = 256u << 10;   ///< of a client at once, and what is not written yet of a partition
constexpr std::size_t kBatchesMax = 512;         ///< in one write
constexpr off_t kFileBytesMax = off_t{4} << 30;  ///< then it starts over, so that a long run fits the disk

struct Partition {
  int file = -1;
  off_t end = 0;
  std::int64_t next_offset = 0;
  std::vector<std::pair<std::int64_t, off_t>> index;  ///< (base offset, position) of every batch
  bool dirty = false;
  std::vector<iovec> pending;  ///< batches in the clients' buffers, to be written at `end` less `pending_bytes`
  std::size_t pending_bytes = 0;
};

struct Client {
  int fd = -1;
  std::vector<char> in = std::vector<char>(kFrameBytesMax);
  std::size_t have = 0;
  std::size_t taken = 0;  ///< of it, handled; stays where it is until this client's next turn
  std::string out;        ///< answers of this turn
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

class Floor {
 public:
  Floor(std::string folder, bool sync) : folder_{std::move(folder)}, sync_{sync} {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 1024) != 0) fail("listen");
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    epoll_ = epoll_create1(0);
    watch(listener_, nullptr);
  }

  [[noreturn]] void serve() {
    for (;;) {
      epoll_event events[128];
      const int ready = epoll_wait(epoll_, events, 128, -1);
      std::vector<Client*> answered;
      for (int i = 0; i < ready; ++i) {
        auto* client = static_cast<Client*>(events[i].data.ptr);
        if (client == nullptr) {
          welcome();
        } else if (!receive(*client)) {
          write_pending();  // some may be in its buffer
          close(client->fd);
          std::erase_if(clients_, [&](const auto& c) { return c.get() == client; });
        } else if (!client->out.empty()) {
          answered.push_back(client);
        }
      }
      write_pending();
      if (sync_) sync_dirty();
      for (Client* client : answered) flush(*client);
    }
  }

 private:
  void watch(int fd, Client* client) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = client;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void welcome() {
    auto client = std::make_unique<Client>();
    client->fd = accept(listener_, nullptr, nullptr);
    const int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    watch(client->fd, client.get());
    clients_.push_back(std::move(client));
  }

  /// Takes what has arrived; false when the client is gone.
  bool receive(Client& c) {
    if (c.taken > 0) std::memmove(c.in.data(), c.in.data() + c.taken, c.have - c.taken);
    c.have -= std::exchange(c.taken, 0);
    const ssize_t got = read(c.fd, c.in.data() + c.have, std::min(kReadBytes, c.in.size() - c.have));
    if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
    if (got < 0) return true;
    c.have += static_cast<std::size_t>(got);
    std::size_t at = 0;
    const std::string_view in{c.in.data(), c.have};
    while (c.have - at >= 4) {
      const auto size = static_cast<std::size_t>(kernel::load_be<std::int32_t>(byte_at(in, at)));
      if (c.have - at - 4 < size) break;
      handle(c, c.in.data() + at + 4);
      at += 4 + size;
    }
    c.taken = at;
    return true;
  }

  void handle(Client& c, char* request) {
    const auto api = kernel::load_be<std::int16_t>(reinterpret_cast<std::byte*>(request));
    if (api == 0) return produce(c, request);
    if (api == 1) return fetch(c, request);
    std::fprintf(stderr, "bench_floor: request %d\n", api);
    std::exit(1);
  }

  static std::uint64_t take_varint(char*& at) {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(*at++);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  }
  template <class T>
  static T take(char*& at) {
    const T value = kernel::load_be<T>(reinterpret_cast<std::byte*>(at));
    at += sizeof(T);
    return value;
  }

  Partition& partition(std::int32_t id) {
    Partition& p = partitions_[id];
    if (p.file < 0) {
      p.file = open((folder_ + "/floor-" + std::to_string(id)).c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
      if (p.file < 0) fail("open");
    }
    return p;
  }

  void produce(Client& c, char* at) {
    at += 4;
    const auto correlation = take<std::int32_t>(at);
    at += 2 + kClient.size() + 1 + 1 + 2 + 4 + 1;
    const std::size_t name_size = take_varint(at) - 1;
    const std::string_view name{at, name_size};
    at += name_size + 1;
    const auto id = take<std::int32_t>(at);
    const std::size_t size = take_varint(at) - 1;
    Partition& p = partition(id);
    auto* batch = reinterpret_cast<std::byte*>(at);
    if (kernel::crc32c({batch + kChecked, size - kChecked}) != kernel::load_be<std::uint32_t>(batch + kCrcAt)) fail("crc");
    if (p.end > kFileBytesMax) {
      write_pending(p);
      // Writing over cached pages costs a third of appending new ones; no log can do it.
      if (ftruncate(p.file, 0) != 0) fail("ftruncate");
      p.end = 0;
      p.index.clear();
      p.next_offset = 0;
    }
    kernel::store_be<std::int64_t>(batch, p.next_offset);
    if (p.pending.empty()) waiting_.push_back(&p);
    p.pending.push_back({batch, size});
    p.pending_bytes += size;
    p.index.emplace_back(p.next_offset, p.end);
    const std::int64_t base = p.next_offset;
    p.next_offset += kernel::load_be<std::int32_t>(batch + kLastDeltaAt) + 1;
    p.end += static_cast<off_t>(size);
    p.dirty = true;
    if (p.pending_bytes >= kReadBytes || p.pending.size() == kBatchesMax) write_pending(p);

    std::string answer;
    put<std::int32_t>(answer, correlation);
    answer += '\0';
    put_varint(answer, 2);
    put_varint(answer, name.size() + 1);
    answer += name;
    put_varint(answer, 2);
    put<std::int32_t>(answer, id);
    put<std::int16_t>(answer, 0);
    put<std::int64_t>(answer, base);
    put<std::int64_t>(answer, -1);
    put<std::int64_t>(answer, 0);
    put_varint(answer, 1);
    answer += std::string(3, '\0');  // no message, no tags of the partition and of the topic
    put<std::int32_t>(answer, 0);
    answer += '\0';
    c.out += framed(answer);
  }

  static void write_pending(Partition& p) {
    const auto bytes = static_cast<ssize_t>(p.pending_bytes);
    if (pwritev(p.file, p.pending.data(), static_cast<int>(p.pending.size()), p.end - bytes) != bytes) fail("pwritev");
    p.pending.clear();
    p.pending_bytes = 0;
  }
  void write_pending() {
    for (Partition* p : waiting_)
      if (!p->pending.empty()) write_pending(*p);
    waiting_.clear();
  }

  void fetch(Client& c, char* at) {
    at += 4;
    const auto correlation = take<std::int32_t>(at);
    at += 2 + kClient.size() + 4 + 4 + 4 + 4 + 1 + 4;
    const auto name_size = static_cast<std::size_t>(take<std::int16_t>(at));
    const std::string_view name{at, name_size};
    at += name_size + 4;
    const auto id = take<std::int32_t>(at);
    const auto offset = take<std::int64_t>(at);
    const auto bytes_max = take<std::int32_t>(at);
    write_pending();
    Partition& p = partition(id);
    const auto found = std::ranges::lower_bound(p.index, offset, {}, &std::pair<std::int64_t, off_t>::first);
    off_t position = found == p.index.end() ? p.end : found->second;
    std::size_t left = static_cast<std::size_t>(std::min<off_t>(p.end - position, bytes_max));

    std::string answer;
    put<std::int32_t>(answer, 0);  // length, known below
    put<std::int32_t>(answer, correlation);
    put<std::int32_t>(answer, 0);
    put<std::int32_t>(answer, 1);
    put<std::int16_t>(answer, static_cast<std::int16_t>(name.size()));
    answer += name;
    put<std::int32_t>(answer, 1);
    put<std::int32_t>(answer, id);
    put<std::int16_t>(answer, 0);
    put<std::int64_t>(answer, p.next_offset);
    put<std::int64_t>(answer, p.next_offset);
    put<std::int32_t>(answer, -1);
    put<std::int32_t>(answer, static_cast<std::int32_t>(left));
    kernel::store_be(reinterpret_cast<std::byte*>(answer.data()), static_cast<std::int32_t>(answer.size() - 4 + left));
    flush(c);
    if (send(c.fd, answer.data(), answer.size(), MSG_MORE | MSG_NOSIGNAL) != static_cast<ssize_t>(answer.size())) fail("send");
    while (left > 0) {
      const ssize_t sent = sendfile(c.fd, p.file, &position, left);
      if (sent < 0 && errno != EAGAIN) return;  // the client left
      if (sent < 0) {
        wait_writable(c);
      } else {
        left -= static_cast<std::size_t>(sent);
      }
    }
  }

  static void wait_writable(const Client& c) {
    pollfd waiting{c.fd, POLLOUT, 0};
    poll(&waiting, 1, -1);
  }

  static void flush(Client& c) {
    for (std::size_t at = 0; at < c.out.size();) {
      const ssize_t wrote = send(c.fd, c.out.data() + at, c.out.size() - at, MSG_NOSIGNAL);
      if (wrote < 0 && errno != EAGAIN) break;
      if (wrote < 0) {
        wait_writable(c);
      } else {
        at += static_cast<std::size_t>(wrote);
      }
    }
    c.out.clear();
  }

  void sync_dirty() {
    const auto dirty = std::ranges::count_if(partitions_, [](const auto& each) { return each.second.dirty; });
    for (auto& [id, p] : partitions_) {
      if (!p.dirty) continue;
      // Many small files one by one cost far more than their file system at once.
      if ((dirty > 4 ? syncfs(p.file) : fdatasync(p.file)) != 0) fail("sync");
      if (dirty > 4) {
        for (auto& [other, q] : partitions_) q.dirty = false;
        return;
      }
      p.dirty = false;
    }
  }

  std::string folder_;
  bool sync_;
  int listener_ = -1;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<std::int32_t, Partition> partitions_;
  std::vector<Partition*> waiting_;  ///< with something to write
};

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  if (count < 2) {
    std::fprintf(stderr, "bench_floor DIR [--sync]\n");
    return 2;
  }
  bench::Floor{words[1], count > 2 && std::string_view{words[2]} == "--sync"}.serve();
}
