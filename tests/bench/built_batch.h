// A record batch to measure with, as net/ builds it.
#pragma once

#include <string>
#include <vector>

#include "net/record/batch_builder.h"

namespace bench {

/// A record after the other with values of `value_bytes`, until the batch has `batch_bytes_min`.
inline void fill_batch(net::record::BatchBuilder& builder, std::size_t batch_bytes_min, std::size_t value_bytes,
                       bool with_headers = false) {
  using kernel::as_bytes;
  const std::string value(value_bytes, 'v');
  const net::record::RecordHeader headers[]{{"trace", as_bytes("0123456789abcdef")}, {"source", as_bytes("bench")}};
  for (std::int64_t now = 1'700'000'000'000; builder.size_bytes_uncompressed() < batch_bytes_min; ++now) {
    net::record::NewRecord record{.timestamp_ms = now, .key = as_bytes("order-0017"), .value = as_bytes(value)};
    if (with_headers) record.headers = headers;
    builder.append(record);
  }
}

inline std::vector<std::byte> build_batch(std::size_t batch_bytes_min, std::size_t value_bytes,
                                          bool with_headers = false) {
  net::record::BatchBuilder builder{{}};
  fill_batch(builder, batch_bytes_min, value_bytes, with_headers);
  return builder.build();
}

}  // namespace bench
