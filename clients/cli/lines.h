// Lines of standard input or of a file, as they come.
//
//   Lines lines{f, TRY(Lines::open(f, path))};            // an empty path is standard input
//   while (auto line = TRY(lines.next())) use(*line);     // without its newline; good until the next call
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/node.h"

namespace clients::cli {

class Lines {
 public:
  /// Null for standard input.
  static kernel::Result<kernel::FileHandle> open(kernel::Fiber& f, const std::string& path);
  Lines(kernel::Fiber& f, kernel::FileHandle file, std::size_t line_bytes_max)
      : f_{f}, file_{std::move(file)}, line_bytes_max_{line_bytes_max} {}

  /// The next line; nothing at the end. Suspends. Errors: too_large (detail is the bound), those of reading.
  kernel::Result<std::optional<std::string_view>> next();
  /// Of the line that next() answered last, counted from 1.
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  kernel::Result<> read_more();
  kernel::Fiber& f_;
  kernel::FileHandle file_;
  std::size_t line_bytes_max_;
  std::uint64_t position_ = 0;
  std::string text_;
  std::size_t begin_ = 0;
  bool ended_ = false;
  std::uint64_t number_ = 0;
};

}  // namespace clients::cli
