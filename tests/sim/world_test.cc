#include "sim/world.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/sim/world_harness.h"

namespace sim {
namespace {

constexpr PolicyKind kPolicies[] = {PolicyKind::fifo, PolicyKind::uniform, PolicyKind::priority_change,
                                    PolicyKind::starve_one};

TEST(World, the_same_seed_is_the_same_run_and_another_seed_another) {
  std::set<std::uint64_t> hashes;
  for (const PolicyKind policy : kPolicies) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      const Ran first = run_busy_world(seed, policy);
      const Ran again = run_busy_world(seed, policy);
      EXPECT_EQ(first.hash, again.hash) << name_of(policy) << " seed " << seed;
      EXPECT_EQ(first.events, again.events);
      EXPECT_GT(first.answers, 100u) << "the world was not busy";
      EXPECT_TRUE(hashes.insert(first.hash).second) << name_of(policy) << " seed " << seed << " repeats another run";
    }
  }
}

TEST(World, litter_on_the_heap_and_earlier_runs_do_not_matter) {
  const Ran clean = run_busy_world(7, PolicyKind::uniform);
  std::vector<std::unique_ptr<std::vector<unsigned char>>> litter;
  for (std::size_t i = 0; i < 20'000; ++i) {
    litter.push_back(std::make_unique<std::vector<unsigned char>>(1 + i * 37 % 3000, static_cast<unsigned char>(i)));
    if (i % 3 == 0) litter[i / 2].reset();
  }
  run_busy_world(8, PolicyKind::starve_one);
  const Ran littered = run_busy_world(7, PolicyKind::uniform);
  EXPECT_EQ(clean.hash, littered.hash);
}

/// Writes one file that is synced and one that is not, then dies.
std::string unsynced_after(std::uint64_t seed, CrashKind kind, bool& synced_is_there) {
  kernel::StackPool stacks;
  World world{{.seed = seed}, stacks};
  Machine& machine = world.add_machine("m");
  bool written = false;
  world.boot(machine, 1, [&](Fiber& f) {
    kernel::Disk& disk = f.node().disk();
    const kernel::Buffer bytes = kernel::Buffer::copy_of(std::string(4096, 'x'));
    for (const bool synced : {true, false}) {
      const auto file = disk.open(f, synced ? "/synced" : "/unsynced", kernel::OpenMode::create_new());
      ASSERT_TRUE(file);
      ASSERT_TRUE(disk.sync_directory(f, "/"));
      ASSERT_TRUE(kernel::write_all(f, **file, 0, {&bytes, 1}));
      if (!synced) continue;
      ASSERT_TRUE((*file)->datasync(f));
    }
    written = true;
    static_cast<void>(f.sleep(1h));
  });
  EXPECT_TRUE(world.run_until([&] { return written; }, 10s));
  world.kill(machine, kind);
  std::string unsynced;
  bool read = false;
  world.boot(machine, 1, [&](Fiber& f) {
    kernel::Disk& disk = f.node().disk();
    const auto kept = disk.open(f, "/synced", kernel::OpenMode::read_only());
    ASSERT_TRUE(kept);
    const auto bytes = kernel::read_all(f, **kept);
    ASSERT_TRUE(bytes);
    synced_is_there = kernel::as_text(bytes->view()) == std::string(4096, 'x');
    const auto other = disk.open(f, "/unsynced", kernel::OpenMode::read_only());
    ASSERT_TRUE(other);
    const auto rest = kernel::read_all(f, **other);
    ASSERT_TRUE(rest);
    unsynced = std::string{kernel::as_text(rest->view())};
    read = true;
  });
  EXPECT_TRUE(world.run_until([&] { return read; }, 10s));
  return unsynced;
}

TEST(World, a_killed_process_leaves_what_it_wrote_and_a_power_failure_what_was_synced) {
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    bool synced_is_there = false;
    EXPECT_EQ(unsynced_after(seed, CrashKind::process_kill, synced_is_there), std::string(4096, 'x'));
    EXPECT_TRUE(synced_is_there);
    if (unsynced_after(seed, CrashKind::power_loss, synced_is_there) != std::string(4096, 'x')) ++lost;
    EXPECT_TRUE(synced_is_there) << "seed " << seed;
  }
  EXPECT_GT(lost, 0u);
  EXPECT_LT(lost, 40u);
}

TEST(World, a_boot_id_changes_with_the_power_alone) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& machine = world.add_machine("m");
  std::vector<std::string> ids;
  const auto boot = [&] {
    world.boot(machine, 1, [&](Fiber& f) { ids.push_back(f.node().disk().boot_id(f).value()); });
    world.run_for(1s);
  };
  boot();
  world.kill(machine, CrashKind::process_kill);
  boot();
  world.kill(machine, CrashKind::power_loss);
  boot();
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
}

