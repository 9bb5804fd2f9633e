// Any bytes as a producer snapshot. The checksum is made to fit, or hardly an input would come past it.
#include <algorithm>

#include "broker/log/producer_state.h"
#include "kernel/check.h"
#include "kernel/crc32c.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using broker::log::ProducerState;
  const auto* const bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> file(bytes, bytes + size);
  (void)ProducerState::decode_snapshot(file);
  if (file.size() < 10) return 0;
  kernel::store_be(file.data() + 2, kernel::crc32c(kernel::ByteView{file}.subspan(6)));
  const auto state = ProducerState::decode_snapshot(file);
  if (!state) return 0;
  const auto again = ProducerState::decode_snapshot(state->encode_snapshot());
  CHECK(again.has_value());
  CHECK(again->size() == state->size());
  CHECK(again->encode_snapshot() == state->encode_snapshot());
  return 0;
}
