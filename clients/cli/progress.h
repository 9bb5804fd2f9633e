// How far a long command is, on standard error: over and over on one line of a terminal, as lines where it is asked for.
//
//   Progress progress{f, options.progress};
//   progress.tell("records written", count);   // at most twice a second; with the rate since the beginning
//   progress.end("1000 records in 2.0 s");
#pragma once

#include <string_view>

#include "kernel/fiber.h"

namespace clients::cli {

class Progress {
 public:
  /// `always`: also where standard error is no terminal. `quiet_on_terminal`: not there unless it is asked for.
  Progress(kernel::Fiber& f, bool always, bool quiet_on_terminal = false);
  void tell(std::string_view what, std::uint64_t count);
  void end(std::string_view words);
  [[nodiscard]] double seconds() const;

 private:
  void write(std::string_view words, bool last);
  kernel::Fiber& f_;
  bool terminal_;
  bool shown_;
  kernel::Mono began_;
  kernel::Mono next_;
};

/// Sleeps so that `count` things take at least their time at `per_second`; nothing to do when that is 0.
kernel::Result<> keep_to_rate(kernel::Fiber& f, kernel::Mono began, std::uint64_t count, double per_second);

}  // namespace clients::cli
