// The admin port: /metrics, /health and /ready, and what it makes of anything else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/http_client.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint16_t kPort = 9464;

class AdminPort : public ::testing::Test {
 protected:
  AdminPort() {
    world_.broker_machine.disk().add_volume("/data2");
    // Whoever watches a simulated broker is on another machine.
    world_.config.admin_port = kPort;
    world_.config.admin_address = world_.broker_machine.address();
  }
  HttpAnswer get(Fiber& f, std::string_view path) { return http_get(f, at(), path); }
  HttpAnswer send(Fiber& f, std::string_view text) { return http_send(f, at(), text); }
  [[nodiscard]] kernel::Endpoint at() { return {world_.broker_machine.address(), kPort}; }
  sim::DiskFaults& second() { return world_.broker_machine.disk().faults(1); }
  BrokerWorld world_{{.shards = 2, .settings = {"log.dirs=/data,/data2"}}};
};

TEST_F(AdminPort, ShowsMetricsHealthAndReadiness) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 4), ErrorCode::none);
    for (std::int32_t p = 0; p < 4; ++p) ASSERT_EQ(produce(f, client, "t", one_record("v"), 9, p).error, ErrorCode::none);
    const HttpAnswer metrics = get(f, "/metrics");
    EXPECT_EQ(metrics.status, 200);
    EXPECT_THAT(metrics.head, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    EXPECT_THAT(metrics.head, HasSubstr(fmt::format("Content-Length: {}", metrics.body.size())));
    // One line for both shards.
    EXPECT_THAT(metrics.body, HasSubstr("# TYPE kalda_produce_batches_total counter\nkalda_produce_batches_total 4\n"));
    EXPECT_THAT(metrics.body, HasSubstr("\nkalda_partitions 4\n"));
    EXPECT_EQ(get(f, "/health").status, 200);
    EXPECT_EQ(get(f, "/health").body, "serving\n");
    EXPECT_EQ(get(f, "/ready?verbose=1").status, 200);
    EXPECT_EQ(get(f, "/ready").body, "ready\n");
  });
}

TEST_F(AdminPort, IsNotReadyWhileADirectoryIsOffline) {
  world_.errors_expected = 1;
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 4), ErrorCode::none);
    second().read_only = true;
    EXPECT_EQ(produce(f, client, "t", one_record("v"), 9, 1).error, ErrorCode::kafka_storage_error);
    ASSERT_TRUE(f.sleep(1s));
    const HttpAnswer ready = get(f, "/ready");
    EXPECT_EQ(ready.status, 503);
    EXPECT_THAT(ready.body, HasSubstr("2 partitions are offline\n"));
    EXPECT_THAT(ready.body, HasSubstr("log directory /data2 is offline\n"));
    EXPECT_EQ(get(f, "/health").status, 200) << "the other directory is served";
    EXPECT_THAT(get(f, "/metrics").body, HasSubstr("\nkalda_partitions_offline 2\n"));
  });
}

TEST_F(AdminPort, IsNotReadyWhileADirectoryIsFull) {
  world_.run([&](Fiber& f) {
    RawClient client = world_.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 4), ErrorCode::none);
    second().full = true;
    EXPECT_NE(produce(f, client, "t", one_record(std::string(100'000, 'v')), 9, 1).error, ErrorCode::none);
    EXPECT_EQ(get(f, "/ready").status, 503);
    EXPECT_THAT(get(f, "/ready").body, HasSubstr("log directory /data2 has no space left\n"));
    second().full = false;
    for (int tries = 0; tries < 100 && get(f, "/ready").status != 200; ++tries) {
      static_cast<void>(produce(f, client, "t", one_record("v"), 9, 1));
      ASSERT_TRUE(f.sleep(1s));
    }
    EXPECT_EQ(get(f, "/ready").status, 200) << "there is room again";
  });
}

TEST_F(AdminPort, RefusesWhatItDoesNotKnow) {
  world_.run([&](Fiber& f) {
    EXPECT_EQ(get(f, "/").status, 404);
    EXPECT_EQ(get(f, "/metrics/more").status, 404);
    for (const std::string_view method : {"POST", "PUT", "DELETE", "get"})
      EXPECT_EQ(send(f, fmt::format("{} /metrics HTTP/1.1\r\n\r\n", method)).status, 405) << method;
    const HttpAnswer head = send(f, "HEAD /health HTTP/1.1\r\n\r\n");
    EXPECT_EQ(head.status, 200);
    EXPECT_THAT(head.body, IsEmpty());
    EXPECT_EQ(send(f, "nonsense\r\n\r\n").status, 400);
    EXPECT_EQ(send(f, "GET metrics HTTP/1.1\r\n\r\n").status, 400);
    EXPECT_EQ(send(f, "GET /metrics SPDY/3\r\n\r\n").status, 400);
  });
}

TEST_F(AdminPort, GivesUpOnHeadsThatAreTooLongOrNeverEnd) {
  world_.run([&](Fiber& f) {
    kernel::Mono asked = f.now();
    EXPECT_EQ(send(f, "GET /metrics HTTP/1.1\r\nX: " + std::string(100'000, 'x')).status, 0);
    EXPECT_LT(f.now() - asked, 4s) << "it was read on and on";
    // More silent clients than it has places for: they leave after a while, and others are answered.
    std::vector<RawClient> silent;
    for (int i = 0; i < 40; ++i) silent.push_back(*RawClient::connect(f, at()));
    asked = f.now();
    EXPECT_EQ(get(f, "/health").status, 200);
    EXPECT_LT(f.now() - asked, 15s);
  });
}

}  // namespace
}  // namespace broker::testing
