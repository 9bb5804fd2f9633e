#include "kernel/posix/console.h"

#include <unistd.h>

#include "kernel/fiber.h"
#include "kernel/posix/shard.h"

namespace kernel::posix {
namespace {

Result<> write_all_to(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EPIPE) return fail(Errc::closed);
      return fail_errno(errno);
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

/// On a worker: a pipe that nobody empties must not hold the shard.
Result<> write_from(Fiber& f, int descriptor, std::string_view text) {
  return shard_of(f).blocking(f, shard_of(f).threads().console, [descriptor, text = std::string{text}] {
    return write_all_to(descriptor, text);
  });
}

}  // namespace

Result<std::string> PosixConsole::read(Fiber& f, std::size_t length) {
  return shard_of(f).blocking(f, shard_of(f).threads().console, [length]() -> Result<std::string> {
    std::string text(length, '\0');
    for (;;) {
      const ssize_t n = ::read(STDIN_FILENO, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno(errno);
      text.resize(static_cast<std::size_t>(n));
      return text;
    }
  });
}

Result<> PosixConsole::write(Fiber& f, std::string_view text) { return write_from(f, STDOUT_FILENO, text); }
Result<> PosixConsole::write_error(Fiber& f, std::string_view text) { return write_from(f, STDERR_FILENO, text); }
bool PosixConsole::input_is_terminal() const { return ::isatty(STDIN_FILENO) == 1; }
bool PosixConsole::output_is_terminal() const { return ::isatty(STDOUT_FILENO) == 1; }
bool PosixConsole::error_is_terminal() const { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace kernel::posix
