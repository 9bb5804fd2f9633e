// `kalda serve` as a process of its own, on loopback and real disks, for tests.
//
//   const Scratch scratch;
//   Serve serve{{"log.dirs=" + scratch / "data"}};
//   ASSERT_NE(serve.port(), 0) << serve.said;
//   serve.stop();
//   EXPECT_EQ(serve.end(), 0) << serve.said;
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace broker::testing {

namespace fs = std::filesystem;

/// A folder that goes when the test ends.
struct Scratch {
  Scratch() {
    std::string path = (fs::temp_directory_path() / "kalda-serve-XXXXXX").string();
    at = ::mkdtemp(path.data());
  }
  ~Scratch() { fs::remove_all(at); }
  [[nodiscard]] std::string operator/(std::string_view name) const { return (at / name).string(); }
  fs::path at;
};

/// The serve command in a child process.
class Serve {
 public:
  /// `open_files_max`: what the system lets it have open at once; 0: as many as us.
  explicit Serve(std::vector<std::string> settings, bool as_nobody = false, std::uint32_t shards = 2, rlim_t open_files_max = 0) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ends[1], STDERR_FILENO);
      const rlimit files{open_files_max, open_files_max};
      if (open_files_max > 0 && ::setrlimit(RLIMIT_NOFILE, &files) != 0) ::_exit(98);
      if (as_nobody && ::setuid(65534) != 0) ::_exit(99);
      ::_exit(run(std::move(settings), shards));
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~Serve() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
    ::close(output_);
  }
  /// Waits until it serves; the port, 0 when it ended instead.
  std::uint16_t port() {
    while (said.find("Ctrl-C") == std::string::npos)
      if (!read_more()) return 0;
    return port_after("serving Kafka clients on 127.0.0.1:");
  }
  /// Where metrics and health are shown; once it serves.
  [[nodiscard]] std::uint16_t admin_port() const { return port_after("metrics and health on http://127.0.0.1:"); }
  /// Reads what it says to its end; its exit status.
  int end() {
    while (read_more()) {
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void stop() { ::kill(pid_, SIGTERM); }
  [[nodiscard]] std::int64_t resident_bytes() const { return status_bytes("VmRSS:"); }
  [[nodiscard]] std::int64_t resident_bytes_at_most() const { return status_bytes("VmHWM:"); }  ///< so far
  std::string said;

 private:
  [[nodiscard]] std::int64_t status_bytes(std::string_view name) const {
    std::ifstream file{fmt::format("/proc/{}/status", pid_)};
    std::string word;
    while (file >> word && word != name) {
    }
    std::int64_t kib = -1;
    file >> kib;
    return kib * 1024;
  }
  [[nodiscard]] std::uint16_t port_after(std::string_view words) const {
    const std::size_t at = said.find(words);
    return at == std::string::npos ? std::uint16_t{0} : static_cast<std::uint16_t>(std::stoi(said.substr(at + words.size())));
  }
  static int run(std::vector<std::string> settings, std::uint32_t shards);
  bool read_more() {
    pollfd ready{output_, POLLIN, 0};
    if (::poll(&ready, 1, 60'000) != 1) return false;
    char bytes[4096];
    const ssize_t n = ::read(output_, bytes, sizeof bytes);
    if (n <= 0) return false;
    said.append(bytes, static_cast<std::size_t>(n));
    return true;
  }
  pid_t pid_ = -1;
  int output_ = -1;
};

}  // namespace broker::testing
