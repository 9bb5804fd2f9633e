// Small batches that hold far more than they look, sent to `kalda serve` by many at once: what memory they cost it.
#include "kernel/posix/runtime.h"
#include "kernel/sanitizer.h"
#include "kernel/scope.h"
#include "tests/broker/serve_process.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

using net::record::Codec;

constexpr int kSenders = 4;
constexpr std::size_t kHeldBytes = 290u << 20;  // of zeros; the batch itself has less than a megabyte
constexpr std::uint32_t kShards = 2;
// A shard takes one batch at a time, and that in pieces: what is said here is for codecs, requests and the heap.
[[maybe_unused]] constexpr std::int64_t kGrowthBytesMax = kShards * (45u << 20);

TEST(DecompressionBombs, OfManyClientsAreNeverUnpackedAsAWhole) {
  std::vector<std::byte> bomb;
  {
    const std::string zeros(kHeldBytes, '0');
    net::record::BatchBuilder builder{{.codec = net::record::Codec::zstd}};
    builder.append({.timestamp_ms = 1'700'000'000'000, .key = kernel::as_bytes("k"), .value = kernel::as_bytes(zeros)});
    bomb = builder.build();
  }
  ASSERT_LT(bomb.size(), 1'000'000u);
  const Scratch scratch;
  Serve serve{{"log.dirs=" + scratch / "data"}, /*as_nobody=*/false, kShards};
  const kernel::Endpoint at{"127.0.0.1", serve.port()};
  ASSERT_NE(at.port, 0) << serve.said;
  const std::int64_t before = serve.resident_bytes_at_most();
  kernel::posix::Runtime clients{{.name = "clients", .handle_signals = false}};
  clients.run([&](Fiber& f) {
    RawClient first = *RawClient::connect(f, at);
    EXPECT_EQ(create_topic(f, first, "compacted", kSenders, {{"cleanup.policy", "compact"}}), net::ErrorCode::none);
    EXPECT_EQ(create_topic(f, first, "strict", kSenders, {{"log.validate.compressed", "true"}}), net::ErrorCode::none);
    EXPECT_EQ(create_topic(f, first, "stored", kSenders, {{"compression.type", "lz4"}}), net::ErrorCode::none);
    kernel::Scope senders{f};
    for (std::int32_t n = 0; n < kSenders; ++n) {
      senders.spawn("sender", [&, n](Fiber& child) {
        RawClient client = *RawClient::connect(child, at);
        for (const std::string_view topic : {"compacted", "strict", "stored"})
          EXPECT_EQ(produce(child, client, topic, bomb, 9, n).error, net::ErrorCode::record_list_too_large) << topic;
        EXPECT_EQ(produce(child, client, "compacted", one_record("v"), 9, n).offset, net::Offset{0});
      });
    }
    EXPECT_TRUE(senders.join(f));
    return 0;
  });
  const std::int64_t growth = serve.resident_bytes_at_most() - before;
  RecordProperty("bytes_of_growth", fmt::to_string(growth));
#if !defined(KALDA_ASAN) && !defined(KALDA_TSAN)  // those keep freed memory, and shadows of all of it
  EXPECT_LT(growth, kGrowthBytesMax);
#endif
  serve.stop();
  EXPECT_EQ(serve.end(), 0) << serve.said;
}

/// What is packed anew streams from one codec into the other.
TEST(BatchesPackedAnew, CostWhatTheyArePackedToAndNotWhatTheyHold) {
  constexpr std::size_t kHoldsBytes = 160u << 20;
  const auto packed = [](Codec codec) {
    const std::string zeros(kHoldsBytes, '0');
    net::record::BatchBuilder builder{{.codec = codec}};
    builder.append({.timestamp_ms = 1'700'000'000'000, .key = kernel::as_bytes("k"), .value = kernel::as_bytes(zeros)});
    return builder.build();
  };
  const std::vector<std::vector<std::byte>> batches{packed(Codec::zstd), packed(Codec::gzip)};
  const Scratch scratch;
  Serve serve{{"log.dirs=" + scratch / "data"}, /*as_nobody=*/false, kShards};
  const kernel::Endpoint at{"127.0.0.1", serve.port()};
  ASSERT_NE(at.port, 0) << serve.said;
  const std::int64_t before = serve.resident_bytes_at_most();
  kernel::posix::Runtime clients{{.name = "clients", .handle_signals = false}};
  clients.run([&](Fiber& f) {
    RawClient first = *RawClient::connect(f, at);
    for (const auto& [name, room] : {std::pair{"snappy", "16000000"}, {"gzip", "1000000"}, {"lz4", "4000000"}, {"zstd", "1000000"}}) {
      EXPECT_EQ(create_topic(f, first, name, kSenders, {{"compression.type", name}, {"max.message.bytes", room}}), net::ErrorCode::none);
    }
    EXPECT_EQ(create_topic(f, first, "uncompressed", kSenders, {{"compression.type", "uncompressed"}}), net::ErrorCode::none);
    kernel::Scope senders{f};
    for (std::int32_t n = 0; n < kSenders; ++n) {
      senders.spawn("sender", [&, n](Fiber& child) {
        RawClient client = *RawClient::connect(child, at);
        const auto& batch = batches[static_cast<std::size_t>(n) % batches.size()];
        for (const std::string_view topic : {"snappy", "lz4", n % 2 == 0 ? "gzip" : "zstd"})
          EXPECT_EQ(produce(child, client, topic, batch, 9, n).error, net::ErrorCode::none) << topic;
        EXPECT_EQ(produce(child, client, "uncompressed", batch, 9, n).error, net::ErrorCode::message_too_large);
      });
    }
    EXPECT_TRUE(senders.join(f));
    return 0;
  });
  const std::int64_t growth = serve.resident_bytes_at_most() - before;
  RecordProperty("bytes_of_growth", fmt::to_string(growth));
#if !defined(KALDA_ASAN) && !defined(KALDA_TSAN)
  EXPECT_LT(growth, kGrowthBytesMax);
#endif
  serve.stop();
  EXPECT_EQ(serve.end(), 0) << serve.said;
}

}  // namespace
}  // namespace broker::testing
