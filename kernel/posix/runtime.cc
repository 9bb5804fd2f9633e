#include "kernel/posix/runtime.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "kernel/posix/clock.h"
#include "kernel/posix/console.h"
#include "kernel/posix/device.h"
#include "kernel/posix/disk.h"
#include "kernel/posix/network.h"
#include "kernel/posix/shard.h"

namespace kernel::posix {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Mono now() const override { return monotonic_now(); }
  [[nodiscard]] Wall wall() const override {
    timespec t;
    ::clock_gettime(CLOCK_REALTIME, &t);
    return Wall{std::chrono::milliseconds{t.tv_sec * 1'000 + t.tv_nsec / 1'000'000}};
  }
};

/// Lines on standard error: for people on a terminal, JSON otherwise.
class StderrLog final : public LogSink {
 public:
  StderrLog(Level least, RuntimeOptions::LogForm form) : least_{least} {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    text_ = form == RuntimeOptions::LogForm::text || (form == RuntimeOptions::LogForm::automatic && terminal);
    colour_ = terminal && ::getenv("NO_COLOR") == nullptr;
  }
  [[nodiscard]] bool wants(Level level) const override { return level >= least_; }
  void write(Level level, Wall when, std::string_view event, std::span<const Field> fields) override {
    std::string line = text_ ? to_text(level, when, event, fields, colour_) : to_json(level, when, event, fields);
    line += '\n';
    // One call a line keeps the lines of several shards whole; a log that nobody reads is not our failure.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  }

 private:
  Level least_;
  bool text_;
  bool colour_;
};

// A signal handler reaches nothing but globals. One runtime a process handles signals.
std::atomic<Runtime*> signalled_runtime{nullptr};
std::atomic<int> signals_seen{0};

void on_signal(int) {
  if (signals_seen.fetch_add(1) > 0) ::_exit(130);
  if (Runtime* runtime = signalled_runtime.load()) runtime->request_stop();
}

/// Logs keep segments open and each connection takes a descriptor: as many as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // what we have is enough for most, if this is not allowed
}

}  // namespace

class Runtime::PosixNode final : public Node {
 public:
  explicit PosixNode(const RuntimeOptions& options)
      : Node{options.name}, devices_{options.worker_threads_max},
        log_{options.log_level, options.log_form},
        threads_{.processor = Workers{options.worker_threads_max}, .names = Workers{kNameThreadsMax}, .console = Workers{kConsoleThreadsMax}} {
    raise_descriptor_limit();
    CHECK(::getrandom(&seed_, sizeof seed_, 0) == sizeof seed_);
    open_doors({.clock = &clock_, .disk = &disk_, .network = &network_, .console = &console_, .log_sink = &log_});
    CHECK(options.shards >= 1);
    for (std::uint32_t id = 0; id < options.shards; ++id) {
      owned_shards_.push_back(std::make_unique<PosixShard>(*this, id, threads_));
      stops_.push_back(std::make_unique<Stop>());
      add_shard(*owned_shards_.back());
    }
  }

  ~PosixNode() override {
    // Jobs post to the shards, which go first; files are closed by the last who hold them.
    devices_.finish();
    threads_.processor.finish();
    threads_.names.finish();
    threads_.console.finish();
  }

  [[nodiscard]] Random random(Domain domain, std::uint64_t entity) const override {
    return Random{seed_, domain, entity};
  }
  [[nodiscard]] bool nudge(std::string_view) override { return false; }
  void mark(std::string_view) override {}
  void offload(Fiber& f, WorkRef work) override { static_cast<PosixShard&>(f.shard()).blocking_to_the_end(f, work); }
  [[nodiscard]] bool stop_requested() const override { return stop_requested_.load(std::memory_order_acquire); }
  Result<> wait_for_stop(Fiber& f) override {
    while (!stop_requested()) TRY(static_cast<PosixShard&>(f.shard()).stop_requested.wait(f));
    return {};
  }

  /// Only what a signal handler may do: atomics and write().
  void request_stop() {
    if (stop_requested_.exchange(true)) return;
    for (std::size_t i = 0; i < owned_shards_.size(); ++i) owned_shards_[i]->post(*stops_[i]);
  }

  int run(const std::function<int(Fiber&)>& main) {
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < owned_shards_.size(); ++i) {
      threads.emplace_back([shard = owned_shards_[i].get()] { shard->run(); });
    }
    int status = 0;
    Fiber::start(*owned_shards_[0], nullptr, "main", [&](Fiber& f) {
      status = main(f);
      owned_shards_[0]->stop();
    });
    owned_shards_[0]->run();
    for (std::size_t i = 1; i < owned_shards_.size(); ++i) owned_shards_[i]->stop();
    for (std::thread& thread : threads) thread.join();
    return status;
  }

 private:
  struct Stop final : Message {
    void deliver(Shard& at) override { static_cast<PosixShard&>(at).stop_requested.notify_all(); }
  };
  static constexpr std::size_t kNameThreadsMax = 4;
  static constexpr std::size_t kConsoleThreadsMax = 2;  // one reads, one writes
  std::uint64_t seed_ = 0;
  SystemClock clock_;
  Devices devices_;
  PosixDisk disk_{devices_};
  PosixNetwork network_;
  PosixConsole console_;
  StderrLog log_;
  PosixShard::Threads threads_;
  std::vector<std::unique_ptr<Stop>> stops_;
  std::vector<std::unique_ptr<PosixShard>> owned_shards_;
  std::atomic<bool> stop_requested_{false};
};

Runtime::Runtime(RuntimeOptions options) : node_{std::make_unique<PosixNode>(options)} {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
  if (!options.handle_signals) return;
  signalled_runtime.store(this);
  struct sigaction stop {};
  stop.sa_handler = on_signal;
  ::sigaction(SIGINT, &stop, nullptr);
  ::sigaction(SIGTERM, &stop, nullptr);
}

Runtime::~Runtime() {
  Runtime* self = this;
  signalled_runtime.compare_exchange_strong(self, nullptr);
}

int Runtime::run(const std::function<int(Fiber&)>& main) { return node_->run(main); }
Node& Runtime::node() { return *node_; }
void Runtime::request_stop() { node_->request_stop(); }

}  // namespace kernel::posix
