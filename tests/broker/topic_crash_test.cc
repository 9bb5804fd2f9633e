// Power loss at every single I/O of a whole broker while a topic is made, written to, deleted and made again under its
// name, on both personalities of the simulated disk: what was answered holds, and nothing of the deleted topic is in the
// one that took its name.
#include <gtest/gtest.h>

#include "net/messages/delete_topics.h"
#include "net/messages/metadata.h"
#include "net/record/batch_reader.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using sim::CrashKind;
using sim::Personality;

constexpr std::string_view kCrashing = "orders";

/// Kept outside of the world.
struct Told {
  bool made = false;            ///< an answer said so, and no deletion was asked for since
  bool may_be = false;          ///< asked for, or its deletion was
  int life = 0;                 ///< whose records may be in it
  std::int64_t acknowledged = 0;  ///< records of this life
};

ErrorCode delete_topic(Fiber& f, RawClient& client) {
  std::string_view names[] = {kCrashing};
  net::DeleteTopicsRequest request;
  request.topic_names = net::List<std::string_view>{names, 1};
  request.timeout_ms = 10'000;
  const auto answer = client.call(f, 5, request);
  if (!answer || answer->response.responses.size() != 1) return ErrorCode::network_exception;
  return answer->response.responses[0].error_code;
}

/// Each value carries the life of the topic that it was written in.
std::string value_of(int life, std::int64_t number) { return fmt::format("{}:{}:{}", life, number, std::string(300, 'v')); }

void live(Fiber& f, RawClient& client, Told& told) {
  told.may_be = true;
  ++told.life;
  if (create_topic(f, client, kCrashing, 1, {{"internal.segment.bytes", "1500"}}) != ErrorCode::none) return;
  told.made = true;
  for (int i = 0; i < 5; ++i) {
    if (produce(f, client, kCrashing, one_record(value_of(told.life, told.acknowledged))).error != ErrorCode::none) return;
    ++told.acknowledged;
  }
}

void tell(Fiber& f, RawClient& client, Told& told) {
  live(f, client, told);
  told.made = false;
  if (delete_topic(f, client) != ErrorCode::none) return;
  told.may_be = false;
  told.acknowledged = 0;
  live(f, client, told);
}

bool is_known(Fiber& f, RawClient& client) {
  net::Arena arena;
  net::MetadataRequest request;
  net::List<net::MetadataRequest::MetadataRequestTopic> topics;
  arena.push_back(topics, {.name = kCrashing});
  request.topics = topics;
  request.allow_auto_topic_creation = false;
  const auto answer = client.call(f, 9, request);
  if (!answer || answer->response.topics.size() != 1) {
    ADD_FAILURE() << "no answer";
    return false;
  }
  return answer->response.topics[0].error_code == ErrorCode::none;
}

void judge(Fiber& f, RawClient& client, Told& told) {
  const bool known = is_known(f, client);
  if (told.made) {
    EXPECT_TRUE(known) << "it was made and is not there";
  }
  if (!told.may_be) {
    EXPECT_FALSE(known) << "it was deleted and is there";
  }
  if (known) {
    // A log that is being opened answers in a moment.
    Fetched found = fetch(f, client, kCrashing, 0);
    for (int tries = 0; found.error != ErrorCode::none && tries < 100 && f.sleep(10ms); ++tries) found = fetch(f, client, kCrashing, 0);
    ASSERT_EQ(found.error, ErrorCode::none);
    if (told.made) {
      EXPECT_GE(found.high_watermark.raw(), told.acknowledged);
    }
    EXPECT_LE(found.high_watermark.raw(), 5) << "records of a former life";
  }
  // And it goes on: whatever is there can be deleted and made again, and begins at the beginning.
  if (known) {
    EXPECT_EQ(delete_topic(f, client), ErrorCode::none);
  }
  EXPECT_EQ(create_topic(f, client, kCrashing), ErrorCode::none);
  EXPECT_EQ(produce(f, client, kCrashing, one_record("fresh")).offset, net::Offset{0});
}

class TopicCrash : public ::testing::TestWithParam<Personality> {};

TEST_P(TopicCrash, LosesNothingThatWasAnsweredAtAnyPoint) {
  bool crashed = true;
  std::uint64_t points = 0;
  for (std::uint64_t point = 1; crashed && !HasFailure(); ++point, ++points) {
    SCOPED_TRACE(fmt::format("point {}", point));
    BrokerWorld world{{.seed = 1000 + point}};
    world.broker_machine.disk().image().set_personality(GetParam());
    Told told;
    bool started = false, ended = false;
    world.world.boot(world.broker_machine, 1, [&](Fiber& f) {
      static_cast<void>(Broker::run(f, world.config, [&](const Started&) { started = true; }));
    });
    world.world.run_until([&] { return started; }, 60s);
    ASSERT_TRUE(started);
    world.world.boot(world.client_machine, 1, [&](Fiber& f) {
      RawClient client = world.connect(f);
      tell(f, client, told);
      ended = true;
      static_cast<void>(f.sleep(1h));
    });
    const std::uint64_t stop = world.broker_machine.disk().operations_issued() + point;
    world.world.run_until([&] { return ended || world.broker_machine.disk().operations_issued() >= stop; }, 600s);
    crashed = !ended;
    world.world.kill(world.broker_machine, CrashKind::power_loss);
    world.world.kill(world.client_machine, CrashKind::process_kill);
    // Every third time the start is cut short as well.
    if (point % 3 == 0) {
      world.world.boot(world.broker_machine, 1, [&](Fiber& f) { static_cast<void>(Broker::run(f, world.config, [](const Started&) {})); });
      const std::uint64_t again = world.broker_machine.disk().operations_issued() + 1 + point % 50;
      world.world.run_until([&] { return world.broker_machine.disk().operations_issued() >= again; }, 1s);
      world.world.kill(world.broker_machine, point % 2 == 0 ? CrashKind::power_loss : CrashKind::process_kill);
    }
    world.run([&](Fiber& f) {
      RawClient client = world.connect(f);
      judge(f, client, told);
    });
  }
  EXPECT_GT(points, 100u) << "a story without points to crash at";
}

INSTANTIATE_TEST_SUITE_P(BothDisks, TopicCrash, ::testing::Values(Personality::ordered, Personality::strict),
                         [](const auto& info) { return info.param == Personality::strict ? "strict" : "ordered"; });

}  // namespace
}  // namespace broker::testing
