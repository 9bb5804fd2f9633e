// A response on its way out: pieces in memory and ranges of files, in order.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/buffer.h"
#include "kernel/disk.h"

namespace broker::server {

struct ReplyPart {
  kernel::Buffer bytes;     ///< this, or
  kernel::FileHandle file;  ///< `size` bytes of this from `position`
  std::uint64_t position = 0;
  std::size_t size = 0;
};

struct Reply {
  std::vector<ReplyPart> parts;
  /// Nothing is sent (acks=0), though the place in the order is kept.
  bool silent = false;
  /// The connection ends when this reply's turn comes, after what is in it was sent.
  bool close_after = false;

  [[nodiscard]] static Reply none() { return {.silent = true}; }
  [[nodiscard]] static Reply hang_up() { return {.silent = true, .close_after = true}; }
};

}  // namespace broker::server
