// Settings changed while the broker runs: what is taken and takes effect at once, and Kafka's error for what is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/messages/alter_configs.h"
#include "net/messages/describe_configs.h"
#include "net/messages/incremental_alter_configs.h"
#include "net/messages/list_config_resources.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using net::ErrorCode;

constexpr std::int8_t kTopic = 2, kBroker = 4, kLogger = 8, kMetrics = 16, kGroup = 32;
constexpr std::int8_t kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3;

struct Change {
  std::string_view name;
  std::int8_t operation;
  std::optional<std::string_view> value;
};

ErrorCode change(Fiber& f, RawClient& client, std::int8_t type, std::string_view name, const std::vector<Change>& each,
                 bool validate_only = false, std::string* message = nullptr) {
  net::Arena arena;
  net::IncrementalAlterConfigsRequest request;
  request.validate_only = validate_only;
  auto& resource = arena.push_back(request.resources, {.resource_type = type, .resource_name = name});
  for (const Change& one : each)
    arena.push_back(resource.configs, {.name = one.name, .config_operation = one.operation, .value = one.value});
  const auto answer = client.call(f, 1, request);
  if (!answer || answer->response.responses.size() != 1) return ErrorCode::network_exception;
  const auto& got = answer->response.responses[0];
  EXPECT_EQ(got.resource_name, name);
  EXPECT_EQ(got.error_message.has_value(), got.error_code != ErrorCode::none);
  if (message != nullptr) *message = std::string{got.error_message.value_or("")};
  return got.error_code;
}

ErrorCode replace(Fiber& f, RawClient& client, std::int8_t type, std::string_view name,
                  const std::vector<std::pair<std::string_view, std::optional<std::string_view>>>& each,
                  std::string* message = nullptr) {
  net::Arena arena;
  net::AlterConfigsRequest request;
  auto& resource = arena.push_back(request.resources, {.resource_type = type, .resource_name = name});
  for (const auto& [key, value] : each) arena.push_back(resource.configs, {.name = key, .value = value});
  const auto answer = client.call(f, 2, request);
  if (!answer) return ErrorCode::network_exception;
  if (message != nullptr) *message = std::string{answer->response.responses[0].error_message.value_or("")};
  return answer->response.responses[0].error_code;
}

struct Described {
  ErrorCode error{};
  std::map<std::string, std::string> values;    ///< "value/source"
  std::map<std::string, std::string> synonyms;  ///< "name=value/source ..."
};
Described describe(Fiber& f, RawClient& client, std::int8_t type, std::string_view name) {
  net::Arena arena;
  net::DescribeConfigsRequest request;
  request.include_synonyms = true;
  request.include_documentation = true;
  auto& resource = arena.push_back(request.resources, {.resource_type = type, .resource_name = name});
  resource.configuration_keys.reset();
  const auto answer = client.call(f, 4, request);
  if (!answer) return {ErrorCode::network_exception, {}, {}};
  Described out{answer->response.results[0].error_code, {}, {}};
  for (const auto& one : answer->response.results[0].configs) {
    out.values[std::string{one.name}] = fmt::format("{}/{}", one.value.value_or("null"), one.config_source);
    std::string& all = out.synonyms[std::string{one.name}];
    for (const auto& synonym : one.synonyms)
      all += fmt::format("{}={}/{} ", synonym.name, synonym.value.value_or("null"), synonym.source);
    EXPECT_FALSE(one.documentation.value_or("").empty()) << one.name;
  }
  return out;
}

