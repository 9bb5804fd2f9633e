#include "broker/config/broker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "broker/config/topic_config.h"

namespace broker::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoadedConfig load(std::string_view text, std::vector<std::string> overrides = {}) {
  return load_broker_config(text, overrides);
}

TEST(BrokerConfig, NeedsNoSetting) {
  const LoadedConfig loaded = load("");
  ASSERT_TRUE(loaded.config);
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_THAT(loaded.notices, IsEmpty());
  const BrokerConfig& config = *loaded.config;
  EXPECT_EQ(config.node_id, net::BrokerId{1});
  EXPECT_THAT(config.listeners, ElementsAre(Listener{"PLAINTEXT", "127.0.0.1", 9092}));
  EXPECT_EQ(config.advertised, config.listeners);
  EXPECT_THAT(config.controller_listeners, ElementsAre(Listener{"CONTROLLER", "localhost", 9093}));
  EXPECT_THAT(config.log_directories, ElementsAre(".kalda/data"));
  EXPECT_EQ(config.metadata_directory, ".kalda/data");
  EXPECT_EQ(config.request_bytes_max, 104857600u);
  EXPECT_GE(config.request_memory_bytes, config.request_bytes_max);
  EXPECT_EQ(config.connection_idle_max, std::chrono::minutes{10});
}

/// What a combined node of Kafka is usually started with.
constexpr std::string_view kCombined = R"(
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT
num.network.threads=5
num.io.threads=8
socket.send.buffer.bytes=102400
log.dirs=/tmp/kraft-combined-logs
offsets.topic.replication.factor=1
log.retention.hours=168
)";

TEST(BrokerConfig, TakesTheUsualFileOfACombinedNode) {
  const LoadedConfig loaded = load(kCombined, {"num.partitions=3"});
  ASSERT_THAT(loaded.problems, IsEmpty());
  EXPECT_THAT(loaded.config->listeners, ElementsAre(Listener{"PLAINTEXT", "", 9092}));
  EXPECT_THAT(loaded.config->advertised, ElementsAre(Listener{"PLAINTEXT", "localhost", 9092}));
  EXPECT_THAT(loaded.config->controller_listeners, ElementsAre(Listener{"CONTROLLER", "localhost", 9093}));
  EXPECT_EQ(loaded.config->default_partitions, 3);
  EXPECT_THAT(loaded.config->log_directories, ElementsAre("/tmp/kraft-combined-logs"));
  EXPECT_THAT(loaded.warnings, Contains(HasSubstr("can be reached from other machines")));
  EXPECT_THAT(loaded.notices, Contains(HasSubstr("num.network.threads")));
  EXPECT_THAT(loaded.notices, Not(Contains(HasSubstr("num.io.threads"))));  // the default anyway
}

