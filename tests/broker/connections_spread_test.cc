// Connections go round the shards, so that no shard serves most of them.
#include "net/messages/api_versions.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

std::vector<std::int64_t> connections_of_shards(sim::Machine& machine) {
  std::vector<std::int64_t> counts;
  for (kernel::Shard* shard : machine.process()->shards())
    for (const auto& reading : shard->metrics().read())
      if (reading.name == "kalda_connections") counts.push_back(reading.value);
  return counts;
}

TEST(Connections, AreSpreadOverTheShards) {
  BrokerWorld world{{.shards = 3}};
  world.run([&](Fiber& f) {
    {
      std::vector<RawClient> clients;
      for (int i = 0; i < 12; ++i) clients.push_back(world.connect(f));
      for (RawClient& client : clients) EXPECT_TRUE(client.call(f, 0, net::ApiVersionsRequest{}));
      EXPECT_EQ(connections_of_shards(world.broker_machine), (std::vector<std::int64_t>{4, 4, 4}));
    }
    EXPECT_TRUE(f.sleep(1s));
    EXPECT_EQ(connections_of_shards(world.broker_machine), (std::vector<std::int64_t>{0, 0, 0}));
  });
}

}  // namespace
}  // namespace broker::testing
