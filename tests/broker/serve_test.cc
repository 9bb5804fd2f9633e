// `kalda serve` as a process of its own on loopback: what it says and answers when it cannot start, and what ten
// thousand idle connections cost.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/sanitizer.h"
#include "tests/broker/serve_process.h"
#include "tests/broker/server/raw_client.h"

namespace broker::testing {
namespace {

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

/// One ApiVersions request and its answer.
bool is_answered(int fd) {
  const auto request = frame_of(18, 0, {});
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return false;
  pollfd ready{fd, POLLIN, 0};
  std::byte answer[4096];
  return ::poll(&ready, 1, 20'000) == 1 && ::recv(fd, answer, sizeof answer, 0) > 4;
}

bool serves(std::uint16_t port) {
  const int fd = connect_to(port);
  const bool answered = fd >= 0 && is_answered(fd);
  if (fd >= 0) ::close(fd);
  return answered;
}

void expect_refused(std::vector<std::string> settings, int status, std::string_view words, bool as_nobody = false) {
  Serve serve{std::move(settings), as_nobody};
  EXPECT_EQ(serve.port(), 0);
  EXPECT_EQ(serve.end(), status) << serve.said;
  EXPECT_NE(serve.said.find(words), std::string::npos) << serve.said;
}

TEST(Serve, StopsInOrderWhenAskedTo) {
  const Scratch scratch;
  for (int start = 0; start < 2; ++start) {
    Serve serve{{"log.dirs=" + scratch / "data"}};
    const std::uint16_t port = serve.port();
    ASSERT_NE(port, 0) << serve.said;
    EXPECT_TRUE(serves(port));
    serve.stop();
    EXPECT_EQ(serve.end(), 0) << serve.said;
  }
}

TEST(TwoBrokers, CannotShareADirectory) {
  const Scratch scratch;
  Serve first{{"log.dirs=" + scratch / "data"}};
  const std::uint16_t port = first.port();
  ASSERT_NE(port, 0);
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "is in use by another broker");
  EXPECT_TRUE(serves(port));
}

TEST(TwoBrokers, CannotShareAPort) {
  const Scratch scratch;
  Serve first{{"log.dirs=" + scratch / "one"}};
  const std::uint16_t port = first.port();
  ASSERT_NE(port, 0);
  expect_refused({"log.dirs=" + scratch / "two", fmt::format("listeners=PLAINTEXT://127.0.0.1:{}", port)}, 1,
                 fmt::format("port {} is in use", port));
  expect_refused({"log.dirs=" + scratch / "two", fmt::format("kalda.admin.port={}", port)}, 1, "kalda.admin.port=PORT");
  EXPECT_TRUE(serves(port));
  EXPECT_FALSE(fs::exists(scratch / "two")) << "a broker that could not start has left a formatted directory";
}

/// A directory that a broker has served from and left.
void make_data(const std::string& directory) {
  Serve serve{{"log.dirs=" + directory}};
  ASSERT_NE(serve.port(), 0) << serve.said;
  serve.stop();
  ASSERT_EQ(serve.end(), 0) << serve.said;
}

TEST(DataDirectory, OfAnotherNodeIsRefused) {
  const Scratch scratch;
  make_data(scratch / "data");
  expect_refused({"log.dirs=" + scratch / "data", "node.id=7"}, 1,
                 scratch / "data/meta.properties says node.id=1, the configuration says node.id=7");
}

TEST(DataDirectory, OfAnotherClusterIsRefused) {
  const Scratch scratch;
  make_data(scratch / "ours");
  make_data(scratch / "theirs");
  fs::copy_file(scratch / "theirs/meta.properties", scratch / "ours/meta.properties", fs::copy_options::overwrite_existing);
  expect_refused({"log.dirs=" + scratch / "ours"}, 1, scratch / "ours/meta.properties is not of that directory");
}

TEST(DataDirectory, ThatLostItsIdentityIsNotGivenAnother) {
  const Scratch scratch;
  make_data(scratch / "data");
  fs::remove(scratch / "data/meta.properties");
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "holds partitions but no meta.properties");
}

TEST(DataDirectory, WithPartitionsOfTopicsThatNobodyCanNameIsRefused) {
  const Scratch scratch;
  make_data(scratch / "data");
  fs::remove_all(scratch / "data/__cluster_metadata-0");
  fs::create_directory(scratch / "data/orders-0");
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "__cluster_metadata-0 is empty");
}

TEST(DataDirectory, OfANewerReleaseIsRefused) {
  const Scratch scratch;
  make_data(scratch / "data");
  std::fstream file{scratch / "data/kalda-synced-watermarks", std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(11);
  file.put(9);
  file.close();
  expect_refused({"log.dirs=" + scratch / "data"}, 1, scratch / "data was written by a newer release of Kalda");
}

TEST(DataDirectory, WithAnIdentityOfANewerOrOlderReleaseSaysWhatToDo) {
  const Scratch scratch;
  make_data(scratch / "data");
  std::string text;
  std::getline(std::ifstream{scratch / "data/meta.properties"}, text, '\0');
  const auto with_version = [&](std::string_view version) {
    std::string changed = text;
    changed.replace(changed.find("version=1"), 9, version);
    std::ofstream{scratch / "data/meta.properties"} << changed;
  };
  with_version("version=2");
  expect_refused({"log.dirs=" + scratch / "data"}, 1,
                 scratch / "data/meta.properties has version=2, and this release knows version=1: a newer release wrote it; run");
  with_version("version=0");
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "migrate it to KRaft with Apache Kafka 3.9 first");
  with_version("version=1");
  std::ofstream{scratch / "data/__cluster_metadata-0/quorum-state"} << R"({"leaderId":1,"data_version":2})";
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "/quorum-state has data_version 2: a newer release wrote it");
}

