// How long a fetch waits when there is nothing to read.
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

TEST(FetchOfManyPartitions, EndsWhenItsTimeIsUpHoweverManyShardsHaveThem) {
  for (const std::uint32_t shards : {1u, 2u, 4u}) {
    BrokerWorld world{{.shards = shards}};
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      ASSERT_EQ(create_topic(f, client, "t", 8), net::ErrorCode::none);
      net::Arena arena;
      net::FetchRequest request;
      request.max_wait_ms = 700;
      request.min_bytes = 1;
      request.max_bytes = 1 << 20;
      request.session_epoch = -1;
      auto& wanted = arena.push_back(request.topics, {.topic = "t"});
      for (std::int32_t p = 0; p < 8; ++p) {
        arena.push_back(wanted.partitions, {.partition = net::PartitionId{p},
                                            .fetch_offset = net::Offset{0},
                                            .partition_max_bytes = 1 << 20});
      }
      const kernel::Mono begun = f.now();
      ASSERT_TRUE(client.call(f, 11, request)) << "never answered";
      EXPECT_GE(f.now() - begun, 700ms);
      EXPECT_LT(f.now() - begun, 1500ms);
    });
  }
}

}  // namespace
}  // namespace broker::testing
