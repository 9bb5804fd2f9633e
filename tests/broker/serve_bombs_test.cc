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

std::vector<std::byte> packed_zeros(Codec codec, std::size_t bytes) {
  const std::string zeros(bytes, '0');
  net::record::BatchBuilder builder{{.codec = codec}};
  builder.append({.timestamp_ms = 1'700'000'000'000, .key = kernel::as_bytes("k"), .value = kernel::as_bytes(zeros)});
  return builder.build();
}

/// Runs `prepare` and then all senders against `kalda serve`, whose memory grows by little.
void takes_little_memory(const std::function<void(Fiber&, RawClient&)>& prepare,
                         const std::function<void(Fiber&, RawClient&, std::int32_t)>& send) {
  const Scratch scratch;
  Serve serve{{"log.dirs=" + scratch / "data"}, /*as_nobody=*/false, kShards};
  const kernel::Endpoint at{"127.0.0.1", serve.port()};
  ASSERT_NE(at.port, 0) << serve.said;
  const std::int64_t before = serve.resident_bytes_at_most();
  kernel::posix::Runtime clients{{.name = "clients", .handle_signals = false}};
  clients.run([&](Fiber& f) {
    RawClient first = *RawClient::connect(f, at);
    prepare(f, first);
    kernel::Scope senders{f};
    for (std::int32_t n = 0; n < kSenders; ++n) {
      senders.spawn("sender", [&, n](Fiber& child) {
        RawClient client = *RawClient::connect(child, at);
        send(child, client, n);
      });
    }
    EXPECT_TRUE(senders.join(f));
    return 0;
  });
  const std::int64_t growth = serve.resident_bytes_at_most() - before;
  ::testing::Test::RecordProperty("bytes_of_growth", fmt::to_string(growth));
#if !defined(KALDA_ASAN) && !defined(KALDA_TSAN)  // those keep freed memory, and shadows of all of it
  EXPECT_LT(growth, kGrowthBytesMax);
#endif
  serve.stop();
  EXPECT_EQ(serve.end(), 0) << serve.said;
}

TEST(DecompressionBombs, OfManyClientsAreNeverUnpackedAsAWhole) {
  const std::vector<std::byte> bomb = packed_zeros(Codec::zstd, kHeldBytes);
  ASSERT_LT(bomb.size(), 1'000'000u);
  takes_little_memory(
      [](Fiber& f, RawClient& client) {
        EXPECT_EQ(create_topic(f, client, "compacted", kSenders, {{"cleanup.policy", "compact"}}), net::ErrorCode::none);
        EXPECT_EQ(create_topic(f, client, "strict", kSenders, {{"log.validate.compressed", "true"}}), net::ErrorCode::none);
        EXPECT_EQ(create_topic(f, client, "stored", kSenders, {{"compression.type", "lz4"}}), net::ErrorCode::none);
      },
      [&](Fiber& f, RawClient& client, std::int32_t n) {
        for (const std::string_view topic : {"compacted", "strict", "stored"})
          EXPECT_EQ(produce(f, client, topic, bomb, 9, n).error, net::ErrorCode::record_list_too_large) << topic;
        EXPECT_EQ(produce(f, client, "compacted", one_record("v"), 9, n).offset, net::Offset{0});
      });
}

/// What is packed anew streams from one codec into the other.
TEST(BatchesPackedAnew, CostWhatTheyArePackedToAndNotWhatTheyHold) {
  constexpr std::size_t kHoldsBytes = 160u << 20;
  const std::vector<std::vector<std::byte>> batches{packed_zeros(Codec::zstd, kHoldsBytes), packed_zeros(Codec::gzip, kHoldsBytes)};
  takes_little_memory(
      [](Fiber& f, RawClient& client) {
        for (const auto& [name, room] : {std::pair{"snappy", "16000000"}, {"gzip", "1000000"}, {"lz4", "4000000"}, {"zstd", "1000000"}}) {
          EXPECT_EQ(create_topic(f, client, name, kSenders, {{"compression.type", name}, {"max.message.bytes", room}}), net::ErrorCode::none);
        }
        EXPECT_EQ(create_topic(f, client, "uncompressed", kSenders, {{"compression.type", "uncompressed"}}), net::ErrorCode::none);
      },
      [&](Fiber& f, RawClient& client, std::int32_t n) {
        const auto& batch = batches[static_cast<std::size_t>(n) % batches.size()];
        for (const std::string_view topic : {"snappy", "lz4", n % 2 == 0 ? "gzip" : "zstd"})
          EXPECT_EQ(produce(f, client, topic, batch, 9, n).error, net::ErrorCode::none) << topic;
        EXPECT_EQ(produce(f, client, "uncompressed", batch, 9, n).error, net::ErrorCode::message_too_large);
      });
}

}  // namespace
}  // namespace broker::testing
