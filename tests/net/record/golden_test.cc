// tests/golden/record/README.md says how these files came about.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "net/record/record_walk.h"
#include "net/record/validate.h"
#include "tests/net/record/random_records.h"

namespace net::record {
namespace {

std::vector<std::byte> golden(std::string_view codec) {
  std::ifstream file{fmt::format("{}/tests/golden/record/{}.bin", KALDA_SOURCE_DIR, codec), std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const ByteView view = kernel::as_bytes(text);
  return {view.begin(), view.end()};
}

std::vector<testing::OwnedRecord> expected_records() {
  std::vector<testing::OwnedRecord> records;
  for (int i = 0; i < 20; ++i) {
    testing::OwnedRecord record{.timestamp_ms = 1'700'000'000'000 + 7 * i, .key = {}, .value = {}, .headers = {}};
    if (i % 3 != 0) record.key = fmt::format("key-{}", i);
    if (i % 5 != 4) record.value = fmt::format("value {0} value {0} value {0} ", i);
    if (i % 4 == 0) record.headers = {{"h", "x"}, {"n", std::nullopt}};
    records.push_back(record);
  }
  return records;
}

TEST(GoldenBatches, of_a_foreign_client_are_valid_and_read_as_they_were_meant) {
  for (int codec = 0; codec < compress::kCodecs; ++codec) {
    const auto bytes = golden(compress::name_of(static_cast<Codec>(codec)));
    const ByteView view{bytes};
    const BatchHeader header = validate_client_batch({&view, 1}).value();
    EXPECT_EQ(header.codec(), static_cast<Codec>(codec));
    EXPECT_EQ(header.producer_id, ProducerId{4711});
    EXPECT_EQ(header.last_sequence(), 36);
    EXPECT_EQ(testing::read(BatchReader{view}.next().value().value()).value(), expected_records());
    const Walked walked = walk_compressed_records(header, view.subspan(kHeaderBytes), 1 << 16, {}).value();
    EXPECT_EQ(walked.timestamp_ms_max, header.max_timestamp_ms);
    EXPECT_EQ(walked.timestamp_ms_max_index, 19);
  }
}

TEST(GoldenBatches, without_compression_are_what_our_builder_makes_byte_for_byte) {
  const auto ours = testing::build(expected_records(), {.leader_epoch = LeaderEpoch{0}, .producer_id = ProducerId{4711},
                                                        .producer_epoch = ProducerEpoch{3}, .base_sequence = 17});
  auto theirs = golden("none");
  stamp_leader_epoch(theirs, LeaderEpoch{0});
  EXPECT_EQ(ours, theirs);
}

}  // namespace
}  // namespace net::record
