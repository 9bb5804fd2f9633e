// Any bytes as a metadata snapshot (<end>-<epoch>.checkpoint). Checksums are put right before, or nothing would come past
// them: what decodes is written again as the same snapshot, and its records make an image or are refused; an image makes
// records that make it again.
#include "broker/controller/metadata_batches.h"
#include "broker/metadata/image_builder.h"
#include "broker/metadata/to_records.h"
#include "kernel/check.h"
#include "net/record/batch_header.h"

using namespace broker;

namespace {

constexpr std::size_t kCrcAt = 17;  // in a batch

void mend_checksums(std::vector<std::byte>& file) {
  std::size_t at = 0;
  net::record::BatchReader reader{file};
  for (auto batch = reader.next(); batch && *batch; batch = reader.next()) {
    const kernel::ByteView piece = (*batch)->bytes;
    const std::uint32_t crc = net::record::compute_crc({&piece, 1});
    kernel::store_be(file.data() + at + kCrcAt, crc);
    at += piece.size();
  }
}

metadata::ImageRef image_of(const std::vector<metadata::FramedValue>& values) {
  metadata::ImageBuilder builder{metadata::Image{}};
  for (const metadata::FramedValue& value : values)
    if (!builder.apply(value)) return nullptr;
  if (builder.in_transaction()) return nullptr;
  return builder.build(net::Offset{1}, net::LeaderEpoch{0}, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> file(bytes, bytes + size);
  mend_checksums(file);
  auto snapshot = controller::decode_snapshot(file);
  if (!snapshot) return 0;
  // Voters are written from kraft.version 1 on.
  if (snapshot->view.kraft_version < 1) snapshot->view = {};
  const auto again = controller::decode_snapshot(controller::encode_snapshot(*snapshot, net::LeaderEpoch{0}, 0));
  CHECK(again.has_value());
  CHECK(again->view == snapshot->view || snapshot->view.voters.empty());
  CHECK(again->values == snapshot->values);

  if (const metadata::ImageRef image = image_of(snapshot->values)) {
    image->invariants();
    const metadata::ImageRef same = image_of(metadata::to_records(*image));
    CHECK(same != nullptr);
    same->invariants();
  }
  return 0;
}
