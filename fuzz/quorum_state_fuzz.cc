// Any bytes as a quorum-state file: what parses is written back to something that parses the same.
#include "broker/controller/quorum.h"
#include "kernel/check.h"

using namespace broker::controller;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto state = parse_quorum_state(text)) CHECK(parse_quorum_state(format_quorum_state(*state)) == *state);
  return 0;
}
