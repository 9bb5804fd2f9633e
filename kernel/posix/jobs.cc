#include "kernel/posix/jobs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "kernel/check.h"

namespace kernel::posix {
namespace {

constexpr std::size_t kLastWordsBytes = 8 * 1024;

/// A child and the share of the tasks it has taken over.
struct Child {
  std::uint64_t next = 0;     // the first task of its share that has not begun
  std::uint64_t current = 0;  // valid while `busy`
  bool busy = false;
  pid_t pid = -1;
  int lines = -1;   // what it reports
  int errors = -1;  // its standard error
  std::string pending;
  std::string last_words;
};

void write_line(int descriptor, char tag, std::uint64_t index, std::string_view text) {
  const std::string line = fmt::format("{}{} {}\n", tag, index, text);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(descriptor, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) ::_exit(3);  // nobody listens any more
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

[[noreturn]] void run_share(const JobOptions& options, const JobTask& task, std::uint64_t first, int lines) {
  for (std::uint64_t index = first; index < options.count; index += options.processes) {
    write_line(lines, 'b', index, "");
    task(index, [&](std::string_view text) { write_line(lines, 'l', index, text); });
    write_line(lines, 'e', index, "");
  }
  std::fflush(nullptr);
  ::_exit(0);
}

void start(Child& child, const JobOptions& options, const JobTask& task) {
  std::array<int, 2> lines;
  std::array<int, 2> errors;
  CHECK(::pipe2(lines.data(), O_CLOEXEC) == 0);
  CHECK(::pipe2(errors.data(), O_CLOEXEC) == 0);
  std::fflush(nullptr);
  child.pid = ::fork();
  CHECK(child.pid >= 0);
  if (child.pid == 0) {
    ::signal(SIGINT, SIG_IGN);  // the parent ends us
    ::dup2(errors[1], STDERR_FILENO);
    run_share(options, task, child.next, lines[1]);
  }
  ::close(lines[1]);
  ::close(errors[1]);
  child.lines = lines[0];
  child.errors = errors[0];
  child.pending.clear();
  child.last_words.clear();
  child.busy = false;
}

void take_line(Child& child, std::string_view line, const JobOptions& options, JobObserver& observer) {
  if (line.empty()) return;
  const char tag = line.front();
  std::uint64_t index = 0;
  const char* begin = line.data() + 1;
  const auto parsed = std::from_chars(begin, line.data() + line.size(), index);
  if (tag == 'b') {
    child.current = index;
    child.busy = true;
    child.next = index + options.processes;
  } else if (tag == 'e') {
    child.busy = false;
  } else {
    observer.line(index, line.substr(static_cast<std::size_t>(parsed.ptr - line.data()) + 1));
  }
}

/// False at the end of the pipe.
bool read_into(int descriptor, std::string& text) {
  std::array<char, 65536> room;
  const ssize_t n = ::read(descriptor, room.data(), room.size());
  if (n < 0) return errno == EINTR;
  if (n == 0) return false;
  text.append(room.data(), static_cast<std::size_t>(n));
  return true;
}

}  // namespace

void run_jobs(const JobOptions& options, const JobTask& task, JobObserver& observer) {
  std::vector<Child> children(std::min<std::uint64_t>(options.processes, options.count));
  for (std::size_t i = 0; i < children.size(); ++i) {
    children[i].next = i;
    start(children[i], options, task);
  }
  std::size_t running = children.size();
  while (running > 0) {
    std::vector<pollfd> polls;
    for (const Child& child : children) {
      polls.push_back({child.lines, POLLIN, 0});
      polls.push_back({child.errors, POLLIN, 0});
    }
    ::poll(polls.data(), polls.size(), 200);
    if (!observer.tick()) {
      for (const Child& child : children) {
        if (child.pid > 0) ::kill(child.pid, SIGKILL);
      }
      for (const Child& child : children) {
        if (child.pid > 0) ::waitpid(child.pid, nullptr, 0);
      }
      return;
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
      Child& child = children[i];
      if (child.pid < 0) continue;
      if ((polls[2 * i + 1].revents & (POLLIN | POLLHUP)) != 0) {
        read_into(child.errors, child.last_words);
        if (child.last_words.size() > kLastWordsBytes) {
          child.last_words.erase(0, child.last_words.size() - kLastWordsBytes);
        }
      }
      if ((polls[2 * i].revents & (POLLIN | POLLHUP)) == 0) continue;
      const bool open = read_into(child.lines, child.pending);
      for (std::size_t end; (end = child.pending.find('\n')) != std::string::npos;) {
        take_line(child, std::string_view{child.pending}.substr(0, end), options, observer);
        child.pending.erase(0, end + 1);
      }
      if (open) continue;
      while (read_into(child.errors, child.last_words)) {
      }
      int status = 0;
      ::waitpid(child.pid, &status, 0);
      ::close(child.lines);
      ::close(child.errors);
      child.pid = child.lines = child.errors = -1;
      if (child.busy) observer.crashed(child.current, status, child.last_words);
      if (child.next < options.count && (child.busy || status != 0)) {
        start(child, options, task);
      } else {
        --running;
      }
    }
  }
}

double real_seconds() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

std::uint32_t processors() { return std::max(1u, std::thread::hardware_concurrency()); }

}  // namespace kernel::posix
