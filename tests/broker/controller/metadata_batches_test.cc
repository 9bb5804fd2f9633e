#include "broker/controller/metadata_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "broker/controller/decide.h"

namespace broker::controller {
namespace {

using ::testing::SizeIs;

/// What Kafka 4.4.0 wrote for `kafka-storage format --standalone` of node 1 with CONTROLLER://localhost:19093.
constexpr std::string_view kKafkasFormat =
    "00000000000000000000009a0000000002f6a336e9002000000002000001a20370f6f0000001a20370f6f0ffffffffffffffffffffff"
    "ffffff000000032a0000000800000003160000000001a20370f6be00001e00000208000000050a000000010000820100000408000000"
    "066e000002000000010fb2afee9c594118a5a38ff5bdb73242020b434f4e54524f4c4c45520a6c6f63616c686f73744a950000000001"
    "000000000000000000000003000000f1000000000264a5d476000000000005000001a20370f722000001a20370f722ffffffffffffff"
    "ffffffffffffff000000063a000000012e010c00116d657461646174612e76657273696f6e002100005a000002014e010c0021656c69"
    "6769626c652e6c65616465722e7265706c696361732e76657273696f6e00010000340000040128010c000e67726f75702e7665727369"
    "6f6e00010000340000060128010c000e73686172652e76657273696f6e0002000038000008012c010c001073747265616d732e766572"
    "73696f6e000100004000000a0134010c00147472616e73616374696f6e2e76657273696f6e0002000000000000000000090000003f00"
    "00000002cf06f091002000000000000001a20370f725000001a20370f725ffffffffffffffffffffffffffff000000011a0000000800"
    "0000040600000000";

Batch bytes_of(std::string_view hex) {
  Batch out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<std::byte>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16)));
  return out;
}

/// Batches with what depends on the time of day blanked: checksum and timestamps of the header.
std::string without_times(const Batch& bytes) {
  std::string out;
  net::record::BatchReader reader{bytes};
  while (const auto batch = *reader.next()) {
    std::string text{kernel::as_text(batch->bytes)};
    for (std::size_t i = 17; i < 21; ++i) text[i] = 0;
    for (std::size_t i = 27; i < 43; ++i) text[i] = 0;
    out += text;
  }
  return out;
}

TEST(BootstrapSnapshot, IsByteForByteWhatKafkaFormats) {
  const Batch kafkas = bytes_of(kKafkasFormat);
  const auto read = decode_snapshot(kafkas);
  ASSERT_TRUE(read.has_value()) << kernel::describe(read.error());
  EXPECT_EQ(read->view.kraft_version, 1);
  ASSERT_THAT(read->view.voters, SizeIs(1));
  EXPECT_EQ(read->view.voters[0].directory.text(), "D7Kv7pxZQRilo4_1vbcyQg");

  const Snapshot ours{.view = {.kraft_version = 1,
                               .voters = {{.id = net::BrokerId{1},
                                           .directory = *net::Uuid::parse("D7Kv7pxZQRilo4_1vbcyQg"),
                                           .endpoints = {{"CONTROLLER", "localhost", 19093}}}}},
                      .values = bootstrap_records(),
                      .last_timestamp_ms = read->last_timestamp_ms};
  EXPECT_EQ(*read, ours);
  EXPECT_EQ(without_times(encode_snapshot(ours, net::LeaderEpoch{0}, 1)), without_times(kafkas));
}

TEST(SnapshotFile, DamagedAnywhereIsRefused) {
  const Batch whole = bytes_of(kKafkasFormat);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_snapshot({whole.data(), size}).has_value()) << "cut at " << size;
  const auto read = *decode_snapshot(whole);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Batch damaged = whole;
    damaged[at] ^= std::byte{0x10};
    const auto again = decode_snapshot(damaged);
    // Offsets and the leader epoch stand outside the checksum and say nothing that the file's name does not.
    EXPECT_EQ(again.value_or(read), read) << "flipped at " << at;
  }
}

RC_GTEST_PROP(SnapshotFile, GivesBackWhatWasPutIn, (const std::vector<std::vector<std::uint8_t>>& values)) {
  Snapshot snapshot{.view = {.kraft_version = 1, .voters = {}}, .values = {}, .last_timestamp_ms = 7};
  for (const auto& one : values) {
    metadata::FramedValue value(one.size());
    for (std::size_t i = 0; i < one.size(); ++i) value[i] = static_cast<std::byte>(one[i]);
    snapshot.values.push_back(value);
  }
  const auto again = decode_snapshot(encode_snapshot(snapshot, net::LeaderEpoch{3}, 5));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == snapshot);
}