TEST(DataDirectory, OfOneIdTwiceIsRefused) {
  const Scratch scratch;
  make_data(scratch / "one");
  fs::create_directory(scratch / "two");
  fs::copy_file(scratch / "one/meta.properties", scratch / "two/meta.properties");
  expect_refused({"log.dirs=" + scratch / "one" + "," + scratch / "two"}, 1,
                 scratch / "two/meta.properties has the directory.id of another directory");
}

TEST(DataDirectory, WithDamagedIdentityIsRefused) {
  const Scratch scratch;
  fs::create_directory(scratch / "data");
  std::ofstream{scratch / "data/meta.properties"} << "version=1\ncluster.id=abc\nnode.id";
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "meta.properties cannot be read (line 3)");
  std::ofstream{scratch / "data/meta.properties"} << "";
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "meta.properties cannot be read");
}

TEST(DataDirectory, WithDamagedMetadataIsRefused) {
  const Scratch scratch;
  const std::string log = scratch / "data/__cluster_metadata-0/00000000000000000000.log";
  {
    Serve first{{"log.dirs=" + scratch / "data"}};
    ASSERT_NE(first.port(), 0);
    first.stop();
    ASSERT_EQ(first.end(), 0);
  }
  std::fstream file{log, std::ios::in | std::ios::out | std::ios::binary};
  ASSERT_TRUE(file) << log;
  file.seekp(80);
  file << "damage";
  file.close();
  Serve second{{"log.dirs=" + scratch / "data"}};
  EXPECT_EQ(second.port(), 0) << "metadata that was acknowledged is gone, and nobody said so";
  EXPECT_EQ(second.end(), 1) << second.said;
  EXPECT_NE(second.said.find("kalda serve: "), std::string::npos) << second.said;
}

TEST(DataDirectory, ThatCannotBeMadeIsRefused) {
  const Scratch scratch;
  expect_refused({"log.dirs=/proc/nothing"}, 1, "cannot be made");
  std::ofstream{scratch / "file"} << "x";
  expect_refused({"log.dirs=" + scratch / "file"}, 1, "is not a directory");
  if (::getuid() != 0) return expect_refused({"log.dirs=/root/data"}, 1, "no permission for /root/data");
  ::chmod(scratch.at.c_str(), 0700);
  expect_refused({"log.dirs=" + scratch / "data"}, 1, "no permission for " + scratch / "data", /*as_nobody=*/true);
}

TEST(Settings, ThatMakeNoSenseAreNamed) {
  expect_refused({"no.such.setting=1"}, 2, "no.such.setting: there is no such setting");
  expect_refused({"num.partitions=many"}, 2, "num.partitions=many: Not a number");
  expect_refused({"node.id=1", "broker.id=2"}, 2, "broker.id=2: node.id=1 says otherwise");
  expect_refused({"listeners=nonsense"}, 2, "does not have the form NAME://host:port");
  expect_refused({"log.dirs=a,a"}, 2, "a comes twice");
  expect_refused({"listeners=PLAINTEXT://203.0.113.1:9092", "log.dirs=/tmp/kalda-serve-unused"}, 1,
                 "not an address of this machine");
  fs::remove_all("/tmp/kalda-serve-unused");
}

TEST(TenThousandIdleConnections, CostLittleAndDisturbNobody) {
  constexpr int kConnections = 10'000;
  [[maybe_unused]] constexpr std::int64_t kBytesEachMax = 8 * 1024;
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < kConnections + 500) {
    FAIL() << "this needs " << kConnections + 500 << " open files, the limit is " << files.rlim_cur << ": ulimit -Hn";
  }
  const Scratch scratch;
  Serve serve{{"log.dirs=" + scratch / "data"}};
  const std::uint16_t port = serve.port();
  ASSERT_NE(port, 0) << serve.said;
  ASSERT_TRUE(serves(port));
  const std::int64_t before = serve.resident_bytes();
  std::vector<int> connections;
  for (int i = 0; i < kConnections; ++i) {
    connections.push_back(connect_to(port));
    ASSERT_GE(connections.back(), 0) << "connection " << i;
    ASSERT_TRUE(is_answered(connections.back())) << "connection " << i;
  }
  const std::int64_t each = (serve.resident_bytes() - before) / kConnections;
  RecordProperty("bytes_per_idle_connection", fmt::to_string(each));
#if !defined(KALDA_ASAN) && !defined(KALDA_TSAN)  // those keep freed memory, and shadows of all of it
  EXPECT_LT(each, kBytesEachMax);
#endif
  EXPECT_TRUE(serves(port));
  // A frame that has begun costs no more than what of it has arrived.
  const auto begun = be32(100 << 20) + std::vector<std::byte>(100);
  for (const int fd : connections) ASSERT_EQ(::send(fd, begun.data(), begun.size(), 0), static_cast<ssize_t>(begun.size()));
  EXPECT_TRUE(serves(port));
  const std::int64_t each_begun = (serve.resident_bytes() - before) / kConnections;
  RecordProperty("bytes_per_begun_frame", fmt::to_string(each_begun));
#if !defined(KALDA_ASAN) && !defined(KALDA_TSAN)
  EXPECT_LT(each_begun, 2 * kBytesEachMax);
#endif
  for (const int fd : connections) ::close(fd);
  EXPECT_TRUE(serves(port));
  serve.stop();
  EXPECT_EQ(serve.end(), 0);
}

}  // namespace
}  // namespace broker::testing
