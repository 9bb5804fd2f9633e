// A busy little world: a server that echoes and writes to its disk, a client that talks to it, trouble on top.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kernel/fiber.h"
#include "kernel/scope.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/world.h"

namespace sim {

using namespace std::chrono_literals;
using kernel::Fiber;
using kernel::Result;

inline constexpr std::uint16_t kEchoPort = 7;

inline Result<> send(Fiber& f, kernel::Socket& socket, std::string_view text) {
  const kernel::Buffer bytes = kernel::Buffer::copy_of(text);
  return socket.write(f, {&bytes, 1});
}

/// Reads until `length` bytes are there or the stream ends in an orderly way.
inline Result<std::string> receive(Fiber& f, kernel::Socket& socket, std::size_t length) {
  std::string text;
  std::array<std::byte, 1024> room;
  while (text.size() < length) {
    const std::size_t n = TRY(socket.read(f, std::span{room}.first(std::min(room.size(), length - text.size()))));
    if (n == 0) break;
    text += kernel::as_text({room.data(), n});
  }
  return text;
}

/// Tries until somebody listens.
inline Result<kernel::SocketHandle> connect_when_up(Fiber& f, const std::string& host) {
  for (;;) {
    auto socket = kernel::connect_to_host(f, f.node().network(), host, kEchoPort);
    if (socket) return socket;
    TRY(f.sleep(50ms));
  }
}

/// Echoes what each client sends and keeps it in a file, synced now and then.
inline Result<> serve_echo(Fiber& f) {
  kernel::Disk& disk = f.node().disk();
  const auto file = TRY(disk.open(f, "/echo", kernel::OpenMode::create_or_open()));
  TRY(disk.sync_directory(f, "/"));
  const auto listener = TRY(f.node().network().listen(f, {"0.0.0.0", kEchoPort}));
  std::uint64_t position = TRY(file->size(f));
  kernel::Scope clients{f};
  for (;;) {
    auto accepted = listener->accept(f);
    if (!accepted) break;
    clients.spawn("echo", [&, socket = std::move(*accepted)](Fiber& child) -> Result<> {
      std::array<std::byte, 512> room;
      for (;;) {
        const std::size_t n = TRY(socket->read(child, room));
        if (n == 0) return {};
        const kernel::Buffer bytes = kernel::Buffer::copy_of(kernel::ByteView{room.data(), n});
        const std::uint64_t at = position;
        position += n;
        TRY(kernel::write_all(child, *file, at, {&bytes, 1}));
        if (child.node().random(kernel::Domain::application, at).below(4) == 0) TRY(file->datasync(child));
        if (child.node().random(kernel::Domain::application, ~at).below(4) == 0) {  // and looks at an old part of it
          TRY(file->read(child, child.node().random(kernel::Domain::application, at).below(at + 1), 700));
        }
        TRY(socket->write(child, {&bytes, 1}));
      }
    });
  }
  clients.cancel();
  return clients.join(f);
}

/// Talks until told to stop; connects again whenever the stream breaks.
inline void chatter(Fiber& f, const std::string& host, const bool& stop, std::uint64_t& answers) {
  while (!stop) {
    auto socket = connect_when_up(f, host);
    if (!socket) return;
    for (std::uint64_t i = 0; !stop; ++i) {
      const auto within = f.deadline_in(2s);
      const std::string word(1 + i % 700, static_cast<char>('a' + i % 26));
      if (!send(f, **socket, word)) break;
      const auto answer = receive(f, **socket, word.size());
      if (!answer || *answer != word) break;
      ++answers;
      if (!f.sleep(3ms)) break;
    }
  }
}

/// What a run was, in one number, with how much really happened.
struct Ran {
  std::uint64_t hash = 0, events = 0, answers = 0;
};

/// Twenty virtual seconds of two clients and a server that is paused, killed and loses power.
inline Ran run_busy_world(std::uint64_t seed, PolicyKind policy) {
  kernel::StackPool stacks;
  World world{{.seed = seed, .policy = policy, .nudges = true}, stacks};
  Machine& server = world.add_machine("server");
  Machine& client = world.add_machine("client");
  server.disk().faults().short_io_ppm = 100'000;
  const auto boot = [&] { world.boot(server, 2, [](Fiber& f) { static_cast<void>(serve_echo(f)); }); };
  bool stop = false;
  std::uint64_t answers = 0;
  boot();
  world.boot(client, 1, [&](Fiber& f) {
    kernel::Scope scope{f};
    for (int i = 0; i < 2; ++i) scope.spawn("chatter", [&](Fiber& child) { chatter(child, "server", stop, answers); });
    static_cast<void>(scope.join(f));
  });
  world.after(3s, [&] { world.pause(server); });
  world.after(4s, [&] { world.resume(server); });
  world.after(6s, [&] { world.kill(server, CrashKind::power_loss); });
  world.after(7s, boot);
  world.after(9s, [&] { world.kill(server, CrashKind::process_kill); });
  world.after(9500ms, boot);
  world.run_for(12s);
  return {world.trace().hash(), world.trace().events(), answers};
}

}  // namespace sim
