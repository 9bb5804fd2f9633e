// Frames of every size, cut anywhere by the network, come out whole; replies keep the order of their requests.
#include "broker/server/connection.h"

#include <gtest/gtest.h>

#include "kernel/node.h"
#include "sim/machine.h"
#include "sim/world.h"

namespace broker::server {
namespace {

using kernel::Buffer;
using kernel::Fiber;
using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 9092;
constexpr std::int16_t kPipelined = 0;

/// A frame whose content says which one it is. It begins with the API key, 0 (pipelined) or 1.
Buffer frame_of(std::uint32_t number, std::size_t size, std::int16_t api_key) {
  kernel::MutableBuffer frame = kernel::MutableBuffer::allocate(4 + size);
  kernel::store_be(frame.bytes().data(), static_cast<std::int32_t>(size));
  for (std::size_t i = 0; i < size; ++i) frame.bytes()[4 + i] = static_cast<std::byte>(number * 131 + i * 7 + i / 256);
  kernel::store_be(frame.bytes().data() + 4, api_key);
  return std::move(frame).share();
}

/// Answers every request with itself; pipelined ones after a while of their own, so that they finish in any order.
class Echo final : public RequestHandler {
 public:
  explicit Echo(kernel::Scope& scope, kernel::Random random) : scope_{scope}, random_{random} {}
  [[nodiscard]] bool pipelined(std::int16_t api_key) const override { return api_key == kPipelined; }
  void handle(Fiber& f, Request request, ReplySlot slot) override {
    if (!pipelined(kernel::load_be<std::int16_t>(request.frame.data()))) return answer(f, request, slot);
    const kernel::Duration pause = std::chrono::microseconds{random_.below(3) == 0 ? random_.below(300) : 0};
    scope_.spawn("answer", [request = std::move(request), slot = std::move(slot), pause](Fiber& child) mutable {
      if (pause.count() > 0) static_cast<void>(child.sleep(pause));
      answer(child, request, slot);
    });
  }

 private:
  static void answer(Fiber& f, const Request& request, ReplySlot& slot) {
    std::array<std::byte, 4> size;
    kernel::store_be(size.data(), static_cast<std::int32_t>(request.frame.size()));
    Reply reply;
    reply.parts.push_back({.bytes = Buffer::copy_of(kernel::ByteView{size})});
    reply.parts.push_back({.bytes = request.frame});
    slot.send(f, std::move(reply));
  }
  kernel::Scope& scope_;
  kernel::Random random_;
};

struct Seen {
  std::int64_t memory_left = 0;
  std::int64_t memory_all = 0;
  bool closed = false;
};

void serve_one(Fiber& f, Seen& seen, std::uint64_t seed) {
  kernel::Scope scope{f};
  kernel::Semaphore memory{4 << 20};
  Echo echo{scope, f.node().random(kernel::Domain::application, seed)};
  ConnectionGround ground{f.shard(), scope, memory, echo, {}, [&](Connection&) { seen.closed = true; }};
  auto listener = f.node().network().listen(f, {"10.0.0.1", kPort});
  ASSERT_TRUE(listener.has_value());
  auto socket = (*listener)->accept(f);
  ASSERT_TRUE(socket.has_value());
  auto connection = std::make_shared<Connection>(ground, std::move(*socket), 1, "PLAINTEXT");
  connection->start();
  while (!seen.closed) static_cast<void>(f.sleep(1ms));
  static_cast<void>(scope.join(f));
  connection.reset();
  seen.memory_left = memory.available();
  seen.memory_all = memory.total();
}

/// Sends all frames as fast as they go and reads as many bytes back.
std::vector<std::byte> send_and_read(Fiber& f, const std::vector<Buffer>& frames) {
  auto socket = f.node().network().connect(f, {"10.0.0.1", kPort});
  EXPECT_TRUE(socket.has_value());
  std::vector<std::byte> back(kernel::total_size(frames));
  kernel::Scope scope{f};
  scope.spawn("send", [&](Fiber& child) { return (*socket)->write(child, frames); });
  std::size_t have = 0;
  while (have < back.size()) {
    const auto n = (*socket)->read(f, kernel::MutableByteView{back}.subspan(have));
    if (!n || *n == 0) break;
    have += *n;
  }
  static_cast<void>(scope.join(f));
  back.resize(have);
  return back;
}

void expect_echoed(std::uint64_t seed, std::size_t count, const std::function<std::size_t(kernel::Random&)>& size) {
  kernel::StackPool stacks;
  sim::World world{{.seed = seed}, stacks};
  sim::Machine& server = world.add_machine("server");
  sim::Machine& client = world.add_machine("client");
  kernel::Random random = world.random(kernel::Domain::workload, 0);
  std::vector<Buffer> frames;
  std::vector<std::byte> wanted;
  for (std::uint32_t i = 0; i < count; ++i) {
    frames.push_back(frame_of(i, size(random), random.below(8) == 0 ? 1 : kPipelined));
    wanted.insert(wanted.end(), frames.back().view().begin(), frames.back().view().end());
  }
  Seen seen;
  bool equal = false, done = false;
  world.boot(server, 1, [&](Fiber& f) { serve_one(f, seen, seed); });
  world.boot(client, 1, [&](Fiber& f) {
    static_cast<void>(f.sleep(1ms));
    equal = send_and_read(f, frames) == wanted;
    done = true;
  });
  world.run_until([&] { return done && server.process()->main_ended; }, 600s);
  EXPECT_TRUE(done) << "seed " << seed;
  EXPECT_TRUE(equal) << "seed " << seed;
  EXPECT_TRUE(seen.closed) << "seed " << seed;
  EXPECT_EQ(seen.memory_left, seen.memory_all) << "seed " << seed;
}

TEST(Connection, TakesManySmallFramesFromOneRead) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    expect_echoed(seed, 500, [](kernel::Random& random) { return 2 + random.below(1'500); });
  }
}

TEST(Connection, TakesFramesAboutTheSizeOfAChunk) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    expect_echoed(seed, 30, [](kernel::Random& random) { return kReadChunkBytes - 4'200 + random.below(8'400); });
  }
}

