#include <gtest/gtest.h>

#include "kernel/channel.h"
#include "kernel/node.h"
#include "kernel/notify.h"
#include "kernel/scope.h"
#include "tests/kernel/conformance_cases.h"

namespace kernel::conformance {
namespace {

using namespace std::chrono_literals;

struct Pair {
  SocketHandle client, server;
};

Result<Pair> connected(Fiber& f, const Ground& ground) {
  const ListenerHandle listener = TRY(f.node().network().listen(f, {ground.address, 0}));
  Pair pair;
  Scope scope{f};
  scope.spawn("accept", [&](Fiber& child) -> Result<> {
    pair.server = TRY(listener->accept(child));
    return {};
  });
  auto client = f.node().network().connect(f, listener->local());
  if (!client) scope.cancel();
  TRY(scope.join(f));
  pair.client = TRY(std::move(client));
  return pair;
}

Result<> send(Fiber& f, Socket& socket, std::string_view text) {
  const Buffer bytes = Buffer::copy_of(text);
  return socket.write(f, {&bytes, 1});
}
Result<std::string> receive(Fiber& f, Socket& socket, std::size_t length) {
  std::string text;
  std::array<std::byte, 4096> room;
  while (text.size() < length) {
    const std::size_t n = TRY(socket.read(f, std::span{room}.first(std::min(room.size(), length - text.size()))));
    if (n == 0) break;
    text += as_text({room.data(), n});
  }
  return text;
}

void bytes_arrive_whole_and_in_order_both_ways(Fiber& f, const Ground& ground) {
  const auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  ASSERT_TRUE(send(f, *pair->client, "ping "));
  ASSERT_TRUE(send(f, *pair->client, "and ping"));
  EXPECT_EQ(receive(f, *pair->server, 13).value(), "ping and ping");
  ASSERT_TRUE(send(f, *pair->server, "pong"));
  EXPECT_EQ(receive(f, *pair->client, 4).value(), "pong");
  EXPECT_EQ(pair->client->peer(), pair->server->local());
  EXPECT_EQ(pair->server->peer(), pair->client->local());
}

void a_slow_reader_holds_its_writer_back(Fiber& f, const Ground& ground) {
  const auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  constexpr std::size_t kTotal = 32u << 20;
  Scope scope{f};
  bool all_written = false;
  scope.spawn("writer", [&](Fiber& child) {
    const std::string block(1 << 20, 'w');
    for (std::size_t sent = 0; sent < kTotal; sent += block.size()) ASSERT_TRUE(send(child, *pair->client, block));
    all_written = true;
    pair->client->shutdown_write();
  });
  ASSERT_TRUE(f.sleep(100ms));
  EXPECT_FALSE(all_written);
  std::size_t got = 0;
  std::vector<std::byte> room(256 * 1024);
  for (;;) {
    const auto n = pair->server->read(f, room);
    ASSERT_TRUE(n);
    if (*n == 0) break;
    got += *n;
  }
  EXPECT_EQ(got, kTotal);
  ASSERT_TRUE(scope.join(f));
}

void half_close_ends_one_direction_only(Fiber& f, const Ground& ground) {
  const auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  ASSERT_TRUE(send(f, *pair->client, "last words"));
  pair->client->shutdown_write();
  EXPECT_EQ(receive(f, *pair->server, 100).value(), "last words");
  ASSERT_TRUE(send(f, *pair->server, "heard"));
  EXPECT_EQ(receive(f, *pair->client, 5).value(), "heard");
}

void closing_a_read_out_socket_is_an_orderly_end_for_the_peer(Fiber& f, const Ground& ground) {
  auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  pair->server.reset();
  std::array<std::byte, 8> room;
  EXPECT_EQ(pair->client->read(f, room).value(), 0u);
}

void abort_resets_the_peer_and_wakes_our_own_reader(Fiber& f, const Ground& ground) {
  auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  Scope scope{f};
  bool reset = false;
  scope.spawn("reader", [&](Fiber& child) {
    std::array<std::byte, 8> room;
    const auto n = pair->client->read(child, room);
    reset = !n && n.error().is(Errc::connection_reset);
  });
  ASSERT_TRUE(f.sleep(10ms));
  pair->client->abort();
  ASSERT_TRUE(scope.join(f));
  EXPECT_TRUE(reset);
  std::array<std::byte, 8> room;
  const auto n = pair->server->read(f, room);
  ASSERT_FALSE(n);
  EXPECT_TRUE(n.error().is(Errc::connection_reset));
}

void writing_to_a_peer_that_is_gone_fails_in_the_end(Fiber& f, const Ground& ground) {
  auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  pair->server.reset();
  Result<> written;
  for (int i = 0; i < 1000 && written; ++i) {
    written = send(f, *pair->client, "anybody?");
    ASSERT_TRUE(f.sleep(1ms));
  }
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is(Errc::connection_reset));
}

void connecting_where_nobody_listens_is_refused(Fiber& f, const Ground& ground) {
  Endpoint nobody;
  {
    auto listener = f.node().network().listen(f, {ground.address, 0});
    ASSERT_TRUE(listener);
    nobody = (*listener)->local();
  }
  const auto socket = f.node().network().connect(f, nobody);
  ASSERT_FALSE(socket);
  EXPECT_TRUE(socket.error().is(Errc::connection_refused));
}

void an_address_is_listened_on_once(Fiber& f, const Ground& ground) {
  auto first = f.node().network().listen(f, {ground.address, 0});
  ASSERT_TRUE(first);
  EXPECT_NE((*first)->local().port, 0);
  const auto second = f.node().network().listen(f, (*first)->local());
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(Errc::address_in_use));
}