struct BadCase {
  const char* text;
  const char* said;
};
constexpr BadCase kBad[] = {
    {"num.partition=3", "num.partition: there is no such setting; did you mean num.partitions?"},
    {"zookeeper.connect=a:1", "there is no ZooKeeper"},
    {"num.partitions=0", "num.partitions=0: Value must be at least 1."},
    {"num.partitions=many", "num.partitions=many: Not a number of type INT."},
    {"listeners=9092", "'9092' does not have the form NAME://host:port."},
    {"listeners=PLAINTEXT://h:70000", "does not have the form"},
    {"listeners=SSL://127.0.0.1:9093", "the listener SSL speaks SSL, which is not implemented"},
    {"listeners=INSIDE://127.0.0.1:1", "add INSIDE:PLAINTEXT to listener.security.protocol.map"},
    {"listeners=PLAINTEXT://:1,PLAINTEXT://:2", "comes twice"},
    {"listeners=CONTROLLER://:9093", "no listener is left for clients"},
    {"listeners=PLAINTEXT://0.0.0.0:9092", "clients cannot connect to that address"},
    {"advertised.listeners=OTHER://h:1", "there is no listener OTHER"},
    {"inter.broker.listener.name=OTHER", "there is no such listener"},
    {"process.roles=broker", "this process is broker and controller in one"},
    {"controller.quorum.voters=1@a:1,2@b:1", "more than one voter is not implemented"},
    {"controller.quorum.voters=2@a:1", "the one voter has to be this node, which is 1"},
    {"controller.quorum.bootstrap.servers=a:1,b:1", "more than one controller"},
    {"node.id=1\nbroker.id=2", "node.id=1 says otherwise"},
    {"default.replication.factor=65537", "has one broker"},
    {"log.retention.ms=0", "has to be -1 (for ever) or at least 1"},
    {"log.retention.minutes=0", "has to be -1 (for ever) or at least 1"},
    {"message.max.bytes=200000000", "above socket.request.max.bytes"},
    {"queued.max.request.bytes=1000", "at least socket.request.max.bytes"},
    {"log.dirs=a,a", "a comes twice"},
    {"log.dirs=a,,b", "holds an empty name"},
    {"log.dirs=", "names no directory"},
    {"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "must not start"},
    {"remote.log.storage.system.enable=true", "Tiered storage is not implemented"},
};

TEST(BrokerConfig, NamesEachProblemAndWhatToDo) {
  for (const BadCase& one : kBad) {
    const LoadedConfig loaded = load(one.text);
    EXPECT_FALSE(loaded.config) << one.text;
    EXPECT_THAT(loaded.problems, Contains(HasSubstr(one.said))) << one.text;
  }
  EXPECT_THAT(load("", {"=x"}).problems, Contains(HasSubstr("not of the form key=value")));
}

TEST(BrokerConfig, DoesNotRepeatSecrets) {
  const LoadedConfig loaded = load("ssl.key.password=hunter2\nnum.partitions=0");
  for (const auto& said : {loaded.problems, loaded.notices, loaded.warnings})
    for (const std::string& one : said) EXPECT_THAT(one, Not(HasSubstr("hunter2")));
}

TEST(BrokerConfig, WarnsOfWhatIsTakenButUnsafe) {
  EXPECT_THAT(load("log.durability=relaxed").warnings, Contains(HasSubstr("power failure")));
  EXPECT_THAT(load("min.insync.replicas=2").warnings, Contains(HasSubstr("acks=all")));
  EXPECT_THAT(load("kalda.admin.address=0.0.0.0").warnings, Contains(HasSubstr("metrics")));
  EXPECT_THAT(load("num.partitions=1\nnum.partitions=2").warnings, Contains(HasSubstr("again in line 2")));
}

TEST(BrokerConfig, LetsOverridesCountBeforeTheFile) {
  EXPECT_EQ(load("num.partitions=2", {"num.partitions=7"}).config->default_partitions, 7);
  EXPECT_EQ(load("", {"kalda.admin.port=-1"}).config->admin_port, std::nullopt);
}

TEST(EffectiveValue, PrefersTheFinerUnit) {
  EXPECT_EQ(effective_value("log.retention.ms", {}), "604800000");
  EXPECT_EQ(effective_value("log.retention.ms", {{"log.retention.hours", "2"}}), "7200000");
  EXPECT_EQ(effective_value("log.retention.ms", {{"log.retention.hours", "2"}, {"log.retention.minutes", "3"}}),
            "180000");
  EXPECT_EQ(effective_value("log.retention.ms", {{"log.retention.hours", "-1"}}), "-1");
  EXPECT_EQ(effective_value("node.id", {{"broker.id", "4"}}), "4");
  EXPECT_EQ(effective_value("broker.rack", {}), std::nullopt);
}

TEST(ParseListener, TakesNamesAddressesAndBrackets) {
  EXPECT_EQ(parse_listener("plaintext://[::1]:0"), (Listener{"PLAINTEXT", "::1", 0}));
  for (const char* bad : {"", "://h:1", "P://h", "P://h:", "P://h:x", "P://h:1:2", "P://h h:1", "P:/h:1"})
    EXPECT_EQ(parse_listener(bad), std::nullopt) << bad;
}

RC_GTEST_PROP(BrokerConfig, AnyTextIsEitherTakenOrHasAProblemNamed, (const std::string& text)) {
  const LoadedConfig loaded = load(text);
  RC_ASSERT(loaded.config.has_value() == loaded.problems.empty());
}

/// Whatever one setting is set to, what comes out is a config or a sentence that names the setting.
RC_GTEST_PROP(BrokerConfig, AnyValueOfAKnownSettingIsTakenOrNamed, ()) {
  const auto table = broker_definitions();
  const Definition& one = table[*rc::gen::inRange<std::size_t>(0, table.size())];
  const auto value = *rc::gen::element<std::string>("", "0", "-1", "1", "true", "x", "a,b", "2147483647",
                                                    "9223372036854775807", "-9223372036854775808", "1e400", "::");
  const LoadedConfig loaded = load("", {std::string{one.name} + "=" + value});
  RC_ASSERT(loaded.config.has_value() == loaded.problems.empty());
  if (loaded.config) static_cast<void>(resolve_topic({}, Layers{*loaded.config}));
}

}  // namespace
}  // namespace broker::config
