// Any bytes as a file of synced watermarks: what parses is written back to something that parses the same. The checksums
// are made to fit, or hardly an input would come past them.
#include "broker/log/watermark_file.h"
#include "kernel/check.h"

using namespace broker::log;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const kernel::ByteView input{reinterpret_cast<const std::byte*>(data), size};
  const auto again = [](const WatermarkFile& file) {
    std::vector<std::byte> bytes;
    append_header(bytes, file.header);
    std::uint64_t sequence = 0;
    for (const auto& [key, mark] : file.entries) append_record(bytes, key, mark, ++sequence);
    const auto read = parse_watermarks(bytes);
    CHECK(read.has_value());
    CHECK(read->header == file.header);
    CHECK(read->entries == file.entries);
  };
  if (const auto file = parse_watermarks(input)) again(*file);
  // A whole header in front: the records are tried too.
  std::vector<std::byte> bytes;
  append_header(bytes, {.state = WatermarkHeader::State::running, .run = 1, .boot_id = "boot"});
  bytes.insert(bytes.end(), input.begin(), input.end());
  if (const auto file = parse_watermarks(bytes)) again(*file);
  return 0;
}
