// Response bodies, as a client meets them. The first four bytes choose API and version, as a client knows both.
#include <cstddef>
#include <cstdint>

#include "fuzz/reencode.h"
#include "net/framing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto cases = net::testing::all_message_cases();
  net::Arena arena{fuzz::kArenaBytesMax};
  const kernel::ByteView input{reinterpret_cast<const std::byte*>(data), size};
  net::Reader reader{input, arena};
  std::int16_t key = -1;
  std::int16_t version = -1;
  reader.scalar(key);
  reader.scalar(version);
  const net::ApiInfo* api = reader.failed() ? nullptr : net::find_api(key);
  if (api == nullptr || !net::decode_response_header(reader, api->key, version)) return 0;
  for (const auto& one : cases)
    if (one.kind == net::testing::MessageKind::response && one.api_key == key)
      fuzz::reencode(one, version, input.subspan(reader.position()));
  return 0;
}
