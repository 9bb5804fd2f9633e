#include "kernel/posix/jobs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
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

/// Makes a forked child live no longer than its parent, and deaf to what is meant for the parent.
void become_child(pid_t parent) {
  // Whoever ends the parent, and however, ends us.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(3);  // it was gone before it could be watched
  // A terminal, and `timeout`, signal the whole group: the parent decides what that means and ends us. With the
  // handlers it had we would ring its doorbell; with the default we might die before it heard, and look like a crash.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGPIPE, SIG_DFL);
}

/// Starts `children[at]`.
void start(std::vector<Child>& children, std::size_t at, const JobOptions& options, const JobTask& task) {
  Child& child = children[at];
  std::array<int, 2> lines;
  std::array<int, 2> errors;
  CHECK(::pipe2(lines.data(), O_CLOEXEC) == 0);
  CHECK(::pipe2(errors.data(), O_CLOEXEC) == 0);
  std::fflush(nullptr);
  // No handler of the parent's may run in the child.
  sigset_t stops, before;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  CHECK(::pthread_sigmask(SIG_BLOCK, &stops, &before) == 0);
  const pid_t parent = ::getpid();
  child.pid = ::fork();
  CHECK(child.pid >= 0);
  if (child.pid == 0) {
    become_child(parent);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    // A pipe whose reading end we held ourselves would never break.
    for (const Child& sibling : children) {
      if (sibling.lines >= 0) ::close(sibling.lines);
      if (sibling.errors >= 0) ::close(sibling.errors);
    }
    ::dup2(errors[1], STDERR_FILENO);
    for (const int unused : {lines[0], errors[0], errors[1]}) ::close(unused);
    run_share(options, task, child.next, lines[1]);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
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

void take_lines(Child& child, const JobOptions& options, JobObserver& observer) {
  std::size_t begin = 0;
  for (std::size_t end; (end = child.pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
    take_line(child, std::string_view{child.pending}.substr(begin, end - begin), options, observer);
  }
  child.pending.erase(0, begin);
}

/// Ends all children; what they had reported before still counts.
void end_all(std::vector<Child>& children, const JobOptions& options, JobObserver& observer) {
  for (const Child& child : children) {
    if (child.pid > 0) ::kill(child.pid, SIGKILL);
  }
  for (Child& child : children) {
    if (child.pid < 0) continue;
    while (read_into(child.lines, child.pending)) {
    }
    take_lines(child, options, observer);
    ::waitpid(child.pid, nullptr, 0);
    ::close(child.lines);
    ::close(child.errors);
  }
}

}  // namespace

void run_jobs(const JobOptions& options, const JobTask& task, JobObserver& observer) {
  std::vector<Child> children(std::min<std::uint64_t>(options.processes, options.count));
  for (std::size_t i = 0; i < children.size(); ++i) {
    children[i].next = i;
    start(children, i, options, task);
  }
  std::size_t running = children.size();
  while (running > 0) {
    std::vector<pollfd> polls;
    for (const Child& child : children) {
      polls.push_back({child.lines, POLLIN, 0});
      polls.push_back({child.errors, POLLIN, 0});
    }
    ::poll(polls.data(), polls.size(), 200);
    if (!observer.tick()) return end_all(children, options, observer);
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
      take_lines(child, options, observer);
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
        start(children, i, options, task);
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
