// Any bytes as the text files of a log directory: what parses is written back to something that parses the same.
#include "broker/log/checkpoint_files.h"
#include "broker/log/identity_files.h"
#include "kernel/check.h"

using namespace broker::log;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto epochs = parse_leader_epochs(text)) {
    LeaderEpochs{*epochs}.invariants();
    CHECK(parse_leader_epochs(format_leader_epochs(*epochs)) == *epochs);
  }
  if (const auto offsets = parse_partition_offsets(text))
    CHECK(parse_partition_offsets(format_partition_offsets(*offsets)) == *offsets);
  if (const auto meta = parse_meta_properties(text))
    CHECK(parse_meta_properties(format_meta_properties(*meta)) == *meta);
  if (const auto topic = parse_partition_metadata(text))
    CHECK(parse_partition_metadata(format_partition_metadata(*topic)) == *topic);
  if (const auto epoch = parse_clean_shutdown(text)) CHECK(parse_clean_shutdown(format_clean_shutdown(*epoch)) == epoch);
  return 0;
}