/// A client connected to a server that says nothing; `happen` then strikes the server.
struct Connected {
  kernel::StackPool stacks;
  World world;
  Machine& server;
  Machine& client;
  bool connected = false, ended = false;
  Result<std::size_t> read = std::size_t{99};

  explicit Connected(std::uint64_t seed = 1)
      : world{{.seed = seed}, stacks}, server{world.add_machine("server")}, client{world.add_machine("client")} {
    boot_server();
    world.boot(client, 1, [this](Fiber& f) {
      auto socket = connect_when_up(f, "server");
      ASSERT_TRUE(socket);
      connected = true;
      std::array<std::byte, 8> room;
      read = (*socket)->read(f, room);
      ended = true;
    });
    EXPECT_TRUE(world.run_until([this] { return connected && accepted; }, 10s));
  }
  void boot_server() {
    world.boot(server, 1, [this](Fiber& f) {
      const auto listener = f.node().network().listen(f, {"0.0.0.0", kEchoPort});
      ASSERT_TRUE(listener);
      auto socket = (*listener)->accept(f);
      ASSERT_TRUE(socket);
      accepted = true;
      static_cast<void>(f.sleep(1h));
    });
  }
  bool accepted = false;
};

TEST(World, a_process_kill_ends_its_streams) {
  Connected pair;
  pair.world.kill(pair.server, CrashKind::process_kill);
  EXPECT_TRUE(pair.world.run_until([&] { return pair.ended; }, 5s));
  ASSERT_TRUE(pair.read);
  EXPECT_EQ(*pair.read, 0u);
}

TEST(World, a_power_failure_leaves_peers_half_open_until_they_write) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& server = world.add_machine("server");
  Machine& client = world.add_machine("client");
  const auto boot = [&] { world.boot(server, 1, [](Fiber& f) { static_cast<void>(serve_echo(f)); }); };
  boot();
  bool write_now = false, reading = false, ended = false;
  Result<> written;
  Result<std::size_t> read = std::size_t{99};
  world.boot(client, 1, [&](Fiber& f) {
    auto socket = connect_when_up(f, "server");
    ASSERT_TRUE(socket);
    ASSERT_TRUE(send(f, **socket, "hello"));
    ASSERT_EQ(receive(f, **socket, 5).value(), "hello");
    reading = true;
    std::array<std::byte, 8> room;
    {
      const auto within = f.deadline_in(60s);
      read = (*socket)->read(f, room);
      EXPECT_TRUE(!read && read.error().is(kernel::Errc::deadline)) << "somebody told the client";
    }
    while (!write_now) ASSERT_TRUE(f.sleep(10ms));
    written = send(f, **socket, "anybody?");
    read = (*socket)->read(f, room);
    ended = true;
  });
  ASSERT_TRUE(world.run_until([&] { return reading; }, 10s));
  world.kill(server, CrashKind::power_loss);
  world.run_for(61s);
  EXPECT_FALSE(ended);
  boot();
  world.run_for(1s);
  write_now = true;
  ASSERT_TRUE(world.run_until([&] { return ended; }, 10s));
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().is(kernel::Errc::connection_reset));
  EXPECT_GT(world.marks().count("sim.network.half_open_found"), 0u);
}

TEST(World, who_only_writes_learns_of_a_kill_although_the_reset_was_lost) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& server = world.add_machine("server");
  Machine& client = world.add_machine("client");
  const auto boot = [&] { world.boot(server, 1, [](Fiber& f) { static_cast<void>(serve_echo(f)); }); };
  boot();
  bool connected = false, ended = false;
  world.boot(client, 1, [&](Fiber& f) {
    auto socket = connect_when_up(f, "server");
    ASSERT_TRUE(socket);
    connected = true;
    while (send(f, **socket, std::string(4096, 'x'))) {
      if (!f.sleep(1ms)) return;
    }
    ended = true;
  });
  ASSERT_TRUE(world.run_until([&] { return connected; }, 10s));
  world.network().link(server, client).cut = true;  // nothing comes back
  world.kill(server, CrashKind::process_kill);
  world.run_for(1s);
  boot();
  world.run_for(10s);  // the window is full by now
  EXPECT_FALSE(ended);
  world.network().link(server, client).cut = false;
  world.network().links_changed();
  EXPECT_TRUE(world.run_until([&] { return ended; }, 10s));
}

