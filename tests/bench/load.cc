// bench_load: a Kafka load generator that costs little itself. Requests are framed once and sent over raw sockets, so
// what it measures is the broker. One thread, many connections, several requests in flight on each.
//
//   bench_load --port 9092 --topic t [--mode produce] --acks 1 --record-bytes 1024 --batch-bytes 65536
//              --connections 1 --in-flight 5 --partitions 1 --seconds 5 --warm-up 1 --rate 0 --pid BROKER
//   bench_load --port 9092 --topic t --mode fetch --batch-bytes 1048576 ...
//   bench_load --port 9092 --topic t --warm-up 0 --requests 1      ends with the first answer
//   bench_load ... --bytes-max 4000000000                           ends early after so many, warm-up included
//
// Prints one JSON object. Latency is from the moment a request was due: in an open loop (--rate, requests a second)
// that is its place in the schedule whether or not it could be sent then, so a stall of the broker is not hidden.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "kernel/bytes.h"
#include "tests/bench/batch.h"

namespace bench {
namespace {

using Nanos = std::int64_t;
Nanos now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_load: %s\n", why.c_str());
  std::exit(1);
}

struct Options {
  std::map<std::string, std::string> given;
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : found->second;
  }
  [[nodiscard]] std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    return std::atoll(text(name, std::to_string(otherwise)).c_str());
  }
};

