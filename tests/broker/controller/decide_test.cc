#include "broker/controller/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/controller/topic_names.h"
#include "broker/metadata/image_builder.h"
#include "net/framed_record.h"
#include "net/messages/metadata_records.h"

namespace broker::controller {
namespace {

using metadata::Broker;
using metadata::ImageRef;
using net::BrokerId;
using net::ErrorCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr net::Uuid kDirectoryId{3, 4};

Image after_records(const Image& from, const std::vector<FramedValue>& records) {
  metadata::ImageBuilder builder{from};
  for (const FramedValue& one : records) EXPECT_TRUE(builder.apply(one));
  return *builder.build(net::Offset{1}, net::LeaderEpoch{1}, 0);
}

Image image_with(int brokers, const std::vector<NewTopic>& topics = {});

class Decide : public ::testing::Test {
 protected:
  CreateDecision create(const Image& image, std::vector<NewTopic> wanted, TopicDefaults defaults = {}) {
    return decide_new_topics(image, wanted, defaults, random_);
  }
  CreatedTopic one(const Image& image, NewTopic wanted) { return create(image, {std::move(wanted)}).answers.at(0); }
  kernel::Random random_{1, kernel::Domain::application, 0};
};

Image image_with(int brokers, const std::vector<NewTopic>& topics) {
  Image image = after_records({}, bootstrap_records());
  for (int id = 1; id <= brokers; ++id)
    image = after_records(image, decide_registration(image, {.id = BrokerId{id}, .epoch = net::BrokerEpoch{id},
                                                     .log_directories = {kDirectoryId}}));
  kernel::Random random{1, kernel::Domain::application, 9};
  return after_records(image, decide_new_topics(image, topics, {}, random).records);
}

TEST_F(Decide, MakesATopicWithItsPartitionsAndSettings) {
  const Image image = image_with(1);
  const CreateDecision decided =
      create(image, {{.name = "orders", .partitions = 3, .settings = {{"retention.ms", "5"}}}});
  ASSERT_THAT(decided.answers, SizeIs(1));
  EXPECT_EQ(decided.answers[0].code, ErrorCode::none);
  EXPECT_EQ(decided.answers[0].partitions, 3);
  EXPECT_EQ(decided.answers[0].replication_factor, 1);
  const Image after = after_records(image, decided.records);
  const metadata::Topic* topic = after.find_topic("orders");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->id, decided.answers[0].id);
  ASSERT_THAT(topic->partitions, SizeIs(3));
  EXPECT_EQ(topic->partitions[2].leader, BrokerId{1});
  EXPECT_EQ(topic->partitions[2].leader_epoch, net::LeaderEpoch{0});
  EXPECT_THAT(topic->partitions[2].isr, ElementsAre(BrokerId{1}));
  EXPECT_THAT(topic->partitions[2].directories, ElementsAre(kDirectoryId));
  EXPECT_EQ(after.settings_of(metadata::ResourceType::topic, "orders").at("retention.ms"), "5");
}

TEST_F(Decide, TakesTheDefaultsForMinusOne) {
  const auto decided = create(image_with(3), {{.name = "a"}}, {.partitions = 4, .replication_factor = 2});
  EXPECT_EQ(decided.answers[0].partitions, 4);
  EXPECT_EQ(decided.answers[0].replication_factor, 2);
}

TEST_F(Decide, SpreadsLeadersOverBrokers) {
  const Image image = image_with(3);
  const Image after =
      after_records(image, create(image, {{.name = "a", .partitions = 6, .replication_factor = 2}}).records);
  std::map<BrokerId, int> leads;
  for (const auto& partition : after.find_topic("a")->partitions) {
    ++leads[partition.leader];
    EXPECT_NE(partition.replicas[0], partition.replicas[1]);
  }
  EXPECT_THAT(leads, SizeIs(3));
  for (const auto& [id, count] : leads) EXPECT_EQ(count, 2);
}

struct Case {
  NewTopic wanted;
  ErrorCode code;
  const char* message;
};

TEST_F(Decide, RefusesWhatKafkaRefusesAndSaysSo) {
  const Image image = image_with(2, {{.name = "taken"}, {.name = "with.dot"}});
  const auto ids = [](std::initializer_list<int> list) {
    std::vector<BrokerId> out;
    for (const int id : list) out.emplace_back(id);
    return out;
  };
  const Case cases[] = {
      {{.name = "taken"}, ErrorCode::topic_already_exists, "Topic 'taken' already exists."},
      {{.name = ""}, ErrorCode::invalid_topic_exception, "Topic name is invalid: the empty string is not allowed"},
      {{.name = "."}, ErrorCode::invalid_topic_exception, "Topic name is invalid: '.' is not allowed"},
      {{.name = "a b"}, ErrorCode::invalid_topic_exception,
       "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"},
      {{.name = "with_dot"}, ErrorCode::invalid_topic_exception,
       "Topic 'with_dot' collides with existing topic: with.dot"},
      {{.name = "with.dot"}, ErrorCode::topic_already_exists, "Topic 'with.dot' already exists."},
      {{.name = "__cluster_metadata"}, ErrorCode::topic_authorization_failed,
       "The metadata log cannot be created as a topic."},
      {{.name = "a", .partitions = 0}, ErrorCode::invalid_partitions,
       "Number of partitions was set to an invalid non-positive value."},
      {{.name = "a", .partitions = -2}, ErrorCode::invalid_partitions,
       "Number of partitions was set to an invalid non-positive value."},
      {{.name = "a", .replication_factor = 0}, ErrorCode::invalid_replication_factor,
       "Replication factor must be larger than 0, or -1 to use the default value."},
      {{.name = "a", .replication_factor = 3}, ErrorCode::invalid_replication_factor,
       "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only "
       "2 broker(s) are registered."},
      {{.name = "a", .settings = {{"retention.ms", "x"}}}, ErrorCode::invalid_config,
       "Invalid value x for configuration retention.ms: Not a number of type LONG"},
      {{.name = "a", .partitions = 1, .assignments = {{0, ids({1})}}}, ErrorCode::invalid_request,
       "A manual partition assignment was specified, but numPartitions was not set to -1."},
      {{.name = "a", .replication_factor = 1, .assignments = {{0, ids({1})}}}, ErrorCode::invalid_request,
       "A manual partition assignment was specified, but replication factor was not set to -1."},
      {{.name = "a", .assignments = {{0, ids({1})}, {0, ids({2})}}}, ErrorCode::invalid_replica_assignment,
       "Found multiple manual partition assignments for partition 0"},
      {{.name = "a", .assignments = {{0, ids({1})}, {2, ids({2})}}}, ErrorCode::invalid_replica_assignment,
       "partitions should be a consecutive 0-based integer sequence"},
      {{.name = "a", .assignments = {{-1, ids({1})}}}, ErrorCode::invalid_replica_assignment,
       "partitions should be a consecutive 0-based integer sequence"},
      {{.name = "a", .assignments = {{0, {}}}}, ErrorCode::invalid_replica_assignment,
       "The manual partition assignment includes an empty replica list."},
      {{.name = "a", .assignments = {{0, ids({7})}}}, ErrorCode::invalid_replica_assignment,
       "The manual partition assignment includes broker 7, but no such broker is registered."},
      {{.name = "a", .assignments = {{0, ids({1, 1})}}}, ErrorCode::invalid_replica_assignment,
       "The manual partition assignment includes the broker 1 more than once."},
      {{.name = "a", .assignments = {{0, ids({1, 2})}, {1, ids({1})}}}, ErrorCode::invalid_replica_assignment,
       "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with "
       "previous partitions, which have 2 replica(s)."},
      {{.name = "a", .partitions = 2'000'000'000}, ErrorCode::policy_violation,
       "Excessively large number of partitions per request."},
  };
  for (const Case& test : cases) {
    const CreateDecision decided = create(image, {test.wanted});
    EXPECT_EQ(decided.answers.at(0).code, test.code) << test.message;
    EXPECT_EQ(decided.answers.at(0).message, test.message);
    EXPECT_THAT(decided.records, IsEmpty()) << test.message;
  }
  EXPECT_EQ(one(image, {.name = std::string(249, 'a')}).code, ErrorCode::none);
  EXPECT_EQ(one(image, {.name = std::string(250, 'a')}).code, ErrorCode::invalid_topic_exception);
  EXPECT_EQ(one(image, {.name = "withdot"}).code, ErrorCode::none);
}

TEST_F(Decide, JudgesEachTopicOfARequestForItself) {
  const auto decided =
      create(image_with(1), {{.name = "a"}, {.name = "b"}, {.name = "a"}, {.name = "c", .partitions = 0}});
  EXPECT_EQ(decided.answers[0].code, ErrorCode::invalid_request);
  EXPECT_EQ(decided.answers[0].message, "Duplicate topic name.");
  EXPECT_EQ(decided.answers[1].code, ErrorCode::none);
  EXPECT_EQ(decided.answers[2].code, ErrorCode::invalid_request);
  EXPECT_EQ(decided.answers[3].code, ErrorCode::invalid_partitions);
  EXPECT_THAT(decided.records, SizeIs(2));
}

TEST_F(Decide, RefusesAllOfARequestThatMakesTooManyRecords) {
  const auto decided = create(image_with(1), {{.name = "a", .partitions = 6000}, {.name = "b", .partitions = 6000}});
  for (const CreatedTopic& answer : decided.answers) EXPECT_EQ(answer.code, ErrorCode::policy_violation);
  EXPECT_THAT(decided.answers, SizeIs(2));
  EXPECT_THAT(decided.records, IsEmpty());
}

TEST_F(Decide, WithoutAnActiveBrokerThereIsNoTopic) {
  EXPECT_EQ(one(after_records({}, bootstrap_records()), {.name = "a"}).code, ErrorCode::invalid_replication_factor);
}

TEST_F(Decide, DeletesWhatIsThere) {
  const Image image = image_with(1, {{.name = "a"}, {.name = "b"}});
  const net::TopicId a = image.find_topic("a")->id;
  const net::TopicId b = image.find_topic("b")->id;
  const net::TopicId none{{9, 9}};
  const DeleteDecision decided = decide_deletions(image, std::vector{a, none, b, b});
  EXPECT_EQ(decided.answers[0].code, ErrorCode::none);
  EXPECT_EQ(decided.answers[0].name, "a");
  EXPECT_EQ(decided.answers[1].code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(decided.answers[2].code, ErrorCode::invalid_request);
  EXPECT_EQ(decided.answers[3].code, ErrorCode::invalid_request);
  const Image after = after_records(image, decided.records);
  EXPECT_EQ(after.find_topic("a"), nullptr);
  EXPECT_NE(after.find_topic("b"), nullptr);
}

TEST_F(Decide, ARegistrationServesAtOnceAndLeadsAnew) {
  Image image = image_with(1, {{.name = "a", .partitions = 2}});
  EXPECT_FALSE(image.brokers.at(BrokerId{1}).fenced);
  EXPECT_EQ(image.brokers.at(BrokerId{1}).features, supported_features());
  const auto records = decide_leaderships(image, BrokerId{1});
  EXPECT_THAT(records, SizeIs(2));
  const Image after = after_records(image, records);
  for (const auto& partition : after.find_topic("a")->partitions) {
    EXPECT_EQ(partition.leader, BrokerId{1});
    EXPECT_EQ(partition.leader_epoch, net::LeaderEpoch{1});
  }
  EXPECT_THAT(decide_leaderships(image, BrokerId{2}), IsEmpty());
}

TEST_F(Decide, ARegistrationLeadsWhatItAloneHasThoughNobodyIsInSync) {
  // What Kafka writes when a broker registers after an unclean stop.
  Image image = image_with(2, {{.name = "a", .replication_factor = 1, .assignments = {}}});
  const metadata::Topic& topic = *image.find_topic("a");
  const BrokerId owner = topic.partitions[0].replicas.front();
  net::Arena arena;
  net::PartitionChangeRecord change;
  change.partition_id = net::PartitionId{0};
  change.topic_id = topic.id;
  change.isr.emplace();
  change.leader = net::kBrokerIdNone;
  change.last_known_elr = arena.copy(topic.partitions[0].replicas);
  image = after_records(image, {*net::encode_framed(change, 2)});
  EXPECT_THAT(decide_leaderships(image, BrokerId{3 - owner.raw()}), IsEmpty());
  const Image after = after_records(image, decide_leaderships(image, owner));
  const metadata::Partition& partition = after.find_topic("a")->partitions[0];
  EXPECT_EQ(partition.leader, owner);
  EXPECT_THAT(partition.isr, ElementsAre(owner));
  EXPECT_THAT(partition.last_known_leaders, IsEmpty());
}

TEST_F(Decide, HandsOutProducerIdsInBlocksThatDoNotOverlap) {
  Image image = image_with(1);
  std::int64_t expected = 0;
  for (int i = 0; i < 3; ++i) {
    const ProducerIdDecision decided = decide_producer_ids(image, BrokerId{1});
    EXPECT_EQ(decided.block.first.raw(), expected);
    EXPECT_EQ(decided.block.count, 1000);
    expected += decided.block.count;
    image = after_records(image, {decided.record});
  }
}

TEST(RandomId, IsNeitherReservedNorLooksLikeAnOption) {
  kernel::Random random{1, kernel::Domain::application, 0};
  for (int i = 0; i < 10'000; ++i) {
    const net::Uuid id = random_id(random);
    EXPECT_NE(id.text().front(), '-');
    EXPECT_EQ(id.high >> 12 & 0xf, 4u);
  }
}

}  // namespace
}  // namespace broker::controller