TEST(Connection, TakesFramesLargerThanOneRead) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    expect_echoed(seed, 12, [](kernel::Random& random) {
      return random.below(2) == 0 ? 2 + random.below(100) : kReadAtOnceBytesMax - 100 + random.below(200'000);
    });
  }
}

/// Passes requests on, and notes the most that was charged.
class Watched final : public RequestHandler {
 public:
  Watched(RequestHandler& inner, const kernel::Semaphore& memory) : inner_{inner}, memory_{memory} {}
  [[nodiscard]] bool pipelined(std::int16_t api_key) const override { return inner_.pipelined(api_key); }
  void handle(Fiber& f, Request request, ReplySlot slot) override {
    ++requests;
    charged_max = std::max(charged_max, memory_.total() - memory_.available());
    inner_.handle(f, std::move(request), std::move(slot));
  }
  std::int64_t requests = 0, charged_max = 0;

 private:
  RequestHandler& inner_;
  const kernel::Semaphore& memory_;
};

struct Deaf {
  std::int64_t requests = 0, charged_max = 0, charged_left = -1;
  int stuck = 0;  ///< clients whose writes came to a halt
};
constexpr int kDeafClients = 8;

/// Clients send frames for as long as they are taken, and read nothing; then they go.
Deaf never_read(std::uint64_t seed, std::size_t frame_size, std::int16_t api_key) {
  kernel::StackPool stacks;
  sim::World world{{.seed = seed}, stacks};
  sim::Machine& server = world.add_machine("server");
  sim::Machine& client = world.add_machine("client");
  Deaf seen;
  world.boot(server, 1, [&](Fiber& f) {
    kernel::Scope scope{f};
    kernel::Semaphore memory{256 << 20};
    Echo echo{scope, f.node().random(kernel::Domain::application, seed)};
    Watched watched{echo, memory};
    int closed = 0;
    ConnectionGround ground{f.shard(), scope, memory, watched, {}, [&](Connection&) { ++closed; }};
    auto listener = f.node().network().listen(f, {"10.0.0.1", kPort});
    ASSERT_TRUE(listener.has_value());
    std::vector<std::shared_ptr<Connection>> connections;
    for (int i = 0; i < kDeafClients; ++i) {
      auto socket = (*listener)->accept(f);
      ASSERT_TRUE(socket.has_value());
      connections.push_back(std::make_shared<Connection>(ground, std::move(*socket), connections.size(), "PLAINTEXT"));
      connections.back()->start();
    }
    while (closed < kDeafClients) static_cast<void>(f.sleep(1ms));
    static_cast<void>(scope.join(f));
    connections.clear();
    seen.requests = watched.requests;
    seen.charged_max = watched.charged_max;
    seen.charged_left = memory.total() - memory.available();
  });
  world.boot(client, 1, [&](Fiber& f) {
    static_cast<void>(f.sleep(1ms));
    kernel::Scope scope{f};
    for (int i = 0; i < kDeafClients; ++i) {
      scope.spawn("deaf", [&](Fiber& child) {
        auto socket = child.node().network().connect(child, {"10.0.0.1", kPort});
        ASSERT_TRUE(socket.has_value());
        for (std::uint32_t n = 0; n < 20'000; ++n) {
          const Buffer frame = frame_of(n, frame_size, api_key);
          const auto within = child.deadline_in(2s);
          const auto written = (*socket)->write(child, {&frame, 1});
          if (written) continue;
          seen.stuck += written.error().is(kernel::Errc::deadline) ? 1 : 0;
          break;
        }
        static_cast<void>(child.sleep(3s));  // all are stuck at the same time
        (*socket)->abort();
      });
    }
    static_cast<void>(scope.join(f));
  });
  world.run_until([&] { return server.process()->main_ended; }, 600s);
  return seen;
}

TEST(ClientsThatNeverRead, AreChargedForFewRequestsAndReadNoFurther) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const std::size_t size : {std::size_t{1'000}, std::size_t{50'000}, std::size_t{400'000}}) {
      for (const std::int16_t api_key : {kPipelined, std::int16_t{1}}) {
        const Deaf seen = never_read(seed, size, api_key);
        const std::size_t whole = 4 + size;
        const std::size_t requests_max = api_key == kPipelined ? kRepliesPerConnectionMax : 1;
        // What waits for its reply, and the block with what was read behind it.
        const std::size_t bytes_max = (requests_max + 1) * whole + std::max(kReadChunkBytes, std::max(kEagerBlockBytes, whole) + kReadAheadBytes);
        EXPECT_EQ(seen.stuck, kDeafClients) << size << " bytes: somebody was read on and on";
        EXPECT_LE(seen.charged_max, static_cast<std::int64_t>(kDeafClients * bytes_max)) << size << " bytes, key " << api_key;
        EXPECT_GE(seen.charged_max, static_cast<std::int64_t>(whole)) << "nothing was charged at all";
        EXPECT_EQ(seen.charged_left, 0) << size << " bytes";
      }
    }
  }
}

}  // namespace
}  // namespace broker::server
