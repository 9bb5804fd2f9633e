// The production backend: one process, one node, one thread a shard.
//
//   posix::Runtime runtime{{.name = "broker-1", .shards = 2}};
//   return runtime.run([](Fiber& f) { return serve(f, options); });
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kernel/fiber.h"
#include "kernel/node.h"

namespace kernel::posix {

struct RuntimeOptions {
  std::string name = "kalda";
  std::uint32_t shards = 1;
  std::size_t worker_threads_max = 16;
  Level log_level = Level::info;
  enum class LogForm : std::uint8_t { automatic, text, json } log_form = LogForm::automatic;
  /// SIGINT and SIGTERM ask the node to stop; a second one ends the process at once.
  bool handle_signals = true;
};

class Runtime {
 public:
  explicit Runtime(RuntimeOptions options);
  ~Runtime();
  /// Runs `main` on shard 0 and answers its exit status when it has ended. Once.
  int run(const std::function<int(Fiber&)>& main);
  [[nodiscard]] Node& node();
  /// What Ctrl-C does. From any thread, and from a signal handler.
  void request_stop();

 private:
  class PosixNode;
  std::unique_ptr<PosixNode> node_;
};

}  // namespace kernel::posix
