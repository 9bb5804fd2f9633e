// The door to the person at the keyboard: standard input and output of a command.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/result.h"

namespace kernel {

class Fiber;

class Console {
 public:
  virtual ~Console() = default;
  /// Up to `length` bytes of standard input; empty at its end. Suspends.
  virtual Result<std::string> read(Fiber& f, std::size_t length) = 0;
  /// Suspends while standard output does not take it. Errors: closed when nobody reads any more.
  virtual Result<> write(Fiber& f, std::string_view text) = 0;
  virtual Result<> write_error(Fiber& f, std::string_view text) = 0;
  [[nodiscard]] virtual bool input_is_terminal() const = 0;
  [[nodiscard]] virtual bool output_is_terminal() const = 0;
  [[nodiscard]] virtual bool error_is_terminal() const = 0;
};

}  // namespace kernel
