// CRC-32C (Castagnoli), the checksum of record batches, producer snapshots and our own files.
#pragma once

#include <cstdint>

#include "kernel/bytes.h"

namespace kernel {

/// CRC-32C of `bytes` continued from `crc` (0 to start). crc32c(b, crc32c(a)) == crc32c(a+b).
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

}  // namespace kernel
