// What the measuring programs share: the clock, options as `--name value` words, a socket, CPU of a process.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

using Nanos = std::int64_t;
inline Nanos now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A measurement that went wrong ends with words and status 1, never with a number.
[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

class Options {
 public:
  /// `known` are all names that may be given: a misspelt one would measure something else.
  Options(int count, char** words, std::initializer_list<std::string_view> known) {
    for (int i = 1; i < count; i += 2) {
      const std::string_view word = words[i];
      if (!word.starts_with("--") || std::ranges::find(known, word.substr(2)) == known.end() || i + 1 == count)
        give_up("not an option with a value: " + std::string{word});
      given_[std::string{word.substr(2)}] = words[i + 1];
    }
  }
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = given_.find(name);
    return found == given_.end() ? otherwise : found->second;
  }
  [[nodiscard]] std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    return std::atoll(text(name, std::to_string(otherwise)).c_str());
  }
  [[nodiscard]] double real(const std::string& name, double otherwise) const {
    return std::atof(text(name, std::to_string(otherwise)).c_str());
  }

 private:
  std::map<std::string, std::string> given_;
};

inline double own_cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return double(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + double(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/// User and system time of a process with all its threads.
inline double cpu_seconds(std::int64_t pid) {
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

/// A connection to this machine that does not block.
inline int connect_to(std::int64_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    give_up(std::string{"cannot connect: "} + std::strerror(errno));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

/// The latency that `share` of all stay below, in microseconds; `sorted` holds at least one.
inline double percentile_us(const std::vector<Nanos>& sorted, double share) {
  return double(sorted[std::size_t(share * double(sorted.size() - 1))]) / 1e3;
}

}  // namespace bench
