// The newest batches of a log, kept in memory so that readers at the tail need no disk. Bounded by the bytes of one
// log and of all logs of the shard; what falls out is read from the file.
#pragma once

#include <algorithm>
#include <deque>

#include "kernel/buffer.h"
#include "net/record/batch_header.h"

namespace broker::log {

using net::Offset;

struct CachedBatch {
  Offset base;
  Offset next;
  Offset segment_base;
  std::uint64_t position = 0;
  std::uint64_t log_bytes = 0;  ///< appended to the log before it, since it was opened
  kernel::Buffer bytes;
};

class TailCache {
 public:
  /// A slice of a request keeps the whole request; small batches are copied so that they do not.
  static constexpr std::size_t kCopyMax = 4096;

  TailCache(std::size_t bytes_max, std::size_t& shard_bytes, std::size_t shard_bytes_max)
      : bytes_max_{bytes_max}, shard_bytes_{shard_bytes}, shard_bytes_max_{shard_bytes_max} {}
  TailCache(const TailCache&) = delete;
  TailCache& operator=(const TailCache&) = delete;
  /// Not clear(): when a killed node unwinds, the shard's counter may have gone before.
  ~TailCache() = default;

  void push(CachedBatch batch) {
    if (batch.bytes.size() <= kCopyMax) batch.bytes = kernel::Buffer::copy_of(batch.bytes.view());
    bytes_ += batch.bytes.size();
    shard_bytes_ += batch.bytes.size();
    batches_.push_back(std::move(batch));
    while (batches_.size() > 1 && (bytes_ > bytes_max_ || shard_bytes_ > shard_bytes_max_)) pop();
  }
  void clear() {
    while (!batches_.empty()) pop();
  }
  /// Batches below `end` are not on disk any more as they were.
  void drop_below(Offset end) {
    while (!batches_.empty() && batches_.front().next <= end) pop();
  }
  [[nodiscard]] const std::deque<CachedBatch>& batches() const { return batches_; }
  /// The batch that holds `offset`, or the next one; the end when it begins before what is here.
  [[nodiscard]] std::deque<CachedBatch>::const_iterator find(Offset offset) const {
    if (batches_.empty() || offset < batches_.front().base) return batches_.end();
    return std::ranges::upper_bound(batches_, offset, {}, &CachedBatch::next);
  }

 private:
  void pop() {
    bytes_ -= batches_.front().bytes.size();
    shard_bytes_ -= batches_.front().bytes.size();
    batches_.pop_front();
  }
  std::deque<CachedBatch> batches_;
  std::size_t bytes_ = 0;
  std::size_t bytes_max_;
  std::size_t& shard_bytes_;
  std::size_t shard_bytes_max_;
};

}  // namespace broker::log
