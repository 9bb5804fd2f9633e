#include "clients/cli/lines.h"

namespace clients::cli {

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

kernel::Result<kernel::FileHandle> Lines::open(kernel::Fiber& f, const std::string& path) {
  if (path.empty() || path == "-") return kernel::FileHandle{};
  return f.node().disk().open(f, path, kernel::OpenMode::read_only());
}

kernel::Result<> Lines::read_more() {
  text_.erase(0, begin_);
  begin_ = 0;
  if (file_) {
    const kernel::Buffer part = TRY(file_->read(f_, position_, kReadBytes));
    position_ += part.size();
    ended_ = part.empty();
    text_ += kernel::as_text(part.view());
  } else {
    const std::string part = TRY(f_.node().console().read(f_, kReadBytes));
    ended_ = part.empty();
    text_ += part;
  }
  return {};
}

kernel::Result<std::optional<std::string_view>> Lines::next() {
  std::size_t searched = begin_;
  for (;;) {
    const std::size_t newline = text_.find('\n', searched);
    if (newline != std::string::npos || (ended_ && begin_ < text_.size())) {
      const std::size_t end = std::min(newline, text_.size());
      const std::string_view line = std::string_view{text_}.substr(begin_, end - begin_);
      begin_ = std::min(end + 1, text_.size());
      ++number_;
      return std::optional{line};
    }
    if (ended_) return std::optional<std::string_view>{};
    if (text_.size() - begin_ > line_bytes_max_)
      return kernel::fail(kernel::Errc::too_large, static_cast<std::int64_t>(line_bytes_max_));
    searched = text_.size() - begin_;
    TRY(read_more());
  }
}

}  // namespace clients::cli