double own_cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return double(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + double(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/// User and system time of a process with all its threads.
double cpu_seconds(std::int64_t pid) {
  if (pid == 0) return 0;
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string all{std::istreambuf_iterator<char>{in}, {}};
  const auto after_name = all.rfind(')');
  if (after_name == std::string::npos) give_up("there is no process " + std::to_string(pid));
  unsigned long user = 0;
  unsigned long system = 0;
  std::sscanf(all.c_str() + after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return double(user + system) / double(sysconf(_SC_CLK_TCK));
}

struct Connection {
  int fd = -1;
  std::int32_t partition = 0;
  std::int64_t fetch_offset = 0;
  std::string frame;            ///< the request, framed; produce frames never change
  std::size_t sent = 0;         ///< of the frame now being written; 0 when none is
  std::deque<Nanos> due;        ///< of the requests in flight, oldest first
  Nanos next_due = 0;           ///< open loop: when the next one is to be sent
  std::string in;               ///< answer bytes not yet complete
  bool wants_write = false;
};

class Load {
 public:
  explicit Load(const Options& options)
      : fetching_{options.text("mode", "produce") == "fetch"},
        topic_{options.text("topic", "bench")},
        in_flight_max_{static_cast<std::size_t>(options.number("in-flight", 1))},
        requests_max_{static_cast<std::uint64_t>(options.number("requests", INT64_MAX))},
        bytes_max_{static_cast<std::uint64_t>(options.number("bytes-max", INT64_MAX))},
        pid_{options.number("pid", 0)} {
    const auto record_bytes = static_cast<std::size_t>(options.number("record-bytes", 1024));
    const auto batch_bytes = static_cast<std::size_t>(options.number("batch-bytes", 65536));
    const auto connections = options.number("connections", 1);
    const auto partitions = options.number("partitions", 1);
    const auto rate = options.number("rate", 0);
    if (rate > 0) interval_ = Nanos{1'000'000'000} * connections / rate;
    fetch_bytes_ = static_cast<std::int32_t>(batch_bytes);
    const Batch batch = make_batch(record_bytes, batch_bytes);
    records_per_batch_ = batch.records;
    bytes_per_batch_ = batch.bytes.size();
    epoll_ = epoll_create1(0);
    for (std::int64_t i = 0; i < connections; ++i) {
      Connection c;
      c.fd = connect_to(options.number("port", 9092));
      c.partition = static_cast<std::int32_t>(i % partitions);
      c.frame = fetching_ ? fetch_request(topic_, c.partition, 0, fetch_bytes_)
                          : produce_request(topic_, c.partition, static_cast<std::int16_t>(options.number("acks", 1)), batch.bytes);
      connections_.push_back(std::move(c));
    }
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event);
    }
  }

  void run(double warm_up_seconds, double seconds) {
    Nanos start = now();
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].next_due = start + interval_ * Nanos(i) / Nanos(connections_.size());
    }
    drive(start + Nanos(warm_up_seconds * 1e9));
    latencies_.clear();
    bytes_max_ -= std::min(bytes_, bytes_max_);
    requests_ = records_ = bytes_ = 0;
    const double broker_before = cpu_seconds(pid_);
    const double own_before = own_cpu_seconds();
    start = now();
    drive(start + Nanos(seconds * 1e9));
    const double elapsed = double(now() - start) / 1e9;
    report(elapsed, cpu_seconds(pid_) - broker_before, own_cpu_seconds() - own_before);
  }

 private:
  static int connect_to(std::int64_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("cannot connect");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
  }

  void drive(Nanos until) {
    for (auto& c : connections_) send_what_is_due(c);
    for (Nanos t = now(); t < until && requests_ < requests_max_ && bytes_ < bytes_max_; t = now()) {
      epoll_event events[64];
      const int ready = epoll_wait(epoll_, events, 64, interval_ > 0 ? 1 : 100);
      for (int i = 0; i < ready; ++i) {
        Connection& c = connections_[events[i].data.u64];
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
        send_what_is_due(c);
      }
      if (interval_ > 0) {
        for (auto& c : connections_) send_what_is_due(c);
      }
    }
  }

  void send_what_is_due(Connection& c) {
    for (;;) {
      if (c.sent == 0) {
        if (c.due.size() >= in_flight_max_) break;
        const Nanos t = now();
        if (interval_ > 0 && c.next_due > t) break;
        c.due.push_back(interval_ > 0 ? c.next_due : t);
        c.next_due += interval_;
        if (fetching_) c.frame = fetch_request(topic_, c.partition, c.fetch_offset, fetch_bytes_);
      }
      const ssize_t wrote = send(c.fd, c.frame.data() + c.sent, c.frame.size() - c.sent, MSG_NOSIGNAL);
      if (wrote < 0 && errno != EAGAIN) give_up("the broker closed the connection");
      if (wrote > 0) c.sent += static_cast<std::size_t>(wrote);
      const bool blocked = c.sent < c.frame.size();
      if (!blocked) c.sent = 0;
      if (blocked != c.wants_write) {
        c.wants_write = blocked;
        epoll_event event{};
        event.events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
        event.data.u64 = static_cast<std::uint64_t>(&c - connections_.data());
        epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
      }
      if (blocked) break;
    }
  }

  void receive(Connection& c) {
    for (;;) {
      const ssize_t got = recv(c.fd, buffer_.data(), buffer_.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) give_up("the broker closed the connection");
      if (got < 0) break;
      c.in.append(buffer_.data(), static_cast<std::size_t>(got));
      std::size_t at = 0;
      while (c.in.size() - at >= 4) {
        const auto size = static_cast<std::size_t>(kernel::load_be<std::int32_t>(byte_at(c.in, at)));
        if (c.in.size() - at - 4 < size) break;
        answered(c, std::string_view{c.in}.substr(at + 4, size));
        at += 4 + size;
      }
      c.in.erase(0, at);
      if (static_cast<std::size_t>(got) < buffer_.size()) break;
    }
  }

  void answered(Connection& c, std::string_view answer) {
    latencies_.push_back(now() - c.due.front());
    c.due.pop_front();
    ++requests_;
    if (!fetching_) {
      const std::int16_t error = produce_error(answer, topic_);
      if (error != 0) give_up("Produce answered error " + std::to_string(error));
      records_ += records_per_batch_;
      bytes_ += bytes_per_batch_;
      return;
    }
    const Fetched fetched = read_fetch(answer, topic_);
    if (fetched.error != 0) give_up("Fetch answered error " + std::to_string(fetched.error));
    c.fetch_offset = fetched.records == 0 ? 0 : fetched.next_offset;  // at the end: from the beginning again
    records_ += fetched.records;
    bytes_ += fetched.bytes;
  }

  void report(double elapsed, double broker_cpu, double own_cpu) {
    std::ranges::sort(latencies_);
    const auto micros = [&](double share) {
      return latencies_.empty() ? 0.0 : double(latencies_[std::size_t(share * double(latencies_.size() - 1))]) / 1e3;
    };
    const double gigabytes = double(bytes_) / 1e9;
    std::printf("{\"seconds\": %.3f, \"requests_per_s\": %.1f, \"records_per_s\": %.0f, \"mb_per_s\": %.1f, "
                "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"broker_cpu_s\": %.2f, "
                "\"broker_cpu_s_per_million_records\": %.4f, \"broker_cpu_s_per_gb\": %.4f, \"client_cpu_s_per_gb\": %.4f}\n",
                elapsed, double(requests_) / elapsed, double(records_) / elapsed, double(bytes_) / elapsed / 1e6, micros(.5),
                micros(.99), micros(.999), micros(1), broker_cpu, broker_cpu / (double(records_) / 1e6),
                broker_cpu / gigabytes, own_cpu / gigabytes);
  }

  bool fetching_;
  std::string topic_;
  std::size_t in_flight_max_;
  std::uint64_t requests_max_;  ///< the run ends after this many answers, if its time is not up before
  std::uint64_t bytes_max_;
  std::int64_t pid_;
  Nanos interval_ = 0;  ///< between two requests of one connection; 0 in a closed loop
  std::int32_t fetch_bytes_ = 0;
  std::size_t records_per_batch_ = 0;
  std::size_t bytes_per_batch_ = 0;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
  std::vector<Nanos> latencies_;
  std::uint64_t requests_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  bench::Options options;
  for (int i = 1; i + 1 < count; i += 2) options.given[std::string{words[i]}.substr(2)] = words[i + 1];
  bench::Load load{options};
  load.run(double(options.number("warm-up", 1)), double(options.number("seconds", 5)));
}
