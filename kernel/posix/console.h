// The terminal or pipes of the process.
#pragma once

#include "kernel/console.h"

namespace kernel::posix {

class PosixConsole final : public Console {
 public:
  Result<std::string> read(Fiber& f, std::size_t length) override;
  Result<> write(Fiber& f, std::string_view text) override;
  Result<> write_error(Fiber& f, std::string_view text) override;
  [[nodiscard]] bool input_is_terminal() const override;
  [[nodiscard]] bool output_is_terminal() const override;
  [[nodiscard]] bool error_is_terminal() const override;
};

}  // namespace kernel::posix
