// Records without a key and topics that are compacted by key: they are refused there, and go when a topic becomes one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/messages/incremental_alter_configs.h"
#include "net/record/batch_reader.h"
#include "net/record/record_iterator.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using ::testing::ElementsAre;
using net::ErrorCode;

struct Pair {
  std::optional<std::string_view> key;
  std::string_view value;
};
std::vector<std::byte> batch_of(const std::vector<Pair>& pairs, net::compress::Codec codec = net::compress::Codec::none,
                                std::int64_t after_ms = 0) {
  net::record::BatchBuilder builder{{.codec = codec}};
  for (const Pair& one : pairs) {
    net::record::NullableBytes key;
    if (one.key) key = kernel::as_bytes(*one.key);
    builder.append({.timestamp_ms = 1'700'000'000'000 + after_ms, .key = key, .value = kernel::as_bytes(one.value)});
  }
  return builder.build();
}

std::vector<std::string> values(Fiber& f, RawClient& client, std::string_view topic) {
  std::vector<std::string> out;
  for (std::int64_t offset = 0;;) {
    net::Arena arena;
    net::FetchRequest request;
    request.max_bytes = 1 << 20;
    request.session_epoch = -1;
    auto& wanted = arena.push_back(request.topics, {.topic = topic});
    arena.push_back(wanted.partitions, {.fetch_offset = net::Offset{offset}, .partition_max_bytes = 1 << 20});
    const auto answer = client.call(f, 11, request);
    EXPECT_TRUE(answer);
    const auto& got = answer->response.responses[0].partitions[0];
    EXPECT_EQ(got.error_code, ErrorCode::none);
    const std::int64_t before = offset;
    net::record::BatchReader reader{got.records.bytes()};
    while (const auto batch = *reader.next()) {
      const auto region = *net::record::RecordRegion::open(batch->header, batch->records(), 1 << 20);
      auto records = region.iterate();
      while (const auto record = *records.next()) {
        if (record->offset.raw() >= before) out.emplace_back(kernel::as_text(*record->value));
      }
      offset = batch->header.next_offset().raw();
    }
    if (offset == before) return out;
  }
}

ErrorCode set_policy(Fiber& f, RawClient& client, std::string_view topic, std::string_view policy) {
  net::Arena arena;
  net::IncrementalAlterConfigsRequest request;
  auto& resource = arena.push_back(request.resources, {.resource_type = 2, .resource_name = topic});
  arena.push_back(resource.configs, {.name = "cleanup.policy", .value = policy});
  const auto answer = client.call(f, 1, request);
  return answer ? answer->response.responses[0].error_code : ErrorCode::network_exception;
}

TEST(KeylessRecords, AreRefusedByTopicsThatAreCompacted) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    for (const std::string_view policy : {"compact", "compact,delete"}) {
      const std::string topic = fmt::format("t{}", policy.size());
      ASSERT_EQ(create_topic(f, client, topic, 1, {{"cleanup.policy", policy}}), ErrorCode::none);
      for (const auto codec : {net::compress::Codec::none, net::compress::Codec::lz4, net::compress::Codec::zstd}) {
        for (const auto& batch : {batch_of({{std::nullopt, "v"}}, codec), batch_of({{"k", "v"}, {std::nullopt, "v"}}, codec)}) {
          const Produced got = produce(f, client, topic, batch);
          EXPECT_EQ(got.error, ErrorCode::invalid_record);
          EXPECT_THAT(got.message, ::testing::HasSubstr("key"));
        }
      }
      EXPECT_EQ(produce(f, client, topic, batch_of({{"", "an empty key is one"}})).offset, net::Offset{0}) << "nothing was stored before";
    }
  });
}

TEST(KeylessRecords, OfBeforeATopicWasCompactedGoAndTheOthersStay) {
  BrokerWorld world{{.settings = {"log.cleaner.backoff.ms=1000"}}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 1, {{"segment.ms", "1000"}, {"min.cleanable.dirty.ratio", "0"}}), ErrorCode::none);
    ASSERT_EQ(produce(f, client, "t", batch_of({{std::nullopt, "none 1"}, {"a", "a 1"}, {std::nullopt, "none 2"}})).error, ErrorCode::none);
    ASSERT_EQ(produce(f, client, "t", batch_of({{std::nullopt, "none 3"}}, net::compress::Codec::lz4)).error, ErrorCode::none);
    ASSERT_EQ(produce(f, client, "t", batch_of({{"b", "b 1"}, {"a", "a 2"}})).error, ErrorCode::none);
    // Records so much later begin another segment.
    ASSERT_EQ(produce(f, client, "t", batch_of({{std::nullopt, "none 4"}}, net::compress::Codec::none, 2000)).error, ErrorCode::none);
    ASSERT_EQ(set_policy(f, client, "t", "compact"), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "t", batch_of({{std::nullopt, "none 5"}})).error, ErrorCode::invalid_record) << "at once";
    ASSERT_TRUE(f.sleep(60s));
    EXPECT_THAT(values(f, client, "t"), ElementsAre("b 1", "a 2", "none 4")) << "the newest segment is not cleaned";
    ASSERT_EQ(produce(f, client, "t", batch_of({{"a", "a 3"}}, net::compress::Codec::none, 4000)).error, ErrorCode::none);
    ASSERT_TRUE(f.sleep(60s));
    EXPECT_THAT(values(f, client, "t"), ElementsAre("b 1", "a 2", "a 3"));
  });
}

}  // namespace
}  // namespace broker::testing