TEST(TopicSettings, TakeEffectWithoutARestart) {
  BrokerWorld world{{.shards = 2}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    const auto batch = one_record(std::string(500, 'v'));
    EXPECT_EQ(produce(f, client, "t", batch).error, ErrorCode::none);
    EXPECT_EQ(change(f, client, kTopic, "t", {{"max.message.bytes", kSet, "100"}}, true), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "t", batch).error, ErrorCode::none) << "only validated";
    EXPECT_EQ(change(f, client, kTopic, "t", {{"max.message.bytes", kSet, "100"}}), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "t", batch).error, ErrorCode::message_too_large);
    EXPECT_EQ(describe(f, client, kTopic, "t").values["max.message.bytes"], "100/1");
    EXPECT_EQ(change(f, client, kTopic, "t", {{"max.message.bytes", kDelete, std::nullopt}}), ErrorCode::none);
    EXPECT_EQ(produce(f, client, "t", batch).error, ErrorCode::none);
    EXPECT_EQ(change(f, client, kTopic, "t", {{"internal.segment.bytes", kSet, "600"}}), ErrorCode::none);
    for (int i = 0; i < 4; ++i) ASSERT_EQ(produce(f, client, "t", batch).error, ErrorCode::none);
  });
  world.kill();
  std::size_t segments = 0;
  world.world.boot(world.broker_machine, 1, [&](Fiber& f) {
    const auto entries = f.node().disk().list(f, "/data/t-0");
    ASSERT_TRUE(entries);
    for (const auto& entry : *entries) segments += entry.name.ends_with(".log");
  });
  world.world.run_until([&] { return segments > 0; }, 10s);
  EXPECT_GT(segments, 3u) << "the log rolls by the new size";
}

TEST(BrokerSettings, OfOneBrokerCountBeforeThoseOfAllThenTheFile) {
  BrokerWorld world{{.settings = {"message.max.bytes=5000"}}};
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    const auto allows = [&](std::size_t bytes) {
      return produce(f, client, "t", one_record(std::string(bytes, 'v'))).error == ErrorCode::none;
    };
    EXPECT_TRUE(allows(4000));
    EXPECT_EQ(change(f, client, kBroker, "", {{"message.max.bytes", kSet, "3000"}}), ErrorCode::none);
    EXPECT_FALSE(allows(4000));
    EXPECT_TRUE(allows(2000));
    EXPECT_EQ(change(f, client, kBroker, "1", {{"message.max.bytes", kSet, "1000"}}), ErrorCode::none);
    EXPECT_FALSE(allows(2000));
    EXPECT_EQ(describe(f, client, kTopic, "t").synonyms["max.message.bytes"],
              "message.max.bytes=1000/2 message.max.bytes=3000/3 message.max.bytes=5000/4 message.max.bytes=1048588/5 ");
    EXPECT_EQ(describe(f, client, kTopic, "t").values["max.message.bytes"], "1000/2");
    EXPECT_EQ(describe(f, client, kBroker, "1").values["message.max.bytes"], "1000/2");
    EXPECT_EQ(describe(f, client, kBroker, "").values["message.max.bytes"], "3000/3");
    EXPECT_FALSE(describe(f, client, kBroker, "").values.contains("num.partitions"));
    EXPECT_EQ(change(f, client, kBroker, "1", {{"message.max.bytes", kDelete, std::nullopt}}), ErrorCode::none);
    EXPECT_TRUE(allows(2000));
    EXPECT_EQ(change(f, client, kTopic, "t", {{"max.message.bytes", kSet, "9000"}}), ErrorCode::none);
    EXPECT_TRUE(allows(8000)) << "the topic's own setting counts first";
  });
  world.kill();
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(describe(f, client, kBroker, "1").values["message.max.bytes"], "3000/3") << "kept over a restart";
  });
}

TEST(Lists, AreAppendedToAndSubtractedFrom) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    const auto policy = [&] { return describe(f, client, kTopic, "t").values["cleanup.policy"]; };
    EXPECT_EQ(change(f, client, kTopic, "t", {{"cleanup.policy", kAppend, "compact,delete"}}), ErrorCode::none);
    EXPECT_EQ(policy(), "delete,compact/1") << "begins with the default, and nothing twice";
    EXPECT_EQ(change(f, client, kTopic, "t", {{"cleanup.policy", kSubtract, "delete"}}), ErrorCode::none);
    EXPECT_EQ(policy(), "compact/1");
    EXPECT_EQ(change(f, client, kTopic, "t", {{"retention.ms", kAppend, "1"}}), ErrorCode::invalid_config);
    EXPECT_EQ(change(f, client, kTopic, "t", {{"retention.ms", kSubtract, "1"}}), ErrorCode::invalid_config);
    EXPECT_EQ(change(f, client, kBroker, "", {{"log.retention.ms", kAppend, "1"}}), ErrorCode::invalid_config);
    EXPECT_EQ(change(f, client, kBroker, "", {{"log.cleanup.policy", kAppend, "compact"}}), ErrorCode::none);
    EXPECT_EQ(describe(f, client, kBroker, "1").values["log.cleanup.policy"], "delete,compact/3");
  });
}

