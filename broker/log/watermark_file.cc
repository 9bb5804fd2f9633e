#include "broker/log/watermark_file.h"

#include <algorithm>
#include <cstring>

#include "broker/log/reason.h"
#include "kernel/crc32c.h"

namespace broker::log {
namespace {

constexpr std::string_view kMagic{"KALDAWM\0", 8};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kBootIdAt = 24;
constexpr std::size_t kBootIdBytes = 36;
constexpr std::size_t kHeaderCrcAt = 60;
constexpr std::size_t kRecordCrcAt = 60;
static_assert(kBootIdAt + kBootIdBytes == kHeaderCrcAt);

}  // namespace

void append_header(std::vector<std::byte>& out, const WatermarkHeader& header) {
  std::array<std::byte, kWatermarkHeaderBytes> bytes{};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  kernel::store_be(bytes.data() + 8, kVersion);
  kernel::store_be(bytes.data() + 12, static_cast<std::uint32_t>(header.state));
  kernel::store_be(bytes.data() + 16, header.run);
  std::memcpy(bytes.data() + kBootIdAt, header.boot_id.data(), std::min(header.boot_id.size(), kBootIdBytes));
  kernel::store_be(bytes.data() + kHeaderCrcAt, kernel::crc32c({bytes.data(), kHeaderCrcAt}));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_record(std::vector<std::byte>& out, const WatermarkKey& key, const Watermark& mark,
                   std::uint64_t sequence) {
  std::array<std::byte, kWatermarkRecordBytes> bytes{};
  kernel::store_be(bytes.data(), key.first.raw().high);
  kernel::store_be(bytes.data() + 8, key.first.raw().low);
  kernel::store_be(bytes.data() + 16, key.second.raw());
  kernel::store_be(bytes.data() + 20, mark.epoch.raw());
  kernel::store_be(bytes.data() + 24, mark.end.raw());
  kernel::store_be(bytes.data() + 32, mark.segment_base.raw());
  kernel::store_be(bytes.data() + 40, mark.position);
  kernel::store_be(bytes.data() + 48, mark.batch_crc);
  kernel::store_be(bytes.data() + 52, sequence);
  kernel::store_be(bytes.data() + kRecordCrcAt, kernel::crc32c({bytes.data(), kRecordCrcAt}));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

kernel::Result<WatermarkFile> parse_watermarks(kernel::ByteView file) {
  if (file.size() < kWatermarkHeaderBytes) return kernel::fail(Reason::bad_size, static_cast<std::int64_t>(file.size()));
  if (std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) return kernel::fail(Reason::bad_crc);
  // The version is judged first: a later release may place its checksum elsewhere.
  const auto version = kernel::load_be<std::uint32_t>(file.data() + 8);
  if (version > kVersion) return kernel::fail(Reason::bad_version, version);
  if (kernel::load_be<std::uint32_t>(file.data() + kHeaderCrcAt) != kernel::crc32c(file.first(kHeaderCrcAt)))
    return kernel::fail(Reason::bad_crc);
  WatermarkFile read;
  read.header.state = static_cast<WatermarkHeader::State>(kernel::load_be<std::uint32_t>(file.data() + 12));
  read.header.run = kernel::load_be<std::uint64_t>(file.data() + 16);
  const std::string_view boot_id = kernel::as_text(file.subspan(kBootIdAt, kBootIdBytes));
  read.header.boot_id = boot_id.substr(0, boot_id.find('\0'));
  std::map<WatermarkKey, std::uint64_t> sequences;
  for (std::size_t at = kWatermarkHeaderBytes; at + kWatermarkRecordBytes <= file.size(); at += kWatermarkRecordBytes) {
    const std::byte* p = file.data() + at;
    if (kernel::load_be<std::uint32_t>(p + kRecordCrcAt) != kernel::crc32c({p, kRecordCrcAt})) continue;
    const WatermarkKey key{net::TopicId{{kernel::load_be<std::uint64_t>(p), kernel::load_be<std::uint64_t>(p + 8)}},
                           net::PartitionId{kernel::load_be<std::int32_t>(p + 16)}};
    const auto sequence = kernel::load_be<std::uint64_t>(p + 52);
    const auto [known, is_new] = sequences.try_emplace(key, sequence);
    if (!is_new && sequence < known->second) continue;
    known->second = sequence;
    if (sequence > 0) read.of_boot.insert(key);
    read.entries[key] = {.end = net::Offset{kernel::load_be<std::int64_t>(p + 24)},
                         .epoch = net::LeaderEpoch{kernel::load_be<std::int32_t>(p + 20)},
                         .segment_base = net::Offset{kernel::load_be<std::int64_t>(p + 32)},
                         .position = kernel::load_be<std::int64_t>(p + 40),
                         .batch_crc = kernel::load_be<std::uint32_t>(p + 48)};
  }
  return read;
}

}  // namespace broker::log
