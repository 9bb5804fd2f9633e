#include "clients/cli/progress.h"

#include <fmt/format.h>

#include "kernel/node.h"

namespace clients::cli {

using namespace std::chrono_literals;

namespace {

constexpr kernel::Duration kProgressEvery = 500ms;

}  // namespace

Progress::Progress(kernel::Fiber& f, bool always, bool quiet_on_terminal)
    : f_{f},
      terminal_{f.node().console().error_is_terminal()},
      shown_{always || (terminal_ && !quiet_on_terminal)},
      began_{f.now()},
      next_{f.now() + kProgressEvery} {}

double Progress::seconds() const { return std::chrono::duration<double>{f_.now() - began_}.count(); }

void Progress::tell(std::string_view what, std::uint64_t count) {
  if (!shown_ || f_.now() < next_) return;
  next_ = f_.now() + kProgressEvery;
  write(fmt::format("{} {}, {:.0f}/s", count, what, static_cast<double>(count) / seconds()), false);
}

void Progress::end(std::string_view words) {
  if (shown_) write(words, true);
}

void Progress::write(std::string_view words, bool last) {
  (void)f_.node().console().write_error(f_, fmt::format("{}{}{}", terminal_ ? "\r\x1b[K" : "", words, terminal_ && !last ? "" : "\n"));
}

kernel::Result<> keep_to_rate(kernel::Fiber& f, kernel::Mono began, std::uint64_t count, double per_second) {
  if (per_second <= 0) return {};
  const std::chrono::duration<double> due{static_cast<double>(count) / per_second};
  return f.sleep_until(began + std::chrono::duration_cast<kernel::Duration>(due));
}

}  // namespace clients::cli
