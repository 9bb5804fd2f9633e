// CRC-32C (Castagnoli), the checksum of record batches, producer snapshots and our own files.
//
//   std::uint32_t whole = crc32c(body, crc32c(head));            // one checksum over two pieces
//   whole == crc32c_combine(crc32c(head), crc32c(body), body.size());
//
// Runs on three instruction streams where the processor has SSE4.2 and PCLMULQDQ, else from tables; the value is
// the same. Polynomial 0x1EDC6F41, reflected, initial value and final xor 0xFFFFFFFF (RFC 3720, appendix B.4).
#pragma once

#include <cstdint>

#include "kernel/bytes.h"

namespace kernel {

/// CRC-32C of `bytes` continued from `crc` (0 to start). crc32c(b, crc32c(a)) == crc32c(a+b).
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

/// The checksum of a+b from those of a and b alone, in time that grows with the logarithm of `second_bytes`.
[[nodiscard]] std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

/// The table version, on any processor; crc32c() chooses it where the instructions are missing.
[[nodiscard]] std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t crc = 0);

}  // namespace kernel
