// `kalda serve` where the system lets it open few files, and more connections come than that.
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/posix/runtime.h"
#include "tests/broker/http_client.h"
#include "tests/broker/serve_process.h"
#include "tests/broker/server/broker_world.h"

namespace broker::testing {
namespace {

constexpr rlim_t kOpenFilesMax = 256;
constexpr int kConnections = 700;
constexpr int kBatches = 24, kBatchBytes = 500'000;  // a segment of the topic takes two

/// Connections that say nothing, as many as the system takes for the listener.
class Idle {
 public:
  explicit Idle(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < kConnections; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);  // a full backlog holds nobody up
      EXPECT_GE(fd, 0) << "this needs " << kConnections << " open files";
      static_cast<void>(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
      open_.push_back(fd);
    }
  }
  ~Idle() {
    for (const int fd : open_) ::close(fd);
  }

 private:
  std::vector<int> open_;
};

/// Behind the one record that is there.
void produce_and_read_back(Fiber& f, RawClient& client) {
  for (std::int64_t n = 1; n <= kBatches; ++n) {
    const Produced done = produce(f, client, "t", one_record(std::string(kBatchBytes, 'v')));
    ASSERT_EQ(done.error, net::ErrorCode::none) << "batch " << n << ": " << done.message;
    ASSERT_EQ(done.offset, net::Offset{n});
  }
  for (std::int64_t n = 1; n <= kBatches; ++n) {
    const Fetched got = fetch(f, client, "t", n);
    ASSERT_EQ(got.error, net::ErrorCode::none) << "offset " << n;
    ASSERT_GE(got.bytes, std::size_t{kBatchBytes}) << "offset " << n;
  }
}

TEST(FewerFilesThanConnections, DisturbNobodyWhoIsThereAndCostNoDirectory) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const Scratch scratch;
  Serve serve{{"log.dirs=" + scratch / "data", "log.segment.bytes=1048576", "kalda.admin.port=0"},
              /*as_nobody=*/false, /*shards=*/2, kOpenFilesMax};
  const std::uint16_t port = serve.port();
  ASSERT_NE(port, 0) << serve.said;
  kernel::posix::Runtime clients{{.name = "clients", .handle_signals = false}};
  clients.run([&](Fiber& f) {
    RawClient client = *RawClient::connect(f, {"127.0.0.1", port});
    EXPECT_EQ(create_topic(f, client, "t"), net::ErrorCode::none);
    EXPECT_EQ(produce(f, client, "t", one_record("before")).error, net::ErrorCode::none);
    {
      const Idle idle{port};
      EXPECT_TRUE(f.sleep(500ms));
      produce_and_read_back(f, client);
    }
    EXPECT_TRUE(f.sleep(1500ms));  // it tries again to accept once a second at the latest
    RawClient late = *RawClient::connect(f, {"127.0.0.1", port});
    EXPECT_EQ(produce(f, late, "t", one_record("after")).error, net::ErrorCode::none);
    EXPECT_EQ(http_get(f, {"127.0.0.1", serve.admin_port()}, "/ready").status, 200);
    return 0;
  });
  serve.stop();
  EXPECT_EQ(serve.end(), 0) << serve.said;
  EXPECT_EQ(serve.said.find(R"("level":"error")"), std::string::npos) << serve.said;
  std::size_t segments = 0;
  for (const auto& entry : fs::directory_iterator{scratch / "data/t-0"}) segments += entry.path().extension() == ".log";
  EXPECT_GE(segments, 6u) << "no files were opened while there were none to be had";
}

}  // namespace
}  // namespace broker::testing
