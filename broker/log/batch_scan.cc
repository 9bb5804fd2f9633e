#include "broker/log/batch_scan.h"

#include <algorithm>
#include <limits>

namespace broker::log {

using kernel::Buffer;
using kernel::Fiber;
using kernel::Result;
using net::record::BatchHeader;
using net::record::kHeaderBytes;

Result<Buffer> BatchScan::at_hand(Fiber& f, std::size_t bytes, std::size_t chunk_bytes) {
  if (end_ - position_ < bytes) return kernel::fail(net::record::Reason::incomplete, static_cast<std::int64_t>(position_));
  if (position_ < window_position_ || position_ + bytes > window_position_ + window_.size()) {
    const std::uint64_t length = std::min<std::uint64_t>(std::max(bytes, chunk_bytes), end_ - position_);
    auto read = kernel::read_exactly(f, *file_, position_, length);
    if (!read) {
      if (read.error().is(kernel::Errc::corrupt)) return kernel::fail(net::record::Reason::incomplete, static_cast<std::int64_t>(position_));
      return read;
    }
    window_ = std::move(*read);
    window_position_ = position_;
  }
  return window_.slice(position_ - window_position_, bytes);
}

Result<std::optional<BatchScan::Item>> BatchScan::next_header(Fiber& f) {
  if (position_ == end_) return std::nullopt;
  const Buffer head = TRY(at_hand(f, kHeaderBytes, kHeaderChunkBytes));
  const BatchHeader header = TRY(BatchHeader::parse(head.view()));
  if (header.size_bytes() > end_ - position_) return kernel::fail(net::record::Reason::incomplete, static_cast<std::int64_t>(position_));
  Item item{position_, header, {}};
  position_ += header.size_bytes();
  return item;
}

Result<std::optional<BatchScan::Item>> BatchScan::next_whole(Fiber& f) {
  if (position_ == end_) return std::nullopt;
  const Buffer head = TRY(at_hand(f, kHeaderBytes, kWholeChunkBytes));
  const BatchHeader header = TRY(BatchHeader::parse(head.view()));
  Item item{position_, header, TRY(at_hand(f, header.size_bytes(), kWholeChunkBytes))};
  position_ += header.size_bytes();
  return item;
}

Result<> OffsetOrder::take(const BatchHeader& header) {
  constexpr std::int64_t kReachMax = std::numeric_limits<std::int32_t>::max();
  const bool fits = header.base_offset >= next_ && header.last_offset_delta >= 0 &&
                    header.base_offset - base_ <= kReachMax - header.last_offset_delta;
  if (!fits) return kernel::fail(net::record::Reason::offset_gap, header.base_offset.raw());
  next_ = header.next_offset();
  return {};
}

std::size_t ordered_prefix(kernel::ByteView bytes, OffsetOrder order, Offset end) {
  std::size_t whole = 0;
  while (whole < bytes.size()) {
    const auto header = BatchHeader::parse(bytes.subspan(whole));
    if (!header || header->size_bytes() > bytes.size() - whole || !order.take(*header) || order.next() > end) break;
    whole += header->size_bytes();
  }
  return whole;
}

}  // namespace broker::log