TEST(SnapshotFile, OfManyRecordsIsManyBatches) {
  Snapshot snapshot;
  snapshot.values.assign(300, metadata::FramedValue(10'000));
  const Batch bytes = encode_snapshot(snapshot, net::LeaderEpoch{3}, 5);
  net::record::BatchReader reader{bytes};
  net::Offset next{0};
  int batches = 0;
  while (const auto batch = *reader.next()) {
    EXPECT_EQ(batch->header.base_offset, next);
    EXPECT_EQ(batch->header.leader_epoch, net::LeaderEpoch{3});
    EXPECT_LE(batch->bytes.size(), 2u << 20);
    next = batch->header.next_offset();
    ++batches;
  }
  EXPECT_EQ(next, net::Offset{302});
  EXPECT_GE(batches, 4);
  EXPECT_EQ(*decode_snapshot(bytes), snapshot);
}

TEST(SnapshotName, IsKafkas) {
  const SnapshotId id{net::Offset{1234}, net::LeaderEpoch{5}};
  EXPECT_EQ(snapshot_name(id), "00000000000000001234-0000000005.checkpoint");
  EXPECT_EQ(parse_snapshot_name(snapshot_name(id)), id);
  for (const char* other : {"", "x.checkpoint", "00000000000000001234-0000000005.checkpoint.deleted", "quorum-state",
                            "0000000000000000123x-0000000005.checkpoint", "-0000000000000001234-0000000005.checkpoint",
                            "00000000000000001234-0000000005-77.checkpoint.part"})
    EXPECT_EQ(parse_snapshot_name(other), std::nullopt) << other;
}

TEST(QuorumStateFile, IsKafkas) {
  const QuorumState state{.leader = net::BrokerId{1}, .epoch = net::LeaderEpoch{1}};
  constexpr std::string_view kText =
      R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})";
  EXPECT_EQ(format_quorum_state(state), kText);
  EXPECT_EQ(*parse_quorum_state(kText), state);
}

TEST(QuorumStateFile, OfAStaticQuorumIsReadToo) {
  const auto state = parse_quorum_state(
      R"({"clusterId":"","leaderId":3,"leaderEpoch":7,"votedId":2,"appliedOffset":0,)"
      R"("currentVoters":[{"voterId":3}], "data_version" : 0})");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->epoch, net::LeaderEpoch{7});
  EXPECT_EQ(state->voted, net::BrokerId{2});
}

TEST(QuorumStateFile, ThatIsNoneIsRefused) {
  EXPECT_TRUE(parse_quorum_state(R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"data_version":2})")
                  .error().is(kernel::Errc::unsupported));
  for (const char* bad : {"", "{}", R"({"data_version":1})",
                          R"({"leaderId":1,"leaderEpoch":x,"votedId":1,"data_version":0})",
                          R"({"leaderId":1,"leaderEpoch":-4,"votedId":1,"data_version":0})",
                          R"({"leaderId":1,"leaderEpoch":4,"votedId":1,"data_version":1})"})
    EXPECT_TRUE(parse_quorum_state(bad).error().is(kernel::Errc::corrupt)) << bad;
}

TEST(LeaderChange, CarriesTheQuorumWhenTheLogDoesNotSayIt) {
  const QuorumView view{.kraft_version = 1, .voters = {{.id = net::BrokerId{1}, .directory = {1, 2}, .endpoints = {}}}};
  const BatchPlace place{.epoch = net::LeaderEpoch{4}, .timestamp_ms = 9, .base = {}};
  for (const QuorumView* said : {&view, static_cast<const QuorumView*>(nullptr)}) {
    const Batch bytes = leader_change_batch(net::BrokerId{1}, view.voters, said, place);
    net::record::BatchReader reader{bytes};
    const auto batch = **reader.next();
    EXPECT_TRUE(batch.header.is_control());
    EXPECT_EQ(batch.header.records_count, said != nullptr ? 3 : 1);
    Replay replay{metadata::Image{}, {}};
    ASSERT_TRUE(replay.apply(batch));
    EXPECT_EQ(replay.saw_voters(), said != nullptr);
    EXPECT_EQ(replay.view(), said != nullptr ? view : QuorumView{});
    EXPECT_EQ(replay.epoch(), net::LeaderEpoch{4});
  }
}

TEST(Replay, RefusesABatchThatIsNotWhatItWas) {
  const auto values = bootstrap_records();
  Batch bytes = data_batch(values, {});
  bytes.back() ^= std::byte{1};
  net::record::BatchReader reader{bytes};
  Replay replay{metadata::Image{}, {}};
  EXPECT_TRUE(replay.apply(**reader.next()).error().is(kernel::Errc::corrupt));
}

}  // namespace
}  // namespace broker::controller
