// Any bytes as a run of record batches: reader, validator, iterator and walk agree and stay inside.
#include "kernel/check.h"
#include "net/record/batch_reader.h"
#include "net/record/control.h"
#include "net/record/record_walk.h"
#include "net/record/validate.h"

using namespace net::record;

namespace {

constexpr std::size_t kUncompressedBytesMax = 1 << 20;

void try_records(const BatchView& batch) {
  (void)parse_transaction_marker(batch.header, batch.records());
  const auto region = RecordRegion::open(batch.header, batch.records(), kUncompressedBytesMax);
  if (!region) return;
  bool consecutive = true;
  RecordIterator records = region->iterate();
  auto record = records.next();
  for (std::int32_t expected = 0; record && *record; record = records.next(), ++expected) {
    consecutive = consecutive && (*record)->offset_delta == expected;
    (void)(*record)->headers.to_vector();
  }
  if (batch.header.records_count < 0) return;  // no such batch reaches a walk
  const ByteView plain = region->bytes();
  const ByteView halves[] = {plain.first(plain.size() / 2), plain.subspan(plain.size() / 2)};
  const bool walked = walk_records(batch.header, {&plain, 1}, {}).has_value();
  CHECK(walked == (record.has_value() && consecutive));
  CHECK(walked == walk_records(batch.header, halves, {}).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{reinterpret_cast<const std::byte*>(data), size};
  (void)validate_client_batch({&bytes, 1});
  BatchReader reader{bytes};
  for (auto batch = reader.next(); batch && *batch; batch = reader.next()) try_records(**batch);
  return 0;
}
