// Batches back to back in a run of bytes: a fetched answer, a stretch of a segment.
//
//   BatchReader reader{bytes};
//   while (const auto batch = TRY(reader.next())) use(batch->header, batch->records());
//   reader.rest();   // an incomplete batch at the end, which readers drop
#pragma once

#include <optional>

#include "net/record/batch_header.h"

namespace net::record {

/// One batch where it lies. Borrows the bytes.
struct BatchView {
  BatchHeader header;
  ByteView bytes;
  /// The record region, compressed if the header says so.
  [[nodiscard]] ByteView records() const { return bytes.subspan(kHeaderBytes); }
};

class BatchReader {
 public:
  explicit BatchReader(ByteView bytes) : rest_{bytes} {}

  /// The next whole batch; nothing when less than a batch is left. The checksum is not looked at.
  /// Errors: old_magic, unknown_magic, bad_length; the reader then stays where it is.
  kernel::Result<std::optional<BatchView>> next();
  [[nodiscard]] ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

}  // namespace net::record