TEST(World, bytes_wait_behind_a_cut_and_arrive_after_it_heals) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& server = world.add_machine("server");
  Machine& client = world.add_machine("client");
  world.boot(server, 1, [](Fiber& f) { static_cast<void>(serve_echo(f)); });
  bool connected = false, sent = false, answered = false;
  world.boot(client, 1, [&](Fiber& f) {
    auto socket = connect_when_up(f, "server");
    ASSERT_TRUE(socket);
    connected = true;
    ASSERT_TRUE(f.sleep(1s));
    ASSERT_TRUE(send(f, **socket, "through the wall"));
    sent = true;
    EXPECT_EQ(receive(f, **socket, 16).value(), "through the wall");
    answered = true;
  });
  ASSERT_TRUE(world.run_until([&] { return connected; }, 10s));
  world.network().link(client, server).cut = true;
  ASSERT_TRUE(world.run_until([&] { return sent; }, 10s));
  world.run_for(30s);
  EXPECT_FALSE(answered);
  world.network().link(client, server).cut = false;
  world.network().links_changed();
  EXPECT_TRUE(world.run_until([&] { return answered; }, 10s));
}

TEST(World, a_drifting_clock_never_goes_back_and_never_wakes_a_sleeper_early) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    kernel::StackPool stacks;
    World world{{.seed = seed}, stacks};
    Machine& machine = world.add_machine("m");
    std::uint64_t slept = 0;
    kernel::Mono last{};
    world.boot(machine, 1, [&](Fiber& f) {
      kernel::Random random = f.node().random(kernel::Domain::workload, 1);
      for (;;) {
        const kernel::Mono before = f.now();
        const kernel::Duration wanted{random.between(1, 3'000'000'000)};
        if (!f.sleep(wanted)) return;
        EXPECT_GE(f.now() - before, wanted);
        ++slept;
      }
    });
    const std::int64_t drifts[] = {500, -500, 0, 137, -333};
    for (std::size_t i = 0; i < 200; ++i) {
      world.run_for(777ms);
      const kernel::Mono before = machine.clock().now();
      machine.clock().set_drift(drifts[i % 5]);
      EXPECT_EQ(machine.clock().now(), before) << "setting a rate moved the clock";
      EXPECT_GE(before, last);
      last = before;
    }
    EXPECT_GT(slept, 50u);
  }
}

TEST(World, a_fast_clock_gains_and_a_step_moves_the_wall_alone) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& fast = world.add_machine("fast");
  Machine& slow = world.add_machine("slow");
  fast.clock().set_drift(500);
  slow.clock().set_drift(-500);
  world.run_for(1000s);
  EXPECT_EQ(fast.clock().now() - slow.clock().now(), 1s);
  const kernel::Mono mono = fast.clock().now();
  const kernel::Wall wall = fast.clock().wall();
  fast.clock().step_wall(-3600s);
  EXPECT_EQ(fast.clock().now(), mono);
  EXPECT_EQ(wall - fast.clock().wall(), 3600s);
}

TEST(World, a_paused_process_stands_still_and_goes_on_where_it_was) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& machine = world.add_machine("m");
  Machine& other = world.add_machine("other");
  std::uint64_t ticks = 0, other_ticks = 0;
  const auto tick = [](Fiber& f, std::uint64_t& count) {
    while (f.sleep(10ms)) ++count;
  };
  world.boot(machine, 1, [&](Fiber& f) { tick(f, ticks); });
  world.boot(other, 1, [&](Fiber& f) { tick(f, other_ticks); });
  world.run_for(1s);
  const std::uint64_t at_pause = ticks;
  EXPECT_GT(at_pause, 90u);
  world.pause(machine);
  world.run_for(5s);
  EXPECT_EQ(ticks, at_pause);
  EXPECT_GT(other_ticks, 500u);
  world.resume(machine);
  world.run_for(1s);
  EXPECT_GT(ticks, at_pause + 90);
}

TEST(World, a_paused_process_can_be_killed) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& machine = world.add_machine("m");
  std::uint64_t ticks = 0;
  const auto boot = [&] {
    world.boot(machine, 2, [&](Fiber& f) {
      while (f.sleep(10ms)) ++ticks;
    });
  };
  boot();
  world.run_for(1s);
  world.pause(machine);
  world.run_for(1s);
  const std::uint64_t before = ticks;
  world.kill(machine, CrashKind::process_kill);
  world.run_for(1s);
  EXPECT_EQ(ticks, before);
  boot();
  world.run_for(1s);
  EXPECT_GT(ticks, before + 90);
}

}  // namespace
}  // namespace sim
