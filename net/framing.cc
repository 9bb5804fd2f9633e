#include "net/framing.h"

namespace net {

kernel::Result<std::uint32_t> parse_frame_size(std::span<const std::byte, kFrameSizeBytes> prefix,
                                               std::uint32_t frame_bytes_max) {
  const auto size = kernel::load_be<std::int32_t>(prefix.data());
  if (size < 0) return kernel::fail(kernel::Errc::corrupt, size);
  if (static_cast<std::uint32_t>(size) > frame_bytes_max) return kernel::fail(kernel::Errc::too_large, size);
  return static_cast<std::uint32_t>(size);
}

std::int16_t request_header_version(const ApiInfo& api, std::int16_t version) {
  return version >= api.request_flexible_from ? 2 : 1;
}

std::int16_t response_header_version(const ApiInfo& api, std::int16_t version) {
  if (api.key == ApiKey::api_versions) return 0;
  return version >= api.response_flexible_from ? 1 : 0;
}

kernel::Result<RequestHeader> decode_request_header(Reader& reader) {
  // Key and version come first in every header version and say which one this is.
  Reader ahead = reader;
  std::int16_t key = -1;
  std::int16_t version = -1;
  ahead.scalar(key);
  ahead.scalar(version);
  TRY(ahead.status());
  const ApiInfo* api = find_api(key);
  if (api == nullptr) return kernel::fail(kernel::Errc::unsupported, key);
  return decode<RequestHeader>(reader, request_header_version(*api, version));
}

kernel::Result<ResponseHeader> decode_response_header(Reader& reader, ApiKey key, std::int16_t version) {
  return decode<ResponseHeader>(reader, response_header_version(info(key), version));
}

}  // namespace net
