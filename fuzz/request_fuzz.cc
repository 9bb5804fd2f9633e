// Request frames without their size prefix, as a server meets them: header, then the body of that API and version.
// What decodes must encode again to a message that decodes to the same.
#include <cstddef>
#include <cstdint>

#include "fuzz/reencode.h"
#include "net/framing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto cases = net::testing::all_message_cases();
  net::Arena arena{fuzz::kArenaBytesMax};
  const kernel::ByteView frame{reinterpret_cast<const std::byte*>(data), size};
  net::Reader reader{frame, arena};
  const auto header = net::decode_request_header(reader);
  if (!header) return 0;
  for (const auto& one : cases)
    if (one.kind == net::testing::MessageKind::request && one.api_key == header->request_api_key)
      fuzz::reencode(one, header->request_api_version, frame.subspan(reader.position()));
  return 0;
}
