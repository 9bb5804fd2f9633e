// What clients may do to a connection, and that nobody else notices.
#include <gtest/gtest.h>

#include "broker/handlers/router.h"
#include "net/apis.h"
#include "net/messages/api_versions.h"
#include "net/messages/metadata.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::ErrorCode;

void expect_served(Fiber& f, BrokerWorld& world) {
  RawClient other = world.connect(f);
  const kernel::Mono asked = f.now();
  const auto answer = other.call(f, 1, net::MetadataRequest{});
  ASSERT_TRUE(answer) << kernel::describe(answer.error());
  EXPECT_LT(f.now() - asked, 2s);
}

struct BadFrame {
  std::string_view name;
  std::vector<std::byte> bytes;
};

/// A key that the protocol has and we do not serve.
std::int16_t an_unserved_key() {
  for (const net::ApiInfo& api : net::all_apis())
    if (handlers::find_served(static_cast<std::int16_t>(api.key)) == nullptr) return static_cast<std::int16_t>(api.key);
  ADD_FAILURE() << "every API is served";
  return -2;
}

std::vector<BadFrame> bad_frames() {
  const auto shorts = [](int a, int b) { return be32(a << 16 | (b & 0xffff)); };
  return {
      {"no bytes in it", be32(0)},
      {"one byte in it", be32(1) + bytes_of("x")},
      {"a negative size", be32(-1)},
      {"the least size", be32(INT32_MIN)},
      {"the largest size", be32(INT32_MAX)},
      {"one byte more than socket.request.max.bytes", be32(104'857'601)},
      {"an HTTP request", bytes_of("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
      {"a TLS greeting", bytes_of("\x16\x03\x01\x02\x01" + std::string(517, 'x'))},
      {"an unknown API", frame_of(999, 0, {})},
      {"a negative API", frame_of(-1, 0, {})},
      {"an API that is not served", frame_of(an_unserved_key(), 0, {})},
      {"a version to come", frame_of(3, 99, {})},
      {"a negative version", frame_of(3, -1, {})},
      {"a version that is gone", frame_of(0, 2, {})},
      {"a header cut off", be32(4) + shorts(18, 0)},
      {"a client id of negative length", be32(10) + shorts(3, 1) + be32(7) + shorts(-5, 0)},
      {"a client id longer than the frame", be32(10) + shorts(3, 1) + be32(7) + shorts(500, 0)},
      {"a negative count", frame_of(3, 1, be32(-7))},
      {"a huge count", frame_of(3, 1, be32(INT32_MAX))},
      {"a huge count of topics to produce to", frame_of(0, 8, shorts(-1, -1) + be32(1000) + be32(0x7ffffff0))},
  };
}

TEST(BadFrames, EndTheirConnectionAndNoOther) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    for (const BadFrame& bad : bad_frames()) {
      RawClient client = world.connect(f);
      ASSERT_TRUE(client.send(f, bad.bytes)) << bad.name;
      EXPECT_TRUE(client.is_hung_up(f)) << bad.name;
    }
    expect_served(f, world);
  });
}

TEST(BadFrames, OfRandomBytesAreSurvived) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    BrokerWorld world{{.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 3)}};
    world.run([&](Fiber& f) {
      kernel::Random random{seed, kernel::Domain::workload, 0};
      const auto served = handlers::served_apis();
      for (int i = 0; i < 50; ++i) {
        RawClient client = world.connect(f);
        std::vector<std::byte> body(random.below(300));
        for (std::byte& b : body) b = static_cast<std::byte>(random.below(256));
        // Mostly a version that is served, now and then the one beside it.
        const handlers::Api& api = served[random.below(served.size())];
        const auto key = static_cast<std::int16_t>(api.key);
        const auto versions = static_cast<std::uint64_t>(api.versions.last - api.versions.first) + 2;
        const auto version = static_cast<std::int16_t>(api.versions.first + static_cast<std::int16_t>(random.below(versions)));
        auto bytes = random.below(3) == 0 ? be32(static_cast<std::int64_t>(body.size())) + body : frame_of(key, version, body);
        if (random.below(3) == 0) bytes.resize(random.below(bytes.size()) + 1);
        ASSERT_TRUE(client.send(f, bytes));
        if (random.below(2) == 0) client.socket().shutdown_write();
        static_cast<void>(f.sleep(10ms));
      }
      expect_served(f, world);
    });
  }
}

