#include "broker/metadata/image.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "broker/metadata/image_builder.h"
#include "broker/metadata/to_records.h"

namespace broker::metadata {
namespace {

using net::BrokerId;
using net::TopicId;

template <class Record>
FramedValue framed(const Record& record, std::int16_t version = Record::kVersions.last) {
  return *net::encode_framed(record, version);
}

ImageRef fold(const std::vector<FramedValue>& values, const Image& from = {}) {
  ImageBuilder builder{from};
  for (const FramedValue& value : values) {
    const auto applied = builder.apply(value);
    EXPECT_TRUE(applied.has_value()) << kernel::describe(applied.error());
  }
  return builder.build(net::Offset{static_cast<std::int64_t>(values.size())}, net::LeaderEpoch{1}, 0);
}

kernel::Result<> try_apply(const std::vector<FramedValue>& values) {
  ImageBuilder builder{Image{}};
  for (const FramedValue& value : values)
    if (auto applied = builder.apply(value); !applied) return applied;
  return {};
}

constexpr TopicId topic_id(std::uint64_t n) { return TopicId{net::Uuid{7, n}}; }

net::TopicRecord topic_record(std::string_view name, std::uint64_t id) {
  net::TopicRecord record;
  record.name = name;
  record.topic_id = topic_id(id);
  return record;
}

class Records : public ::testing::Test {
 protected:
  net::PartitionRecord partition(std::uint64_t id, std::int32_t index) {
    net::PartitionRecord record;
    record.partition_id = net::PartitionId{index};
    record.topic_id = topic_id(id);
    record.replicas = ids({1});
    record.isr = ids({1});
    record.leader = BrokerId{1};
    record.leader_epoch = net::LeaderEpoch{0};
    record.partition_epoch = 0;
    record.directories = arena_.copy(std::vector<net::Uuid>{{1, 2}});
    return record;
  }
  net::List<BrokerId> ids(std::initializer_list<int> values) {
    net::List<BrokerId> out;
    for (const int value : values) arena_.push_back(out, BrokerId{value});
    return out;
  }
  net::RegisterBrokerRecord broker(int id, std::int64_t epoch) {
    net::RegisterBrokerRecord record;
    record.broker_id = BrokerId{id};
    record.broker_epoch = net::BrokerEpoch{epoch};
    record.rack = std::nullopt;
    return record;
  }
  static net::ConfigRecord setting(std::string_view topic_name, std::optional<std::string_view> value) {
    net::ConfigRecord record;
    record.resource_type = 2;
    record.resource_name = topic_name;
    record.name = "retention.ms";
    record.value = value;
    return record;
  }
  net::Arena arena_;
};

TEST_F(Records, MakeTopicsWithTheirPartitionsAndSettings) {
  const ImageRef image = fold({framed(topic_record("orders", 1)), framed(partition(1, 0)), framed(partition(1, 1)),
                               framed(setting("orders", "5"))});
  ASSERT_NE(image->find_topic("orders"), nullptr);
  EXPECT_EQ(image->find_topic(topic_id(1)), image->find_topic("orders"));
  EXPECT_EQ(image->find_topic("orders")->partitions.size(), 2u);
  EXPECT_EQ(image->find_topic("orders")->partitions[1].leader, BrokerId{1});
  EXPECT_EQ(image->settings_of(ResourceType::topic, "orders"), (Settings{{"retention.ms", "5"}}));
  EXPECT_TRUE(image->settings_of(ResourceType::topic, "other").empty());
  EXPECT_EQ(image->find_topic("other"), nullptr);
}

TEST_F(Records, RemovingATopicRemovesItsSettingsToo) {
  net::RemoveTopicRecord gone;
  gone.topic_id = topic_id(1);
  const ImageRef image = fold({framed(topic_record("orders", 1)), framed(setting("orders", "5")), framed(gone)});
  EXPECT_TRUE(image->same_content(Image{}));
}

TEST_F(Records, ASettingOfNullIsUnset) {
  const ImageRef image =
      fold({framed(topic_record("orders", 1)), framed(setting("orders", "5")), framed(setting("orders", std::nullopt))});
  EXPECT_TRUE(image->settings.empty());
}

TEST_F(Records, ChangesShareWhatTheyDoNotTouch) {
  const ImageRef before =
      fold({framed(topic_record("a", 1)), framed(partition(1, 0)), framed(topic_record("b", 2)), framed(partition(2, 0))});
  net::PartitionChangeRecord change;
  change.partition_id = net::PartitionId{0};
  change.topic_id = topic_id(2);
  change.leader = BrokerId{-1};
  change.isr = ids({});
  const ImageRef after = fold({framed(change)}, *before);
  EXPECT_EQ(after->find_topic("a"), before->find_topic("a"));
  const Partition& now = after->find_topic("b")->partitions[0];
  EXPECT_EQ(now.leader, BrokerId{-1});
  EXPECT_EQ(now.leader_epoch, net::LeaderEpoch{1});
  EXPECT_EQ(now.partition_epoch, 1);
  EXPECT_TRUE(now.isr.empty());
  EXPECT_EQ(now.replicas, (std::vector<BrokerId>{BrokerId{1}}));
  EXPECT_EQ(before->find_topic("b")->partitions[0].leader, BrokerId{1}) << "an image never changes";
}

TEST_F(Records, AnIsrChangeKeepsTheLeaderEpoch) {
  net::PartitionChangeRecord change;
  change.partition_id = net::PartitionId{0};
  change.topic_id = topic_id(1);
  change.isr = ids({1, 2});
  const ImageRef image = fold({framed(topic_record("a", 1)), framed(partition(1, 0)), framed(change)});
  EXPECT_EQ(image->find_topic("a")->partitions[0].leader_epoch, net::LeaderEpoch{0});
  EXPECT_EQ(image->find_topic("a")->partitions[0].partition_epoch, 1);
}

TEST_F(Records, FenceOnlyTheRegistrationTheyName) {
  net::BrokerRegistrationChangeRecord unfence;
  unfence.broker_id = BrokerId{1};
  unfence.broker_epoch = net::BrokerEpoch{5};
  unfence.fenced = -1;
  EXPECT_FALSE(fold({framed(broker(1, 5)), framed(unfence, 0)})->brokers.at(BrokerId{1}).fenced);
  EXPECT_TRUE(try_apply({framed(broker(1, 6)), framed(unfence, 0)}).error().is(Reason::unknown_broker));
  EXPECT_TRUE(try_apply({framed(unfence, 0)}).error().is(Reason::unknown_broker));
}

TEST_F(Records, OfATransactionCountOnlyWhenItEnds) {
  const FramedValue begin = framed(net::BeginTransactionRecord{});
  const FramedValue abort = framed(net::AbortTransactionRecord{});
  const FramedValue end = framed(net::EndTransactionRecord{});
  const ImageRef ended = fold({begin, framed(topic_record("a", 1)), framed(partition(1, 0)), end});
  EXPECT_NE(ended->find_topic("a"), nullptr);
  const ImageRef aborted =
      fold({framed(topic_record("a", 1)), begin, framed(partition(1, 0)), framed(topic_record("b", 2)), abort,
            framed(topic_record("b", 3))});
  EXPECT_TRUE(aborted->find_topic("a")->partitions.empty());
  EXPECT_EQ(aborted->find_topic("b")->id, topic_id(3));
  EXPECT_TRUE(try_apply({begin, begin}).error().is(Reason::bad_transaction));
  EXPECT_TRUE(try_apply({end}).error().is(Reason::bad_transaction));
  EXPECT_TRUE(try_apply({abort}).error().is(Reason::bad_transaction));
  ImageBuilder open{Image{}};
  ASSERT_TRUE(open.apply(begin));
  EXPECT_TRUE(open.in_transaction());
}

TEST_F(Records, ThatContradictTheLogAreErrors) {
  EXPECT_TRUE(try_apply({framed(topic_record("a", 1)), framed(topic_record("a", 2))}).error().is(Reason::topic_exists));
  EXPECT_TRUE(try_apply({framed(partition(1, 0))}).error().is(Reason::unknown_topic));
  EXPECT_TRUE(try_apply({framed(topic_record("a", 1)), framed(partition(1, 1))}).error().is(Reason::unknown_partition));
  EXPECT_TRUE(try_apply({framed(topic_record("a", 1)), framed(partition(1, -1))}).error().is(Reason::unknown_partition));
}

TEST_F(Records, OfUnknownTypesNameTheType) {
  const auto refused = try_apply({FramedValue{std::byte{1}, std::byte{99}, std::byte{0}}});
  EXPECT_TRUE(refused.error().is(kernel::Errc::unsupported));
  EXPECT_EQ(refused.error().detail, 99);
  EXPECT_TRUE(try_apply({FramedValue{}}).error().is(kernel::Errc::corrupt));
}

TEST_F(Records, ThatAreOnlyKeptReplaceAndRemoveTheirLike) {
  net::DelegationTokenRecord token;
  token.token_id = "t";
  token.owner = "one";
  net::DelegationTokenRecord newer = token;
  newer.owner = "two";
  const ImageRef image = fold({framed(token), framed(newer)});
  ASSERT_EQ(image->kept.size(), 1u);
  EXPECT_EQ(image->kept.begin()->second, framed(newer));
  net::RemoveDelegationTokenRecord gone;
  gone.token_id = "t";
  EXPECT_TRUE(fold({framed(token), framed(gone)})->kept.empty());

  net::ClientQuotaRecord quota;
  net::ClientQuotaRecord::EntityData entities[] = {
      {.entity_type = "user", .entity_name = "ann", .unknown_tags = {}},
      {.entity_type = "ip", .entity_name = std::nullopt, .unknown_tags = {}}};
  quota.entity = net::List<net::ClientQuotaRecord::EntityData>::borrow(entities);
  quota.key = "producer_byte_rate";
  net::ClientQuotaRecord turned = quota;
  net::ClientQuotaRecord::EntityData reversed[] = {entities[1], entities[0]};
  turned.entity = net::List<net::ClientQuotaRecord::EntityData>::borrow(reversed);
  turned.remove = true;
  EXPECT_EQ(fold({framed(quota)})->kept.size(), 1u);
  EXPECT_TRUE(fold({framed(quota), framed(turned)})->kept.empty());
}

/// A few names and numbers, so that random records hit the same things again.
class Story {
 public:
  explicit Story(const std::vector<std::uint8_t>& choices) : choices_{choices} {}
  std::vector<FramedValue> tell() {
    values_.push_back(feature_record("metadata.version", 33));
    while (at_ < choices_.size()) step();
    return values_;
  }