TEST(AlterConfigs, UnsetsWhatItDoesNotName) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 1, {{"retention.ms", "5"}, {"segment.ms", "6"}}), ErrorCode::none);
    EXPECT_EQ(replace(f, client, kTopic, "t", {{"retention.ms", "7"}}), ErrorCode::none);
    EXPECT_EQ(describe(f, client, kTopic, "t").values["retention.ms"], "7/1");
    EXPECT_EQ(describe(f, client, kTopic, "t").values["segment.ms"], "604800000/5");
    EXPECT_EQ(replace(f, client, kTopic, "t", {{"retention.ms", std::nullopt}}), ErrorCode::invalid_request);
    EXPECT_EQ(replace(f, client, kTopic, "t", {{"retention.ms", "1"}, {"retention.ms", "2"}}),
              ErrorCode::invalid_request);
    EXPECT_EQ(replace(f, client, kLogger, "1", {{"root", "INFO"}}), ErrorCode::invalid_request);
    EXPECT_EQ(replace(f, client, kBroker, "", {}), ErrorCode::invalid_config)
        << "the cluster's min.insync.replicas stays where eligible leader replicas go by it";
  });
}

TEST(ImpossibleSettings, AreRefusedWithKafkasErrorAndChangeNothing) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    struct Case {
      std::int8_t type;
      std::string_view name;
      Change change;
      ErrorCode error;
      std::string_view says;
    };
    const Case cases[] = {
        {kTopic, "t", {"retention.msec", kSet, "1"}, ErrorCode::invalid_config, "did you mean retention.ms"},
        {kTopic, "t", {"retention.ms", kSet, "soon"}, ErrorCode::invalid_config, "Not a number"},
        {kTopic, "t", {"retention.ms", kSet, std::nullopt}, ErrorCode::invalid_request, "Null value"},
        {kTopic, "t", {"retention.ms", 4, "1"}, ErrorCode::invalid_request, "operation"},
        {kTopic, "none", {"retention.ms", kSet, "1"}, ErrorCode::unknown_topic_or_partition, "none"},
        {kTopic, "none", {"retention.ms", kSet, "x"}, ErrorCode::invalid_config, "Not a number"},
        {kTopic, "a/b", {"retention.ms", kSet, "1"}, ErrorCode::invalid_topic_exception, ""},
        {kTopic, "", {"retention.ms", kSet, "1"}, ErrorCode::invalid_request, "Default topic"},
        {kTopic, "t", {"retention.ms", kSet, std::string_view{"1234567890"}.substr(0, 0)}, ErrorCode::invalid_config, ""},
        {kBroker, "1", {"num.partitions", kSet, "3"}, ErrorCode::invalid_request, "restart"},
        {kBroker, "", {"node.id", kSet, "3"}, ErrorCode::invalid_request, "restart"},
        {kBroker, "1", {"listeners", kSet, "PLAINTEXT://:1"}, ErrorCode::invalid_request, "start"},
        {kBroker, "", {"message.max.byte", kSet, "3"}, ErrorCode::invalid_request, "did you mean message.max.bytes"},
        {kBroker, "", {"message.max.bytes", kSet, "-1"}, ErrorCode::invalid_request, "at least 0"},
        {kBroker, "", {"message.max.bytes", kSet, "2000000000"}, ErrorCode::invalid_request, "socket.request.max.bytes"},
        {kBroker, "", {"log.retention.ms", kSet, "0"}, ErrorCode::invalid_request, "log.retention.ms"},
        {kBroker, "", {"sasl.enabled.mechanisms", kSet, "PLAIN"}, ErrorCode::invalid_request, "single broker"},
        {kBroker, "", {"listener.name.x.ssl.keystore.type", kSet, "PEM"}, ErrorCode::invalid_request, "single broker"},
        {kBroker, "1", {"ssl.keystore.type", kSet, "PEM"}, ErrorCode::invalid_request, "listener"},
        {kBroker, "1", {"min.insync.replicas", kSet, "2"}, ErrorCode::invalid_config, "eligible"},
        {kBroker, "", {"min.insync.replicas", kDelete, std::nullopt}, ErrorCode::invalid_config, "eligible"},
        {kBroker, "2", {"message.max.bytes", kSet, "3"}, ErrorCode::invalid_request, "expected 1"},
        {kBroker, "one", {"message.max.bytes", kSet, "3"}, ErrorCode::invalid_request, "integer"},
        {kLogger, "1", {"root", kSet, "DEBUG"}, ErrorCode::invalid_config, "root"},
        {kLogger, "2", {"root", kSet, "DEBUG"}, ErrorCode::invalid_request, "expected 1"},
        {kGroup, "g", {"colour", kSet, "red"}, ErrorCode::invalid_config, "colour"},
        {kGroup, "", {"consumer.session.timeout.ms", kSet, "1"}, ErrorCode::invalid_request, ""},
        {kMetrics, "m", {"colour", kSet, "red"}, ErrorCode::invalid_request, "colour"},
        {kMetrics, "m", {"interval.ms", kSet, "99"}, ErrorCode::invalid_request, "at least 100"},
        {kMetrics, "m", {"match", kSet, "colour=red"}, ErrorCode::invalid_config, "colour"},
        {kMetrics, "", {"interval.ms", kSet, "100"}, ErrorCode::invalid_request, ""},
        {0, "t", {"retention.ms", kSet, "1"}, ErrorCode::invalid_request, "type"},
        {3, "t", {"retention.ms", kSet, "1"}, ErrorCode::invalid_request, "type"},
    };
    const auto topic_before = describe(f, client, kTopic, "t").values;
    const auto broker_before = describe(f, client, kBroker, "1").values;
    for (const Case& one : cases) {
      std::string message;
      EXPECT_EQ(change(f, client, one.type, one.name, {one.change}, false, &message), one.error)
          << one.name << " " << one.change.name << ": " << message;
      EXPECT_THAT(message, HasSubstr(std::string{one.says}));
    }
    EXPECT_EQ(change(f, client, kTopic, "t", {{"retention.ms", kSet, "1"}, {"retention.ms", kDelete, std::nullopt}}),
              ErrorCode::invalid_request);
    EXPECT_EQ(describe(f, client, kTopic, "t").values, topic_before);
    EXPECT_EQ(describe(f, client, kBroker, "1").values, broker_before);
    constexpr std::string_view kList = "leader.replication.throttled.replicas";
    const std::string long_one(30'000, 'x'), more(3'000, 'y');
    EXPECT_EQ(change(f, client, kTopic, "t", {{kList, kSet, long_one}}), ErrorCode::none);
    EXPECT_EQ(change(f, client, kTopic, "t", {{kList, kAppend, more}}), ErrorCode::invalid_config) << "no value is so long";
  });
}