TEST(ApiVersionsOfTheFuture, AreAnsweredWithOursInVersionZero) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    // A header of version 2 ends with its tagged fields.
    ASSERT_TRUE(client.send(f, frame_of(18, 99, std::vector<std::byte>(1))));
    const auto frame = client.receive(f);
    ASSERT_TRUE(frame);
    net::Arena arena;
    net::Reader reader{frame->view(), arena};
    EXPECT_EQ(net::decode_response_header(reader, net::ApiKey::api_versions, 0)->correlation_id, 7);
    const auto response = net::decode<net::ApiVersionsResponse>(reader, 0);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->error_code, ErrorCode::unsupported_version);
    ASSERT_EQ(response->api_keys.size(), 1u);
    EXPECT_EQ(response->api_keys[0].api_key, 18);
    EXPECT_EQ(response->api_keys[0].max_version, 5);
    EXPECT_TRUE(client.call(f, 3, [] {
      net::ApiVersionsRequest request;
      request.client_software_name = "raw";
      request.client_software_version = "1";
      return request;
    }()));
  });
}

TEST(SlowFrames, AreAnsweredWhenTheyAreWhole) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    const auto whole = frame_of(3, 1, be32(0)) + frame_of(3, 1, be32(0), 8);
    for (const std::byte b : whole) {
      ASSERT_TRUE(client.send(f, {b}));
      static_cast<void>(f.sleep(100ms));
    }
    EXPECT_TRUE(client.receive(f));
    EXPECT_TRUE(client.receive(f));
  });
}

TEST(FramesOfEverySize, ComeThroughHoweverTheyAreCut) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t"), ErrorCode::none);
    kernel::Random random{3, kernel::Domain::workload, 0};
    std::int64_t next = 0;
    std::vector<std::byte> pipe;
    std::int32_t expected = 0;
    for (int i = 0; i < 60; ++i) {
      const std::string value(static_cast<std::size_t>(1) << random.below(18), 'v');
      const auto batch = one_record(value);
      net::Arena arena;
      net::ProduceRequest request;
      request.acks = -1;
      request.timeout_ms = 10'000;
      auto& data = arena.push_back(request.topic_data, {.name = "t"});
      arena.push_back(data.partition_data, {.index = net::PartitionId{0}, .records = net::Records::view(batch)});
      pipe = pipe + net::encode_request(9, ++expected, "raw", request)->bytes;
    }
    kernel::Scope scope{f};
    scope.spawn("answers", [&](Fiber& child) {
      for (std::int32_t i = 1; i <= expected; ++i) {
        const auto frame = client.receive(child);
        ASSERT_TRUE(frame) << "answer " << i;
        net::Arena arena;
        net::Reader reader{frame->view(), arena};
        EXPECT_EQ(net::decode_response_header(reader, net::ApiKey::produce, 9)->correlation_id, i);
        const auto response = net::decode<net::ProduceResponse>(reader, 9);
        ASSERT_TRUE(response);
        EXPECT_EQ(response->responses[0].partition_responses[0].base_offset, net::Offset{next++});
      }
    });
    for (std::size_t at = 0; at < pipe.size();) {
      const std::size_t n = std::min<std::size_t>(pipe.size() - at, 1 + random.below(100'000));
      ASSERT_TRUE(client.send(f, {pipe.begin() + static_cast<std::ptrdiff_t>(at),
                                  pipe.begin() + static_cast<std::ptrdiff_t>(at + n)}));
      at += n;
      if (random.below(3) == 0) static_cast<void>(f.sleep(1ms));
    }
    ASSERT_TRUE(scope.join(f));
    EXPECT_EQ(next, expected);
  });
}

/// The block of a frame grows as it arrives; the checksum of the batch tells whether it kept its bytes.
TEST(LargeFrames, ComeThroughHoweverTheyAreCut) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient client = world.connect(f);
    ASSERT_EQ(create_topic(f, client, "t", 1, {{"max.message.bytes", "30000000"}}), ErrorCode::none);
    kernel::Random random{7, kernel::Domain::workload, 0};
    for (const std::size_t size : {1'500'000u, 20'000'000u}) {
      std::string value(size, 'v');
      for (char& c : value) c = static_cast<char>(random.below(256));
      const auto batch = one_record(value);
      net::Arena arena;
      net::ProduceRequest request;
      request.acks = -1;
      request.timeout_ms = 60'000;
      auto& data = arena.push_back(request.topic_data, {.name = "t"});
      arena.push_back(data.partition_data, {.index = net::PartitionId{0}, .records = net::Records::view(batch)});
      const auto frame = net::encode_request(9, 1, "raw", request)->bytes;
      for (std::size_t at = 0; at < frame.size();) {
        const std::size_t n = std::min<std::size_t>(frame.size() - at, 1 + random.below(500'000));
        ASSERT_TRUE(client.send(f, {frame.begin() + static_cast<std::ptrdiff_t>(at), frame.begin() + static_cast<std::ptrdiff_t>(at + n)}));
        at += n;
      }
      const auto answer = client.receive(f);
      ASSERT_TRUE(answer);
      net::Arena kept;
      net::Reader reader{answer->view(), kept};
      ASSERT_TRUE(net::decode_response_header(reader, net::ApiKey::produce, 9));
      EXPECT_EQ(net::decode<net::ProduceResponse>(reader, 9)->responses[0].partition_responses[0].error_code, ErrorCode::none);
    }
  });
}

