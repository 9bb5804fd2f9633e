// Bytes of the embedded consumer protocol: Java's, and whatever a member may send instead.
#include "clients/group/protocol.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "clients/core/reason.h"

namespace clients::group {
namespace {

using net::PartitionId;

std::string hex(const Bytes& bytes) {
  std::string out;
  for (const std::byte b : bytes) out += fmt::format("{:02x}", static_cast<unsigned>(b));
  return out;
}

TEST(Subscription, is_written_as_java_writes_it) {
  Subscription said;
  said.topics = {"u", "t"};
  said.owned = {{"t", PartitionId{1}}, {"t", PartitionId{0}}};
  said.generation = 7;
  EXPECT_EQ(hex(encode_subscription(said)),
            "0003" "00000002" "000174" "000175" "ffffffff"
            "00000001" "000174" "00000002" "00000000" "00000001" "00000007" "ffff");
  EXPECT_EQ(hex(encode_subscription(said, 0)), "0000" "00000002" "000174" "000175" "ffffffff");
  said.user_data = encode_generation(7);
  EXPECT_EQ(hex(encode_subscription(said, 1)),
            "0001" "00000002" "000174" "000175" "00000004" "00000007"
            "00000001" "000174" "00000002" "00000000" "00000001");
}

TEST(Assignment, is_written_as_java_writes_it) {
  EXPECT_EQ(hex(encode_assignment({{"t", PartitionId{2}}, {"s", PartitionId{0}}, {"t", PartitionId{1}}})),
            "0003" "00000002" "000173" "00000001" "00000000" "000174" "00000002" "00000001" "00000002" "ffffffff");
}

TEST(StickyUserData, is_written_as_java_writes_it) {
  EXPECT_EQ(hex(encode_sticky({{{"t", PartitionId{2}}}, 5})), "00000001" "000174" "00000001" "00000002" "00000005");
  EXPECT_EQ(hex(encode_generation(-1)), "ffffffff");
}

TEST(Subscription, comes_back_in_every_version) {
  for (std::int16_t version = 0; version <= kProtocolVersionLast; ++version) {
    Subscription said;
    said.topics = {"t"};
    said.owned = {{"t", PartitionId{1}}};
    said.generation = 3;
    said.rack = "r";
    const auto back = parse_subscription(encode_subscription(said, version));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->topics, said.topics);
    EXPECT_EQ(back->version, version);
    EXPECT_EQ(back->owned.size(), version >= 1 ? 1u : 0u);
    EXPECT_EQ(back->generation, version >= 2 ? 3 : kGenerationNone);
    EXPECT_EQ(back->rack.has_value(), version >= 3);
  }
}

TEST(Subscription, a_newer_one_is_read_as_the_newest_we_know) {
  Bytes bytes = encode_subscription({.topics = {"t"}, .user_data = {}, .owned = {}, .rack = {}});
  bytes[1] = std::byte{9};
  bytes.push_back(std::byte{42});
  const auto back = parse_subscription(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->topics, std::vector<std::string>{"t"});
}

TEST(Subscription, one_that_claims_version_1_and_has_the_form_of_0_is_read_as_what_it_is) {
  Bytes bytes = encode_subscription({.topics = {"t"}, .user_data = {}, .owned = {}, .rack = {}}, 0);
  bytes[1] = std::byte{1};
  const auto back = parse_subscription(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->topics, std::vector<std::string>{"t"});
  EXPECT_EQ(back->version, 0);
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(parse_subscription(bytes)) << "neither form";
  bytes.pop_back();
  bytes[1] = std::byte{2};
  EXPECT_FALSE(parse_subscription(bytes)) << "nobody is known to do that";
}

TEST(Assignment, no_bytes_are_no_partitions_and_negative_ones_are_refused) {
  EXPECT_TRUE(parse_assignment({})->empty());
  EXPECT_FALSE(parse_assignment(encode_assignment({{"t", PartitionId{-1}}})));
  const auto twice = parse_assignment(encode_assignment({{"t", PartitionId{1}}, {"t", PartitionId{1}}}));
  EXPECT_EQ(twice->size(), 1u);
}

TEST(Assignment, what_is_cut_short_is_an_error) {
  const Bytes whole = encode_assignment({{"topic", PartitionId{1}}, {"topic", PartitionId{2}}});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto got = parse_assignment(kernel::ByteView{whole}.first(size));
    ASSERT_FALSE(got) << size;
    EXPECT_TRUE(got.error().is(core::Reason::malformed_assignment));
  }
}

TEST(StickyUserData, the_form_without_a_generation_is_read_too) {
  Bytes old = encode_sticky({{{"t", PartitionId{2}}}, 5});
  old.resize(old.size() - 4);
  const auto back = parse_sticky(old);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->generation, kGenerationNone);
  EXPECT_EQ(back->owned.size(), 1u);
}

RC_GTEST_PROP(HostileBytes, are_an_answer_or_an_error_never_a_crash, ()) {
  auto raw = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
  // Near enough to the real thing to come far.
  if (raw.size() > 6 && *rc::gen::arbitrary<bool>()) raw[0] = raw[1] = raw[2] = raw[3] = raw[4] = 0;
  Bytes bytes;
  for (const auto b : raw) bytes.push_back(static_cast<std::byte>(b));
  (void)parse_subscription(bytes);
  (void)parse_assignment(bytes);
  (void)parse_sticky(bytes);
}

}  // namespace
}  // namespace clients::group
