// Decoding and encoding of whole messages: what the rest of the house calls.
//
//   Arena arena;
//   Reader reader{bytes, arena};
//   const auto request = TRY(decode<FetchRequest>(reader, version));
//
//   const MessageSize size = TRY(measure(response, version));
//   std::vector<std::byte> buffer(size.stored_bytes);
//   std::vector<Gap> gaps;
//   encode(response, version, buffer, &gaps);
//
// The bytes on the wire are `buffer` with, at each gap, the bytes that gap.token names: they are never copied here.
// Every generated type M has: M::kName, M::kVersions, M::kFlexibleFrom, read(), put(), text(), ==.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/result.h"
#include "net/codec/reader.h"
#include "net/codec/sink.h"
#include "net/codec/version.h"

namespace net {

/// One message of the reader's bytes. What follows stays unread.
/// Errors: unsupported (version), corrupt, too_large; a failed reader stays failed.
template <class M>
[[nodiscard]] kernel::Result<M> decode(Reader& reader, std::int16_t version) {
  if (!M::kVersions.contains(version)) return kernel::fail(kernel::Errc::unsupported, version);
  kernel::Result<M> message{};
  message->read(reader, version);
  if (reader.failed()) [[unlikely]] return std::unexpected(reader.status().error());
  return message;
}

/// A message that is all of `bytes`: trailing bytes are corrupt. Views point into `bytes`.
template <class M>
[[nodiscard]] kernel::Result<M> decode_all(kernel::ByteView bytes, std::int16_t version, Arena& arena) {
  Reader reader{bytes, arena};
  kernel::Result<M> message = decode<M>(reader, version);
  if (message && reader.remaining() != 0)
    return kernel::fail(kernel::Errc::corrupt, static_cast<std::int64_t>(reader.position()));
  return message;
}

struct MessageSize {
  std::size_t wire_bytes = 0;    ///< on the wire
  std::size_t stored_bytes = 0;  ///< in our buffer: without external records
};

/// The exact size of `message`. Errors: unsupported (version); invalid_argument when a field that this version lacks
/// is set and may not be dropped, or null stands where it is illegal (`where` is the schema line); too_large.
template <class M>
[[nodiscard]] kernel::Result<MessageSize> measure(const M& message, std::int16_t version) {
  if (!M::kVersions.contains(version)) return kernel::fail(kernel::Errc::unsupported, version);
  Sizer sizer;
  message.put(sizer, version);
  if (auto status = sizer.status(); !status) return std::unexpected(status.error());
  return MessageSize{sizer.wire_bytes(), sizer.stored_bytes()};
}

/// Stores a message that measure() accepted into a buffer of exactly its stored_bytes.
template <class M>
void encode(const M& message, std::int16_t version, kernel::MutableByteView buffer, std::vector<Gap>* gaps = nullptr) {
  Writer writer{buffer, gaps};
  message.put(writer, version);
  CHECK(writer.remaining() == 0);
}

/// As bytes of their own, for messages without external records. Errors: those of measure().
template <class M>
[[nodiscard]] kernel::Result<std::vector<std::byte>> encode(const M& message, std::int16_t version) {
  const MessageSize size = TRY(measure(message, version));
  std::vector<std::byte> bytes(size.stored_bytes);
  encode(message, version, bytes);
  return bytes;
}

}  // namespace net