TEST(LargeFramesThatNeverEnd, KeepNobodyElseFromBeingServed) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    std::vector<RawClient> slow;
    for (int i = 0; i < 20; ++i) {
      slow.push_back(world.connect(f));
      ASSERT_TRUE(slow.back().send(f, be32(100 << 20) + std::vector<std::byte>(10)));
    }
    static_cast<void>(f.sleep(1s));
    expect_served(f, world);
    RawClient producer = world.connect(f);
    ASSERT_EQ(create_topic(f, producer, "t"), ErrorCode::none);
    EXPECT_EQ(produce(f, producer, "t", one_record(std::string(900'000, 'v'))).error, ErrorCode::none);
  });
}

TEST(FramesThatKeepAllMemory, AreEndedWhenOthersNeedIt) {
  BrokerWorld world{{.settings = {"socket.request.max.bytes=8388608", "queued.max.request.bytes=8388608"}}};
  world.run([&](Fiber& f) {
    std::vector<RawClient> slow;
    kernel::Scope scope{f};
    for (int i = 0; i < 5; ++i) {
      slow.push_back(world.connect(f));
      ASSERT_TRUE(slow.back().send(f, be32(8 << 20)));
    }
    // Each stops short of its end; together they want more than there is.
    for (RawClient& client : slow) {
      scope.spawn("filler", [&client](Fiber& child) {
        static_cast<void>(client.send(child, std::vector<std::byte>((8 << 20) - 1)));
      });
    }
    static_cast<void>(f.sleep(500ms));
    RawClient other = world.connect(f);
    const kernel::Mono asked = f.now();
    const auto answer = other.call(f, 1, net::MetadataRequest{});
    EXPECT_TRUE(answer);
    EXPECT_LT(f.now() - asked, 20s);
    scope.cancel();
    static_cast<void>(scope.join(f));
  });
}

TEST(WaitingFetches, KeepNoMemoryFromOthers) {
  BrokerWorld world{{.settings = {"socket.request.max.bytes=1048576", "queued.max.request.bytes=1048576",
                                     "message.max.bytes=500000"}}};
  world.run([&](Fiber& f) {
    RawClient first = world.connect(f);
    ASSERT_EQ(create_topic(f, first, "t"), ErrorCode::none);
    net::Arena arena;
    net::FetchRequest request;
    request.max_wait_ms = 60'000;
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    request.session_epoch = -1;
    auto& wanted = arena.push_back(request.topics, {.topic = "t"});
    arena.push_back(wanted.partitions, {.fetch_offset = net::Offset{0}, .partition_max_bytes = 1 << 20});
    const auto bytes = net::encode_request(11, 1, "raw", request)->bytes;
    std::vector<RawClient> waiting;
    for (int i = 0; i < 300; ++i) {
      waiting.push_back(world.connect(f));
      ASSERT_TRUE(waiting.back().send(f, bytes));
    }
    static_cast<void>(f.sleep(1s));
    expect_served(f, world);
    ASSERT_EQ(produce(f, first, "t", one_record("news")).error, ErrorCode::none);
    for (RawClient& client : waiting) EXPECT_TRUE(client.receive(f));
  });
}

TEST(ClientsThatNeverRead, KeepNobodyElseFromBeingServed) {
  BrokerWorld world;
  world.run([&](Fiber& f) {
    RawClient first = world.connect(f);
    ASSERT_EQ(create_topic(f, first, "t"), ErrorCode::none);
    ASSERT_EQ(produce(f, first, "t", one_record(std::string(900'000, 'v'))).error, ErrorCode::none);
    net::Arena arena;
    net::FetchRequest request;
    request.max_bytes = 1 << 20;
    request.session_epoch = -1;
    auto& wanted = arena.push_back(request.topics, {.topic = "t"});
    arena.push_back(wanted.partitions, {.fetch_offset = net::Offset{0}, .partition_max_bytes = 1 << 20});
    const auto bytes = net::encode_request(11, 1, "raw", request)->bytes;
    std::vector<RawClient> deaf;
    for (int i = 0; i < 20; ++i) {
      deaf.push_back(world.connect(f));
      const auto within = f.deadline_in(1s);
      for (int n = 0; n < 100; ++n)
        if (!deaf.back().send(f, bytes)) break;
    }
    expect_served(f, world);
    EXPECT_EQ(produce(f, first, "t", one_record("more")).error, ErrorCode::none);
  });
}

}  // namespace
}  // namespace broker::testing