TEST(ImpossibleValues, AreNamedWithTheirSettingWhicheverWayTheyCome) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"retention.ms", "soon"},          {"retention.ms", "-2"},           {"retention.bytes", "1.5"},
        {"retention.ms", "9223372036854775808"}, {"segment.bytes", "13"},    {"cleanup.policy", "burn"},
        {"cleanup.policy", "compact,burn"}, {"compression.type", "brotli"},  {"compression.gzip.level", "10"},
        {"max.message.bytes", "-1"},       {"min.insync.replicas", "0"},     {"min.cleanable.dirty.ratio", "1.01"},
        {"min.cleanable.dirty.ratio", "NaN"}, {"preallocate", "perhaps"},    {"message.timestamp.type", "MyTime"},
        {"segment.index.bytes", "-5"},     {"flush.messages", "0"},          {"segment.ms", " "},
    };
    for (const auto& [key, value] : cases) {
      std::string messages[3];
      EXPECT_EQ(change(f, client, kTopic, "t", {{key, kSet, value}}, false, &messages[0]), ErrorCode::invalid_config) << key << "=" << value;
      EXPECT_EQ(replace(f, client, kTopic, "t", {{key, value}}, &messages[1]), ErrorCode::invalid_config) << key << "=" << value;
      net::Arena arena;
      net::CreateTopicsRequest request;
      request.timeout_ms = 10'000;
      auto& topic = arena.push_back(request.topics, {.name = "new", .num_partitions = 1, .replication_factor = 1});
      arena.push_back(topic.configs, {.name = key, .value = value});
      const auto answer = client.call(f, 7, request);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->response.topics[0].error_code, ErrorCode::invalid_config) << key << "=" << value;
      messages[2] = std::string{answer->response.topics[0].error_message.value_or("")};
      for (const std::string& message : messages) {
        EXPECT_THAT(message, HasSubstr(std::string{key}));
        EXPECT_THAT(message, HasSubstr(std::string{value}));
      }
    }
    EXPECT_EQ(describe(f, client, kTopic, "new").error, ErrorCode::unknown_topic_or_partition) << "nothing was made";
  });
}

