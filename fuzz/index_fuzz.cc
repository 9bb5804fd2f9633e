// Any bytes as the index files of a segment: what parses is written back the same and can be searched and cut.
#include <algorithm>

#include "broker/log/offset_index.h"
#include "broker/log/time_index.h"
#include "broker/log/transaction_index.h"
#include "kernel/check.h"

using namespace broker::log;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const kernel::ByteView file{reinterpret_cast<const std::byte*>(data), size};
  constexpr Offset kBase{1000};
  if (auto index = OffsetIndex::parse(kBase, file, 100)) {
    CHECK(std::ranges::equal(index->encode(), file));
    const std::size_t all = index->size();
    if (all > 0) CHECK(index->lookup(index->last()->offset) == index->last());
    index->truncate(kBase + 100);
    CHECK(index->size() <= all);
    CHECK(index->size() == 0 || index->last()->offset < kBase + 100);
  }
  if (auto index = TimeIndex::parse(kBase, file, 100)) {
    CHECK(std::ranges::equal(index->encode(), file));
    if (index->size() > 0) CHECK(index->lookup(index->last()->timestamp_ms) == index->last());
    index->truncate(kBase + 100);
    CHECK(index->size() == 0 || index->last()->offset < kBase + 100);
  }
  if (auto index = TransactionIndex::parse(file)) CHECK(std::ranges::equal(index->encode(), file));
  return 0;
}
