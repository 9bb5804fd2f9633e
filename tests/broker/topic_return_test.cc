// A topic is deleted and made again under its name while the disk of its partitions is in trouble, or whoever asked for
// it has given up. Its metadata lie on another disk, which is well.
#include <gtest/gtest.h>

#include "net/messages/delete_topics.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using net::Offset;

constexpr std::string_view kReturning = "orders";

class TopicReturn : public ::testing::Test {
 protected:
  TopicReturn() { machine().disk().add_volume("/data"); }
  sim::Machine& machine() { return world_.broker_machine; }
  sim::DiskFaults& trouble() { return machine().disk().faults(1); }
  [[nodiscard]] bool has_partition() { return machine().disk().image().find("/data/orders-0").has_value(); }

  static ErrorCode delete_topic(Fiber& f, RawClient& client) {
    std::string_view names[] = {kReturning};
    net::DeleteTopicsRequest request;
    request.topic_names = net::List<std::string_view>{names, 1};
    request.timeout_ms = 10'000;
    const auto answer = client.call(f, 5, request);
    if (!answer || answer->response.responses.size() != 1) return ErrorCode::network_exception;
    return answer->response.responses[0].error_code;
  }
  /// A partition that waits for its disk is opened in a moment.
  static Produced produce_in_time(Fiber& f, RawClient& client) {
    Produced done = produce(f, client, kReturning, one_record("fresh"));
    for (int tries = 0; done.error != ErrorCode::none && tries < 100 && f.sleep(100ms); ++tries)
      done = produce(f, client, kReturning, one_record("fresh"));
    return done;
  }

  BrokerWorld world_{{.shards = 3, .settings = {"metadata.log.dir=/metadata", "log.dirs=/data"}}};
};

TEST_F(TopicReturn, a_deletion_frees_space_on_a_full_disk_and_the_name_can_be_used_again) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(create_topic(f, client, kReturning), ErrorCode::none);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(produce(f, client, kReturning, one_record("old")).error, ErrorCode::none);
    trouble().full = true;
    EXPECT_EQ(delete_topic(f, client), ErrorCode::none);
    const auto directory = machine().disk().image().find("/data");
    for (const auto& [name, entry] : (*directory)->entries) EXPECT_FALSE(name.starts_with("orders-")) << name;
    EXPECT_EQ(create_topic(f, client, kReturning), ErrorCode::none);
    trouble().full = false;
    EXPECT_EQ(produce_in_time(f, client).offset, Offset{0});
  });
}

TEST_F(TopicReturn, what_could_not_be_removed_is_set_aside_for_the_next_of_its_name) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(create_topic(f, client, kReturning), ErrorCode::none);
    EXPECT_EQ(produce(f, client, kReturning, one_record("old")).error, ErrorCode::none);
    trouble().read_only = true;
    EXPECT_EQ(delete_topic(f, client), ErrorCode::none);
    EXPECT_TRUE(has_partition());
    trouble().read_only = false;
    EXPECT_EQ(create_topic(f, client, kReturning), ErrorCode::none);
    EXPECT_EQ(produce(f, client, kReturning, one_record("fresh")).offset, Offset{0});
  });
}

TEST_F(TopicReturn, a_damaged_partition_that_was_refused_goes_with_its_topic) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(create_topic(f, client, kReturning), ErrorCode::none);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(produce(f, client, kReturning, one_record("old")).error, ErrorCode::none);
    EXPECT_TRUE(f.sleep(1s));
  });
  world_.kill();
  const auto segment = machine().disk().image().find("/data/orders-0/00000000000000000000.log");
  ASSERT_TRUE(segment);
  machine().disk().image().write(**segment, 70, kernel::as_bytes(std::string_view{"rot"}));
  world_.errors_expected = 2;  // log_damaged, partition_offline
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    EXPECT_EQ(fetch(f, client, kReturning, 0).error, ErrorCode::kafka_storage_error);
    EXPECT_EQ(delete_topic(f, client), ErrorCode::none);
    EXPECT_FALSE(has_partition());
    EXPECT_EQ(create_topic(f, client, kReturning), ErrorCode::none);
    EXPECT_EQ(produce(f, client, kReturning, one_record("fresh")).offset, Offset{0});
  });
}

TEST_F(TopicReturn, a_change_takes_effect_though_its_client_has_given_up) {
  world_.run([&](Fiber& f) {
    machine().disk().faults(0).hung = true;  // the metadata's
    RawClient impatient = world_.connect(f);
    EXPECT_EQ(create_topic(f, impatient, kReturning), ErrorCode::request_timed_out);
    EXPECT_TRUE(f.sleep(1s));
    machine().disk().unhang(0);
    EXPECT_TRUE(f.sleep(1s));
    RawClient client = world_.connect(f);
    EXPECT_EQ(produce(f, client, kReturning, one_record("fresh")).offset, Offset{0});
  });
}

TEST_F(TopicReturn, is_seen_on_every_shard_when_deletions_and_creations_overtake_each_other) {
  world_.run([&](Fiber& f) {
    kernel::Scope all{f};
    for (int i = 0; i < 4; ++i) {
      all.spawn("client", [&](Fiber& child) {
        RawClient client = world_.connect(child);
        for (int round = 0; round < 20; ++round) {
          static_cast<void>(create_topic(child, client, kReturning, 3));
          static_cast<void>(delete_topic(child, client));
        }
      });
    }
    EXPECT_TRUE(all.join(f));
    RawClient client = world_.connect(f);
    EXPECT_EQ(create_topic(f, client, kReturning, 3), ErrorCode::none);
    for (std::int32_t p = 0; p < 3; ++p)
      EXPECT_EQ(produce(f, client, kReturning, one_record("fresh"), 9, p).offset, Offset{0}) << p;
  });
}

}  // namespace
}  // namespace broker::testing