TEST(OneResourceNamedTwice, IsRefusedAndTheOthersAreTaken) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "a"), ErrorCode::none);
    ASSERT_EQ(create_topic(f, client, "b"), ErrorCode::none);
    net::Arena arena;
    net::IncrementalAlterConfigsRequest request;
    for (const std::string_view name : {"a", "b", "a"}) {
      auto& resource = arena.push_back(request.resources, {.resource_type = kTopic, .resource_name = name});
      arena.push_back(resource.configs, {.name = "retention.ms", .value = "9"});
    }
    const auto answer = client.call(f, 0, request);
    ASSERT_TRUE(answer);
    std::vector<ErrorCode> codes;
    for (const auto& one : answer->response.responses) codes.push_back(one.error_code);
    EXPECT_THAT(codes, ElementsAre(ErrorCode::invalid_request, ErrorCode::none, ErrorCode::invalid_request));
    EXPECT_EQ(describe(f, client, kTopic, "b").values["retention.ms"], "9/1");
    EXPECT_EQ(describe(f, client, kTopic, "a").values["retention.ms"], "604800000/5");
  });
}

TEST(DescribeConfigs, TellsWhatDoesNotExist) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    EXPECT_EQ(describe(f, client, kTopic, "none").error, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(describe(f, client, kTopic, "a/b").error, ErrorCode::invalid_topic_exception);
    EXPECT_EQ(describe(f, client, kBroker, "2").error, ErrorCode::invalid_request);
    EXPECT_EQ(describe(f, client, kBroker, "x").error, ErrorCode::invalid_request);
    EXPECT_EQ(describe(f, client, kLogger, "1").error, ErrorCode::none);
    EXPECT_EQ(describe(f, client, kLogger, "").error, ErrorCode::invalid_request);
    EXPECT_EQ(describe(f, client, kGroup, "").error, ErrorCode::invalid_request);
    EXPECT_EQ(describe(f, client, kMetrics, "").error, ErrorCode::invalid_request);
    EXPECT_EQ(describe(f, client, 3, "x").error, ErrorCode::invalid_request);
    EXPECT_EQ(describe(f, client, kGroup, "g").values["consumer.session.timeout.ms"], "45000/5");
    EXPECT_EQ(describe(f, client, kMetrics, "m").values["interval.ms"], "300000/5");
  });
}

TEST(ListConfigResources, NamesWhatHasSettings) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    EXPECT_EQ(change(f, client, kGroup, "g", {{"consumer.session.timeout.ms", kSet, "46000"}}), ErrorCode::none);
    EXPECT_EQ(change(f, client, kMetrics, "m", {{"match", kSet, "client_id=a.*"}}), ErrorCode::none);
    EXPECT_EQ(describe(f, client, kGroup, "g").values["consumer.session.timeout.ms"], "46000/8");
    EXPECT_EQ(describe(f, client, kMetrics, "m").values["match"], "client_id=a.*/7");
    const auto list = [&](std::int16_t version, std::vector<std::int8_t> types) {
      net::Arena arena;
      net::ListConfigResourcesRequest request;
      for (const std::int8_t type : types) arena.push_back(request.resource_types, type);
      const auto answer = client.call(f, version, request);
      std::string all = answer->response.error_code == ErrorCode::none ? "" : "error ";
      for (const auto& one : answer->response.config_resources)
        all += fmt::format("{}:{} ", one.resource_type, one.resource_name);
      return all;
    };
    EXPECT_EQ(list(0, {}), "16:m ");
    EXPECT_EQ(list(1, {}), "2:t 4:1 8:1 16:m 32:g ");
    EXPECT_EQ(list(1, {kGroup, kTopic}), "2:t 32:g ");
    EXPECT_EQ(list(1, {kTopic, 3}), "error ");
  });
}

}  // namespace
}  // namespace broker::testing
