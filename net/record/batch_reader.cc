#include "net/record/batch_reader.h"

namespace net::record {

kernel::Result<std::optional<BatchView>> BatchReader::next() {
  const auto header = BatchHeader::parse(rest_);
  if (!header) {
    if (header.error().is(Reason::incomplete)) return std::nullopt;
    return std::unexpected(header.error());
  }
  if (rest_.size() < header->size_bytes()) return std::nullopt;
  const ByteView bytes = rest_.first(header->size_bytes());
  rest_ = rest_.subspan(bytes.size());
  return BatchView{*header, bytes};
}

}  // namespace net::record
