// Threads for what blocks. Started on demand up to a bound; a process that never blocks never has one. What may hang
// for its own reasons has its own: each device, name look-ups, the terminal, and work that only needs a processor.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace kernel::posix {

/// One piece of blocking work. run() is called on a worker thread.
class Job {
 public:
  virtual ~Job() = default;
  virtual void run() = 0;
};

class Workers {
 public:
  explicit Workers(std::size_t threads_max) : threads_max_{threads_max} {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() { finish(); }
  /// From any thread.
  void submit(std::shared_ptr<Job> job);
  /// Finishes what was submitted and joins the threads. What is submitted later is run at once, by who submits it.
  void finish();

 private:
  void work();
  std::size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> jobs_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kernel::posix
