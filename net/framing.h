// Frames: int32 size, header, body.
//
// Reading:
//   const std::uint32_t size = TRY(parse_frame_size(four_bytes, frame_bytes_max));   // then read `size` bytes
//   Reader reader{frame, arena};
//   const RequestHeader header = TRY(decode_request_header(reader));
//   const auto request = TRY(decode<ProduceRequest>(reader, header.request_api_version));
//
// Answering:
//   const EncodedFrame frame = TRY(encode_response(version, header.correlation_id, response));
//   // send frame.bytes, with the bytes of gap.token after each gap.offset bytes
//
// A Fetch answer whose records stay where they are (response.records = Records::external(size, index)):
//   std::size_t sent = 0;
//   for (const Gap& gap : frame.gaps) {
//     send(frame.bytes[sent, gap.offset));  send(slices[gap.token]);  sent = gap.offset;
//   }
//   send(frame.bytes[sent, end));
//
// A caller with a buffer of its own uses response_size() and encode_response_into(); nothing here suspends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/result.h"
#include "net/apis.h"
#include "net/codec/message.h"
#include "net/messages/headers.h"

namespace net {

inline constexpr std::size_t kFrameSizeBytes = 4;

/// The size that a frame's first four bytes declare. Errors: corrupt (negative), too_large.
[[nodiscard]] kernel::Result<std::uint32_t> parse_frame_size(std::span<const std::byte, kFrameSizeBytes> prefix,
                                                             std::uint32_t frame_bytes_max);

/// Version of the header of a request: 2 where the request is flexible, else 1.
[[nodiscard]] std::int16_t request_header_version(const ApiInfo& api, std::int16_t version);
/// Version of the header of a response: 1 where the response is flexible, else 0; ApiVersions always has 0, because
/// its reader does not yet know what the server speaks (KIP-511).
[[nodiscard]] std::int16_t response_header_version(const ApiInfo& api, std::int16_t version);

/// The header of a request frame. It may name an API version that we lack: ApiVersions must be answered even then.
/// Errors: unsupported (unknown API, detail is the key), corrupt.
[[nodiscard]] kernel::Result<RequestHeader> decode_request_header(Reader& reader);
/// The header of the answer to a request of this API and version. Errors: corrupt.
[[nodiscard]] kernel::Result<ResponseHeader> decode_response_header(Reader& reader, ApiKey key, std::int16_t version);

struct EncodedFrame {
  std::vector<std::byte> bytes;  ///< size prefix, header, and all of the body but external records
  std::vector<Gap> gaps;         ///< offsets are into `bytes`
  std::size_t wire_bytes = 0;    ///< everything, with the size prefix
};

namespace detail {

struct FrameSize {
  MessageSize header;
  MessageSize frame;  ///< with prefix and header
};
template <class Header, class M>
[[nodiscard]] kernel::Result<FrameSize> frame_size(const Header& header, std::int16_t header_version, const M& message,
                                                   std::int16_t version) {
  const MessageSize head = TRY(measure(header, header_version));
  const MessageSize body = TRY(measure(message, version));
  FrameSize size{head, {kFrameSizeBytes + head.wire_bytes + body.wire_bytes,
                        kFrameSizeBytes + head.stored_bytes + body.stored_bytes}};
  if (size.frame.wire_bytes - kFrameSizeBytes > INT32_MAX)
    return kernel::fail(kernel::Errc::too_large, static_cast<std::int64_t>(size.frame.wire_bytes));
  return size;
}
template <class Header, class M>
void write_frame(const Header& header, std::int16_t header_version, const M& message, std::int16_t version,
                 std::size_t wire_bytes, kernel::MutableByteView buffer, std::vector<Gap>* gaps) {
  Writer writer{buffer, gaps};
  writer.scalar(static_cast<std::int32_t>(wire_bytes - kFrameSizeBytes));
  header.put(writer, header_version);
  message.put(writer, version);
  CHECK(writer.remaining() == 0);
}
template <class Header, class M>
[[nodiscard]] kernel::Result<EncodedFrame> make_frame(const Header& header, std::int16_t header_version,
                                                      const M& message, std::int16_t version) {
  const FrameSize size = TRY(frame_size(header, header_version, message, version));
  EncodedFrame frame;
  frame.bytes.resize(size.frame.stored_bytes);
  frame.wire_bytes = size.frame.wire_bytes;
  write_frame(header, header_version, message, version, frame.wire_bytes, frame.bytes, &frame.gaps);
  return frame;
}

}  // namespace detail

/// A request as a frame. Errors: those of measure().
template <class Request>
[[nodiscard]] kernel::Result<EncodedFrame> encode_request(std::int16_t version, std::int32_t correlation_id,
                                                          std::optional<std::string_view> client_id,
                                                          const Request& request) {
  RequestHeader header;
  header.request_api_key = static_cast<std::int16_t>(Request::kApiKey);
  header.request_api_version = version;
  header.correlation_id = correlation_id;
  header.client_id = client_id;
  return detail::make_frame(header, request_header_version(info(Request::kApiKey), version), request, version);
}

/// A response as a frame. Errors: those of measure(), too_large beyond 2 GiB.
template <class Response>
[[nodiscard]] kernel::Result<EncodedFrame> encode_response(std::int16_t version, std::int32_t correlation_id,
                                                           const Response& response) {
  ResponseHeader header;
  header.correlation_id = correlation_id;
  return detail::make_frame(header, response_header_version(info(Response::kApiKey), version), response, version);
}

/// Size of the frame that encode_response_into() makes, with prefix and header.
template <class Response>
[[nodiscard]] kernel::Result<MessageSize> response_size(std::int16_t version, const Response& response) {
  const auto header_version = response_header_version(info(Response::kApiKey), version);
  return TRY(detail::frame_size(ResponseHeader{}, header_version, response, version)).frame;
}
/// Stores the frame into a buffer of exactly `size.stored_bytes`, `size` being response_size() of the same response.
template <class Response>
void encode_response_into(kernel::MutableByteView buffer, const MessageSize& size, std::int16_t version,
                          std::int32_t correlation_id, const Response& response, std::vector<Gap>* gaps = nullptr) {
  ResponseHeader header;
  header.correlation_id = correlation_id;
  detail::write_frame(header, response_header_version(info(Response::kApiKey), version), response, version,
                      size.wire_bytes, buffer, gaps);
}

}  // namespace net
