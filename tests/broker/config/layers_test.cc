#include "broker/config/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config/topic_config.h"

namespace broker::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

BrokerConfig file(std::vector<std::string> settings) { return *load_broker_config("", settings).config; }

TEST(Layers, CountOwnThenClusterThenFileThenBuiltIn) {
  const BrokerConfig config = file({"log.retention.minutes=5", "message.max.bytes=1"});
  EXPECT_EQ(resolve_topic({}, Layers{config}).retention_ms, 300'000);
  EXPECT_EQ(resolve_topic({}, Layers{config}).batch_bytes_max, 1);
  const Layers both{config, {{"message.max.bytes", "3"}}, {{"message.max.bytes", "2"}, {"log.retention.ms", "7"}}};
  EXPECT_EQ(resolve_topic({}, both).batch_bytes_max, 3);
  EXPECT_EQ(resolve_topic({}, both).retention_ms, 7) << "the finer unit counts, wherever it is set";
  EXPECT_EQ(resolve_topic({{"max.message.bytes", "4"}}, both).batch_bytes_max, 4);
  const Layers cluster{config, {}, {{"message.max.bytes", "2"}}};
  EXPECT_EQ(resolve_topic({}, cluster).batch_bytes_max, 2);
}

TEST(Layers, LeaveOutWhatAnotherProgramWroteAndWeCannotTake) {
  const Layers layers{file({"message.max.bytes=5"}),
                      {{"node.id", "7"}, {"message.max.bytes", "x"}, {"colour", "red"}, {"log.roll.ms", "9"}},
                      {{"sasl.enabled.mechanisms", "PLAIN"}, {"num.partitions", "9"}, {"log.segment.bytes", "2000000"}}};
  EXPECT_THAT(layers.own, UnorderedElementsAre(Pair("log.roll.ms", "9")));
  EXPECT_THAT(layers.cluster, UnorderedElementsAre(Pair("log.segment.bytes", "2000000")));
  EXPECT_EQ(resolve_topic({}, layers).batch_bytes_max, 5);
}

TEST(DynamicSettings, AreReadFromAllLayers) {
  const BrokerConfig config = file({});
  EXPECT_EQ(dynamic_config(Layers{config}).producer_expiration, std::chrono::hours{24});
  EXPECT_EQ(dynamic_config(Layers{config, {}, {{"producer.id.expiration.ms", "60000"}}}).producer_expiration,
            std::chrono::minutes{1});
}

TEST(ChangesOfABroker, HaveToGoTogetherWithWhatIsSet) {
  const Layers before{file({"socket.request.max.bytes=1000000", "message.max.bytes=1000"})};
  EXPECT_EQ(check_broker_change(before, {{"message.max.bytes", "900000"}}, true), std::nullopt);
  EXPECT_THAT(check_broker_change(before, {{"message.max.bytes", "1000001"}}, true).value_or(""),
              HasSubstr("socket.request.max.bytes"));
}

}  // namespace
}  // namespace broker::config
