// Values of records in __cluster_metadata and __remote_log_metadata, and every other stored record by its own codec.
// The first byte chooses: 0 and 1 the two framed families, n the n-2nd record of the schemas (second byte: version).
#include <cstddef>
#include <cstdint>

#include "fuzz/reencode.h"
#include "net/framed_record.h"
#include "net/messages/metadata_records.h"
#include "net/messages/remote_log_records.h"

namespace {

template <class Family>
void framed(kernel::ByteView value) {
  net::Arena arena{fuzz::kArenaBytesMax};
  (void)net::decode_framed<Family>(value, arena);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto cases = [] {
    auto all = net::testing::all_message_cases();
    std::erase_if(all, [](const auto& one) { return one.kind != net::testing::MessageKind::record; });
    return all;
  }();
  if (size < 2) return 0;
  const kernel::ByteView rest{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
  if (data[0] == 0) framed<net::MetadataRecord>(rest);
  else if (data[0] == 1) framed<net::RemoteLogRecord>(rest);
  else if (data[0] - 2U < cases.size()) fuzz::reencode(cases[data[0] - 2U], data[1], rest.subspan(1));
  return 0;
}