void a_deadline_ends_a_read_and_the_stream_goes_on(Fiber& f, const Ground& ground) {
  const auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  {
    const auto within = f.deadline_in(10ms);
    std::array<std::byte, 8> room;
    const auto n = pair->client->read(f, room);
    ASSERT_FALSE(n);
    EXPECT_TRUE(n.error().is(Errc::deadline));
  }
  ASSERT_TRUE(send(f, *pair->server, "late"));
  EXPECT_EQ(receive(f, *pair->client, 4).value(), "late");
}

void cancelling_ends_accept_and_connect_attempts(Fiber& f, const Ground& ground) {
  auto listener = f.node().network().listen(f, {ground.address, 0});
  ASSERT_TRUE(listener);
  Scope scope{f};
  bool cancelled = false;
  scope.spawn("accept", [&](Fiber& child) {
    const auto socket = (*listener)->accept(child);
    cancelled = !socket && socket.error().is(Errc::cancelled);
  });
  ASSERT_TRUE(f.sleep(5ms));
  scope.cancel();
  ASSERT_TRUE(scope.join(f));
  EXPECT_TRUE(cancelled);
}

void an_idle_connection_tells_its_hook_when_bytes_or_the_end_arrive(Fiber& f, const Ground& ground) {
  auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  struct Hook final : ReadableHook {
    void on_readable() override {
      ++told;
      changed.notify_all();
    }
    int told = 0;
    Notify changed;
  } hook;
  pair->server->watch_readable(&hook);
  ASSERT_TRUE(f.sleep(5ms));
  EXPECT_EQ(hook.told, 0);
  ASSERT_TRUE(send(f, *pair->client, "!"));
  while (hook.told == 0) ASSERT_TRUE(hook.changed.wait(f));
  pair->server->watch_readable(&hook);  // still readable: told again
  while (hook.told == 1) ASSERT_TRUE(hook.changed.wait(f));
  EXPECT_EQ(receive(f, *pair->server, 1).value(), "!");
  pair->server->watch_readable(&hook);
  pair->client.reset();
  while (hook.told == 2) ASSERT_TRUE(hook.changed.wait(f));
  pair->server->watch_readable(nullptr);
}

