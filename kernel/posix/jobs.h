// Many pure tasks over several processes: each child takes every n-th task and reports by lines. A task that takes its
// process down is reported with what the process said last, and the rest of its share goes on in a new one. Children end
// with their parent, however it ends, and leave SIGINT and SIGTERM to it: tick() says what they mean.
//
//   run_jobs({.count = 1000, .processes = 2}, task, observer);
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace kernel::posix {

struct JobOptions {
  std::uint64_t count = 0;
  std::uint32_t processes = 1;
};

/// Runs in a child: task `index`; `report` sends a line (without newlines in it) to the parent.
using JobTask = std::function<void(std::uint64_t index, const std::function<void(std::string_view)>& report)>;

class JobObserver {
 public:
  virtual void line(std::uint64_t index, std::string_view text) = 0;
  /// The task ended its process. `last_words` is the end of what it wrote to standard error.
  virtual void crashed(std::uint64_t index, int status, std::string_view last_words) = 0;
  /// Called a few times a second, and at once after a signal; false ends all processes. Lines that were reported
  /// before still come.
  virtual bool tick() = 0;

 protected:
  ~JobObserver() = default;
};

void run_jobs(const JobOptions& options, const JobTask& task, JobObserver& observer);

/// Seconds of real time since some fixed point; for reports about speed only.
double real_seconds();
/// How many processors there are.
std::uint32_t processors();

}  // namespace kernel::posix