 private:
  std::uint8_t pick(std::uint8_t bound) { return at_ < choices_.size() ? choices_[at_++] % bound : 0; }
  template <class Record>
  void add(const Record& record) {
    FramedValue value = framed(record);
    ImageBuilder trial{*image_};
    if (!trial.apply(value)) return;  // contradicts what is there
    image_ = trial.build(net::Offset{0}, net::LeaderEpoch{0}, 0);
    values_.push_back(std::move(value));
  }
  net::List<BrokerId> some_ids() {
    net::List<BrokerId> out;
    for (int n = pick(3); n >= 0; --n) arena_.push_back(out, BrokerId{n});
    return out;
  }
  void step() {
    static constexpr std::string_view kNames[] = {"a", "b", "c.d", ""};
    const std::string_view name = kNames[pick(4)];
    switch (pick(14)) {
      case 0:
      case 1: return add(topic_record(name, pick(4)));
      case 2:
      case 3: {
        net::PartitionRecord record;
        record.partition_id = net::PartitionId{pick(3)};
        record.topic_id = topic_id(pick(4));
        record.replicas = some_ids();
        record.isr = some_ids();
        record.removing_replicas = some_ids();
        record.leader_epoch = net::LeaderEpoch{pick(9)};
        record.leader_recovery_state = static_cast<std::int8_t>(pick(2));
        if (pick(2) == 0) record.eligible_leader_replicas = some_ids();
        if (pick(2) == 0) record.last_known_elr = some_ids();
        return add(record);
      }
      case 4: {
        net::PartitionChangeRecord record;
        record.partition_id = net::PartitionId{pick(3)};
        record.topic_id = topic_id(pick(4));
        record.leader = BrokerId{pick(4) - 2};
        if (pick(2) == 0) record.adding_replicas = some_ids();
        return add(record);
      }
      case 5: {
        net::RemoveTopicRecord record;
        record.topic_id = topic_id(pick(4));
        return add(record);
      }
      case 6: {
        net::ConfigRecord record;
        record.resource_type = static_cast<std::int8_t>(pick(2) * 2 + 2);
        record.resource_name = name;
        record.name = kNames[pick(3)];
        record.value = pick(3) == 0 ? std::nullopt : std::optional<std::string_view>{kNames[pick(4)]};
        return add(record);
      }
      case 7: {
        net::RegisterBrokerRecord record;
        record.broker_id = BrokerId{pick(3)};
        record.broker_epoch = net::BrokerEpoch{pick(3)};
        record.rack = std::nullopt;
        if (pick(2) == 0) record.rack = "here";
        record.fenced = pick(2) == 0;
        arena_.push_back(record.end_points, {.name = name, .host = "h", .port = pick(9), .unknown_tags = {}});
        if (pick(2) == 0) record.cordoned_log_dirs = arena_.copy(std::vector<net::Uuid>{{1, pick(4)}});
        return add(record);
      }
      case 8: {
        net::UnregisterBrokerRecord record;
        record.broker_id = BrokerId{pick(3)};
        record.broker_epoch = net::BrokerEpoch{pick(3)};
        return add(record);
      }
      case 9: {
        net::FeatureLevelRecord record;
        record.name = name;
        record.feature_level = pick(3);
        return add(record);
      }
      case 10: {
        net::ProducerIdsRecord record;
        record.next_producer_id = net::ProducerId{pick(9) * 1000};
        return add(record);
      }
      case 11: {
        net::AccessControlEntryRecord record;
        record.id = {1, pick(3)};
        record.principal = name;
        return add(record);
      }
      case 12: {
        net::UserScramCredentialRecord record;
        record.name = name;
        record.mechanism = static_cast<std::int8_t>(pick(2));
        return add(record);
      }
      default: {
        net::RegisterControllerRecord record;
        record.controller_id = BrokerId{pick(2)};
        return add(record);
      }
    }
  }
  std::vector<std::uint8_t> choices_;
  std::size_t at_ = 0;
  net::Arena arena_;
  ImageRef image_ = std::make_shared<const Image>();
  std::vector<FramedValue> values_;
};

RC_GTEST_PROP(Snapshot, HoldsEverythingThatTheLogSaid, (const std::vector<std::uint8_t>& choices)) {
  const ImageRef image = fold(Story{choices}.tell());
  const auto snapshot = to_records(*image);
  const ImageRef again = fold(snapshot);
  RC_ASSERT(again->same_content(*image));
  RC_ASSERT(to_records(*again) == snapshot);
}

RC_GTEST_PROP(Snapshot, InTheMiddleOfTheLogChangesNothing, (const std::vector<std::uint8_t>& choices)) {
  const auto values = Story{choices}.tell();
  const auto middle = *rc::gen::inRange<std::size_t>(0, values.size() + 1);
  const auto cut = values.begin() + static_cast<std::ptrdiff_t>(middle);
  const ImageRef until = fold(to_records(*fold({values.begin(), cut})));
  RC_ASSERT(fold({cut, values.end()}, *until)->same_content(*fold(values)));
}

TEST(Snapshot, OfAnOldLevelIsWrittenInOldVersions) {
  Broker broker{.id = BrokerId{1}, .log_directories = {{1, 2}}};
  EXPECT_EQ(broker_record(broker, 7)[2], std::byte{1});
  EXPECT_EQ(broker_record(broker, 17)[2], std::byte{3});
  EXPECT_EQ(broker_record(broker, 30)[2], std::byte{4});
  const Topic old{.name = "a", .id = topic_id(1), .partitions = {Partition{}}};
  EXPECT_EQ(partition_record(old, 0, 16)[2], std::byte{0});
  EXPECT_EQ(partition_record(old, 0, 17)[2], std::byte{1});
  EXPECT_EQ(partition_record(old, 0, 33)[2], std::byte{2});
}

}  // namespace
}  // namespace broker::metadata