void send_file_sends_the_bytes_of_the_file(Fiber& f, const Ground& ground) {
  const auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  auto file = f.node().disk().open(f, ground.directory + "/sent", OpenMode::create_new());
  ASSERT_TRUE(file);
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += fmt::format("{} ", i);
  const Buffer bytes = Buffer::copy_of(text);
  ASSERT_TRUE(write_all(f, **file, 0, {&bytes, 1}));
  Scope scope{f};
  scope.spawn("sender", [&](Fiber& child) -> Result<> {
    TRY(pair->client->send_file(child, **file, 1000, text.size() - 1000));
    const auto past_the_end = pair->client->send_file(child, **file, text.size(), 1);
    EXPECT_TRUE(!past_the_end && past_the_end.error().is(Errc::corrupt));
    pair->client->shutdown_write();
    return {};
  });
  EXPECT_EQ(receive(f, *pair->server, text.size()).value(), text.substr(1000));
  ASSERT_TRUE(scope.join(f));
}

void names_resolve_or_are_not_known(Fiber& f, const Ground& ground) {
  const auto known = f.node().network().resolve(f, "localhost", 9092);
  ASSERT_TRUE(known);
  ASSERT_FALSE(known->empty());
  EXPECT_EQ(known->front().port, 9092);
  const auto numeric = f.node().network().resolve(f, ground.address, 1);
  ASSERT_TRUE(numeric);
  const auto unknown = f.node().network().resolve(f, "no-such-host.invalid", 1);
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().is(Errc::unreachable));
}

void a_socket_can_move_to_another_shard(Fiber& f, const Ground& ground) {
  auto pair = connected(f, ground);
  ASSERT_TRUE(pair);
  ASSERT_TRUE(send(f, *pair->client, "hello"));
  pair->server->detach();
  const auto moved = call_on(f, *f.node().shards().back(), [&](Fiber& there) -> Result<std::string> {
    pair->server->attach(there);
    Result<std::string> heard = receive(there, *pair->server, 5);
    pair->server.reset();
    return heard;
  });
  EXPECT_EQ(moved.value_or("?"), "hello");
}

constexpr Case kNetworkCases[] = {
    {"bytes_arrive_whole_and_in_order_both_ways", bytes_arrive_whole_and_in_order_both_ways},
    {"a_slow_reader_holds_its_writer_back", a_slow_reader_holds_its_writer_back},
    {"half_close_ends_one_direction_only", half_close_ends_one_direction_only},
    {"closing_a_read_out_socket_is_an_orderly_end_for_the_peer",
     closing_a_read_out_socket_is_an_orderly_end_for_the_peer},
    {"abort_resets_the_peer_and_wakes_our_own_reader", abort_resets_the_peer_and_wakes_our_own_reader},
    {"writing_to_a_peer_that_is_gone_fails_in_the_end", writing_to_a_peer_that_is_gone_fails_in_the_end},
    {"connecting_where_nobody_listens_is_refused", connecting_where_nobody_listens_is_refused},
    {"an_address_is_listened_on_once", an_address_is_listened_on_once},
    {"a_deadline_ends_a_read_and_the_stream_goes_on", a_deadline_ends_a_read_and_the_stream_goes_on},
    {"cancelling_ends_accept_and_connect_attempts", cancelling_ends_accept_and_connect_attempts},
    {"an_idle_connection_tells_its_hook_when_bytes_or_the_end_arrive",
     an_idle_connection_tells_its_hook_when_bytes_or_the_end_arrive},
    {"send_file_sends_the_bytes_of_the_file", send_file_sends_the_bytes_of_the_file},
    {"names_resolve_or_are_not_known", names_resolve_or_are_not_known},
    {"a_socket_can_move_to_another_shard", a_socket_can_move_to_another_shard},
};

}  // namespace
std::span<const Case> network_cases() { return kNetworkCases; }
}  // namespace kernel::conformance
