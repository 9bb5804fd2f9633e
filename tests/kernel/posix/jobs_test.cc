// Children of run_jobs() hold no pipes of their siblings, are deaf to what is meant for their parent, and do not outlive it.
#include "kernel/posix/jobs.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <set>

namespace kernel::posix {
namespace {

/// Keeps what is reported; ends the jobs once `enough` answers true.
class Collected final : public JobObserver {
 public:
  void line(std::uint64_t index, std::string_view text) override { lines[index] = text; }
  void crashed(std::uint64_t index, int, std::string_view last_words) override { crashes[index] = last_words; }
  bool tick() override { return !enough || !enough(); }
  std::function<bool()> enough;
  std::map<std::uint64_t, std::string> lines;
  std::map<std::uint64_t, std::string> crashes;
};

std::size_t pipes_held() {
  std::size_t pipes = 0;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(folder)) {
    std::array<char, 64> target{};
    const std::string path = std::string{"/proc/self/fd/"} + entry->d_name;
    if (::readlink(path.c_str(), target.data(), target.size() - 1) > 0 && std::string_view{target.data()}.starts_with("pipe:")) ++pipes;
  }
  ::closedir(folder);
  return pipes;
}

int number_in(const std::string& text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void note_signal(int) {}

TEST(Jobs, a_child_holds_its_report_and_its_standard_error_and_no_other_pipe) {
  std::array<int, 2> stand_in;  // so that standard error is a pipe before, too
  ASSERT_EQ(::pipe(stand_in.data()), 0);
  const int error_before = ::dup(STDERR_FILENO);
  ::dup2(stand_in[1], STDERR_FILENO);
  const std::size_t before = pipes_held();
  Collected collected;
  // The first of each child crashes, so that children that are started later are looked at as well.
  run_jobs({.count = 12, .processes = 4},
           [&](std::uint64_t index, const auto& report) {
             if (index < 4) ::_exit(1);
             report(std::to_string(pipes_held()));
           },
           collected);
  ::dup2(error_before, STDERR_FILENO);
  for (const int fd : {error_before, stand_in[0], stand_in[1]}) ::close(fd);
  EXPECT_EQ(collected.crashes.size(), 4u);
  ASSERT_EQ(collected.lines.size(), 8u);
  for (const auto& [index, count] : collected.lines) EXPECT_EQ(number_in(count), static_cast<int>(before) + 1) << index;
}

TEST(Jobs, a_child_runs_no_signal_handler_of_its_parent) {
  const auto before_int = ::signal(SIGINT, note_signal);
  const auto before_term = ::signal(SIGTERM, note_signal);
  Collected collected;
  run_jobs({.count = 2, .processes = 1},
           [&](std::uint64_t index, const auto& report) {
             struct sigaction now {};
             ::sigaction(index == 0 ? SIGINT : SIGTERM, nullptr, &now);
             report(now.sa_handler == note_signal ? "inherited" : "its own");
           },
           collected);
  ::signal(SIGINT, before_int);
  ::signal(SIGTERM, before_term);
  EXPECT_EQ(collected.lines[0], "its own");
  EXPECT_EQ(collected.lines[1], "its own");
}

TEST(Jobs, what_was_reported_before_the_end_still_comes_and_nobody_is_left) {
  std::array<int, 2> said;
  ASSERT_EQ(::pipe(said.data()), 0);
  Collected collected;
  collected.enough = [&] {  // ends it when the lines are written and before they are read
    std::array<char, 4> all;
    for (std::size_t got = 0; got < all.size();) got += static_cast<std::size_t>(::read(said[0], all.data(), all.size() - got));
    return true;
  };
  run_jobs({.count = 8, .processes = 4},
           [&](std::uint64_t, const auto& report) {
             report(std::to_string(::getpid()));
             if (::write(said[1], "x", 1) != 1) ::_exit(1);
             for (;;) ::pause();
           },
           collected);
  ::close(said[0]);
  ::close(said[1]);
  EXPECT_EQ(collected.lines.size(), 4u);
  EXPECT_TRUE(collected.crashes.empty());  // being ended is no crash
  for (const auto& [index, pid] : collected.lines) {
    EXPECT_EQ(::kill(number_in(pid), 0), -1) << "child " << pid << " of task " << index << " is still there";
  }
}

TEST(Jobs, children_do_not_outlive_a_parent_that_is_killed) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans come to us
  std::array<int, 2> pids;
  ASSERT_EQ(::pipe(pids.data()), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    Collected collected;
    run_jobs({.count = 3, .processes = 3},
             [&](std::uint64_t, const auto&) {
               const pid_t self = ::getpid();
               if (::write(pids[1], &self, sizeof self) != sizeof self) ::_exit(1);
               for (;;) ::pause();  // says nothing, so only the death of its parent can end it
             },
             collected);
    ::_exit(0);
  }
  std::set<pid_t> orphans;
  for (int i = 0; i < 3; ++i) {
    pid_t pid = -1;
    ASSERT_EQ(::read(pids[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    orphans.insert(pid);
  }
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  for (int tries = 0; !orphans.empty() && tries < 500; ++tries) {
    std::erase_if(orphans, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) == pid; });
    ::usleep(10'000);
  }
  EXPECT_TRUE(orphans.empty()) << orphans.size() << " orphans live on";
  for (const pid_t pid : orphans) ::kill(pid, SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ::close(pids[0]);
  ::close(pids[1]);
}

}  // namespace
}  // namespace kernel::posix
