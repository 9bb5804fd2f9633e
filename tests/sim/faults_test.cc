#include <gtest/gtest.h>

#include "sim/faults/plan.h"
#include "tests/sim/world_harness.h"

namespace sim {
namespace {

FaultPlan plan_of(World& world, std::uint64_t entity) {
  std::set<FaultKind> all;
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) all.insert(static_cast<FaultKind>(kind));
  return draw_plan(world.random(kernel::Domain::faults, entity),
                   {.victims = {0}, .peers = {1}, .duration = 30s, .allowed = std::move(all)});
}
std::string text_of(const FaultPlan& plan, const World& world) {
  std::string text;
  for (const Fault& fault : plan.faults) text += to_string(fault, world) + "\n";
  return text;
}

TEST(Faults, a_plan_is_a_function_of_the_seed_and_prints_what_it_will_do) {
  kernel::StackPool stacks;
  World world{{.seed = 3}, stacks};
  world.add_machine("server");
  world.add_machine("client");
  std::set<std::string> texts;
  std::set<FaultKind> kinds;
  for (std::uint64_t entity = 0; entity < 60; ++entity) {
    const FaultPlan plan = plan_of(world, entity);
    const std::string text = text_of(plan, world);
    EXPECT_EQ(text, text_of(plan_of(world, entity), world));
    texts.insert(text);
    kernel::Duration last{};
    for (const Fault& fault : plan.faults) {
      EXPECT_GE(fault.at, last);
      EXPECT_LT(fault.at, 30s);
      last = fault.at;
      kinds.insert(fault.kind);
      EXPECT_NE(text.find(name_of(fault.kind)), std::string::npos);
    }
  }
  EXPECT_GT(texts.size(), 50u);
  EXPECT_EQ(kinds.size(), kFaultKinds) << "a kind is never drawn";
}

TEST(Faults, what_is_not_allowed_is_not_drawn) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  for (std::uint64_t entity = 0; entity < 20; ++entity) {
    const FaultPlan plan = draw_plan(world.random(kernel::Domain::faults, entity),
                                     {.victims = {0}, .peers = {1}, .duration = 30s, .allowed = {FaultKind::cut}});
    for (const Fault& fault : plan.faults) EXPECT_EQ(fault.kind, FaultKind::cut);
  }
}

TEST(Faults, what_takes_safe_data_away_is_drawn_on_demand_only) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  for (std::uint64_t entity = 0; entity < 60; ++entity) {
    const FaultPlan plan = draw_plan(world.random(kernel::Domain::faults, entity),
                                     {.victims = {0}, .peers = {1}, .duration = 30s, .allowed = {}});
    for (const Fault& fault : plan.faults) EXPECT_FALSE(damages(fault.kind)) << name_of(fault.kind);
  }
}

Fault scripted(FaultKind kind) {
  Fault fault{.at = 500ms, .kind = kind, .machine = 0, .peer = 1, .lasts = 300s, .amount = 900'000};
  switch (kind) {
    case FaultKind::crash_loop: fault.amount = 3, fault.lasts = 200ms; break;
    case FaultKind::disk_slow: fault.amount = 1'000; break;
    case FaultKind::slow_reader: fault.amount = 2'000; break;
    case FaultKind::wall_step: fault.amount = -60'000; break;
    case FaultKind::drift: fault.amount = 1'000; break;
    case FaultKind::disk_rot:
    case FaultKind::disk_bad_pages: fault.at = 3s; break;  // when the medium holds some
    case FaultKind::suspend: fault.lasts = 2s; break;      // it is felt afterwards
    case FaultKind::disk_loss: fault.lasts = 200ms; break;
    default: break;
  }
  return fault;
}

/// What shows that a fault was felt: a mark of the thing that it troubles, set nowhere near the injector.
std::string_view effect_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::process_kill:
    case FaultKind::crash_loop: return "sim.process.killed";
    case FaultKind::power_loss: return "sim.process.power_lost";
    case FaultKind::pause: return "sim.process.paused";
    case FaultKind::disk_slow: return "sim.disk.slow";
    case FaultKind::disk_hung: return "sim.disk.hung";
    case FaultKind::disk_full: return "sim.disk.full";
    case FaultKind::no_descriptors: return "sim.disk.no_descriptor";
    case FaultKind::disk_short_io: return "sim.disk.short_write";
    case FaultKind::disk_write_error: return "sim.disk.write_error";
    case FaultKind::disk_sync_error: return "sim.disk.sync_error";
    case FaultKind::disk_read_error: return "sim.disk.read_error";
    case FaultKind::disk_read_only: return "sim.disk.read_only";
    case FaultKind::disk_bad_pages: return "sim.disk.bad_page";
    case FaultKind::cut:
    case FaultKind::cut_one_way: return "sim.network.cut";
    case FaultKind::clog: return "sim.network.clogged";
    case FaultKind::slow_reader: return "sim.network.slow_reader";
    case FaultKind::reset_one:
    case FaultKind::reset_all: return "sim.network.reset";
    case FaultKind::refuse: return "sim.network.refused";
    case FaultKind::flaky_streams: return "sim.network.write_reset";
    case FaultKind::resolve_error: return "sim.network.resolve_error";
    case FaultKind::wall_step: return "sim.clock.wall_went_back";
    case FaultKind::drift: return "sim.clock.drift_changed";
    case FaultKind::suspend: return "sim.clock.slept";
    case FaultKind::isolate: return "sim.network.cut";
    case FaultKind::resolve_stale: return "sim.network.resolve_stale";
    case FaultKind::disk_rot: return "sim.disk.page_rotten";
    case FaultKind::disk_lost_write: return "sim.disk.lost_write";
    case FaultKind::disk_misdirected_write: return "sim.disk.misdirected_write";
    case FaultKind::disk_stale_read: return "sim.disk.stale_page";
    case FaultKind::disk_loss: return "sim.disk.replaced";
  }
  std::unreachable();
}

/// A server that is started again by a supervisor, one who talks to it without an end, and one who comes and goes.
struct Town {
  explicit Town(std::uint64_t seed) : world{{.seed = seed}, stacks} {
    boot(server);
    world.boot(client, 1, [&](Fiber& f) {
      kernel::Scope scope{f};
      scope.spawn("chatter", [&](Fiber& child) { chatter(child, "server", stop, answers); });
      scope.spawn("visitor", [&](Fiber& child) {
        while (child.sleep(20ms)) {
          const auto within = child.deadline_in(1s);
          static_cast<void>(kernel::connect_to_host(child, child.node().network(), "server", kEchoPort));
        }
      });
      static_cast<void>(scope.join(f));
    });
  }
  // As a supervisor does: a server whose disk failed it is started again. It looks at the time now and then, and opens a
  // file.
  void boot(Machine& machine) {
    world.boot(machine, 1, [](Fiber& f) {
      kernel::Scope scope{f};
      scope.spawn("clock", [](Fiber& child) {
        while (child.sleep(50ms)) {
          static_cast<void>(child.node().clock().wall());
          static_cast<void>(child.node().disk().open(child, "/now and then", kernel::OpenMode::create_or_open()));
        }
      });
      while (!serve_echo(f)) {
        if (!f.sleep(100ms)) return;
      }
    });
  }
  [[nodiscard]] std::uint64_t count(std::string_view mark) const {
    const auto known = world.marks().find(mark);
    return known == world.marks().end() ? 0 : known->second;
  }
  /// How many answers come within that time.
  std::uint64_t answers_in(kernel::Duration duration) {
    const std::uint64_t before = answers;
    world.run_for(duration);
    return answers - before;
  }
  kernel::StackPool stacks;
  World world;
  Machine& server = world.add_machine("server");
  Machine& client = world.add_machine("client");
  bool stop = false;
  std::uint64_t answers = 0;
};

class EveryFault : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryFault, is_felt_and_over_once_healed) {
  const auto kind = static_cast<FaultKind>(GetParam());
  Town town{11 + GetParam()};
  Injector injector{town.world, {.faults = {scripted(kind)}}, [&](Machine& machine) { town.boot(machine); }};
  injector.start();
  town.world.run_for(499ms);
  EXPECT_EQ(town.count(effect_of(kind)), 0u) << "without the fault";
  town.world.run_for(4501ms);
  EXPECT_EQ(injector.fired(), 1u);
  EXPECT_GT(town.count("sim.fault." + std::string{name_of(kind)}), 0u);
  EXPECT_GT(town.count(effect_of(kind)), 0u) << name_of(kind) << " was set off and not felt";
  injector.heal();
  town.world.run_for(30s);  // longer than a connect that went into a black hole takes to give up
  EXPECT_GT(town.answers_in(5s), 100u) << name_of(kind) << " goes on after it was healed";
  const std::uint64_t felt = town.count(effect_of(kind));
  town.world.run_for(5s);
  EXPECT_EQ(town.count(effect_of(kind)), felt) << "after it was healed";
  EXPECT_TRUE(town.server.up());
  EXPECT_FALSE(town.server.paused());
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryFault, testing::Range<std::size_t>(0, kFaultKinds), [](const auto& info) {
  return std::string{name_of(static_cast<FaultKind>(info.param))};
});

/// A town that suffers `faults`.
struct Troubled : Town {
  explicit Troubled(std::vector<Fault> faults)
      : Town{5}, injector{world, {.faults = std::move(faults)}, [this](Machine& machine) { boot(machine); }} {
    injector.start();
  }
  Injector injector;
};

TEST(Faults, a_crash_loop_crashes_again_and_again) {
  Troubled town{{scripted(FaultKind::crash_loop)}};
  town.world.run_for(5s);
  EXPECT_EQ(town.server.incarnation(), 4u);
}

TEST(Faults, a_pause_a_cut_and_a_hung_disk_let_nothing_pass) {
  for (const FaultKind kind : {FaultKind::pause, FaultKind::isolate, FaultKind::cut, FaultKind::cut_one_way, FaultKind::clog, FaultKind::disk_hung}) {
    Troubled town{{scripted(kind)}};
    EXPECT_GT(town.answers_in(490ms), 10u);
    town.world.run_for(100ms);
    EXPECT_EQ(town.answers_in(10s), 0u) << name_of(kind);
  }
}

TEST(Faults, the_wall_clock_steps_and_time_passes_at_another_rate) {
  Troubled stepped{{scripted(FaultKind::wall_step)}};
  stepped.world.run_for(1s);
  EXPECT_EQ(stepped.server.clock().wall_offset(), -60s);
  EXPECT_LT(stepped.server.clock().wall(), stepped.client.clock().wall() - 59s);
  Troubled drifting{{scripted(FaultKind::drift)}};
  drifting.world.run_for(100s);
  EXPECT_GT(drifting.server.clock().now() - drifting.client.clock().now(), 45ms);
}

TEST(Faults, a_machine_that_sleeps_misses_time_and_knows_the_hour) {
  Troubled town{{scripted(FaultKind::suspend)}};
  town.world.run_for(499ms);
  const kernel::Mono before = town.server.clock().now();
  const auto ahead = town.server.clock().wall() - town.client.clock().wall();
  town.world.run_for(1s);
  EXPECT_LT(town.server.clock().now() - before, 2ms);
  town.world.run_for(2s);
  EXPECT_LT(town.server.clock().now() - before, 1100ms);
  EXPECT_EQ(town.server.clock().wall() - town.client.clock().wall(), ahead);
  EXPECT_EQ(town.server.clock().wall_span(), 0s) << "as of a step";
}

TEST(Faults, a_lost_disk_is_empty_and_damage_is_the_devices_secret) {
  Troubled lost{{scripted(FaultKind::disk_loss)}};
  lost.world.run_for(450ms);
  const auto sizes = [](Town& town) {
    std::uint64_t sum = 0;
    for (const InodeRef& file : town.server.disk().image().all_files()) sum += file->size;
    return sum;
  };
  EXPECT_GT(sizes(lost), 0u);
  lost.world.run_for(100ms);
  EXPECT_EQ(sizes(lost), 0u);
  Troubled rotten{{scripted(FaultKind::disk_rot)}};
  rotten.world.run_for(3100ms);
  const DiskImage& image = rotten.server.disk().image();
  bool differs = false;
  for (const InodeRef& file : image.all_files()) {
    bool hit = false;
    const kernel::Buffer told = image.read_device(*file, 0, file->size, hit);
    EXPECT_EQ(hit, !std::ranges::equal(told.view(), image.read(*file, 0, file->size).view()));
    EXPECT_EQ(hit, DiskImage::damaged_at(*file).has_value());
    differs = differs || hit;
  }
  EXPECT_TRUE(differs);
}

TEST(Faults, the_end_of_one_takes_nothing_away_from_another) {
  const auto from_to = [](FaultKind kind, kernel::Duration at, kernel::Duration until, std::int64_t amount) {
    return Fault{.at = at, .kind = kind, .machine = 0, .peer = 1, .lasts = until - at, .amount = amount};
  };
  for (const FaultKind longer : {FaultKind::cut, FaultKind::cut_one_way, FaultKind::pause, FaultKind::disk_hung}) {
    for (const FaultKind shorter : {longer, FaultKind::slow_reader, FaultKind::clog, FaultKind::cut}) {
      Troubled town{{from_to(longer, 1s, 9s, 0), from_to(shorter, 2s, 3s, 2'000)}};
      town.world.run_for(4s);
      EXPECT_EQ(town.answers_in(4s), 0u) << name_of(longer) << " ended with " << name_of(shorter);
    }
  }
  // Both ways, with the amounts: the stronger holds while it lasts, then the weaker.
  Troubled town{{from_to(FaultKind::disk_slow, 1s, 9s, 3), from_to(FaultKind::disk_slow, 2s, 4s, 50),
                 from_to(FaultKind::refuse, 1s, 9s, 300), from_to(FaultKind::refuse, 2s, 4s, 100),
                 from_to(FaultKind::disk_full, 1s, 9s, 0), from_to(FaultKind::disk_full, 2s, 4s, 0),
                 from_to(FaultKind::disk_read_only, 1s, 9s, 0), from_to(FaultKind::disk_read_only, 2s, 4s, 0),
                 from_to(FaultKind::slow_reader, 1s, 9s, 5'000), from_to(FaultKind::slow_reader, 2s, 4s, 4'000)}};
  const LinkFaults& link = town.world.network().link(town.server, town.client);
  const DiskFaults& disk = town.server.disk().faults();
  town.world.run_for(3s);
  EXPECT_EQ(disk.slow_factor, 50u);
  EXPECT_EQ(link.bytes_per_second, 4'000u);
  town.world.run_for(2s);
  EXPECT_EQ(disk.slow_factor, 3u);
  EXPECT_EQ(town.world.network().options().refuse_ppm, 300u);
  EXPECT_EQ(link.bytes_per_second, 5'000u);
  EXPECT_TRUE(disk.full);
  EXPECT_TRUE(disk.read_only);
  town.world.run_for(5s);
  EXPECT_EQ(disk.slow_factor, 1u);
  EXPECT_EQ(town.world.network().options().refuse_ppm, 0u);
  EXPECT_EQ(link.bytes_per_second, 0u);
  EXPECT_FALSE(disk.full);
  EXPECT_FALSE(disk.read_only);
}

TEST(Faults, machines_disagree_about_the_time_from_the_start) {
  kernel::StackPool stacks;
  World world{{.seed = 4, .wall_offset_max = 300s, .drift_ppm_max = 200}, stacks};
  std::set<kernel::Duration> offsets, readings;
  for (int i = 0; i < 8; ++i) offsets.insert(world.add_machine(fmt::format("m{}", i)).clock().wall_offset());
  world.run_for(100s);
  for (const auto& machine : world.machines()) {
    EXPECT_LE(std::chrono::abs(machine->clock().wall_offset()), 300s);
    const kernel::Duration off = machine->clock().now() - world.now();
    EXPECT_LE(std::chrono::abs(off), 20ms);
    readings.insert(off);
  }
  EXPECT_GT(offsets.size(), 6u);
  EXPECT_GT(readings.size(), 6u);
  EXPECT_TRUE(world.marks().empty()) << "nobody has seen a step";
}

TEST(Faults, what_was_planned_after_healing_does_not_happen) {
  kernel::StackPool stacks;
  World world{{}, stacks};
  Machine& server = world.add_machine("server");
  world.add_machine("client");
  const auto boot = [&](Machine& machine) {
    world.boot(machine, 1, [](Fiber& f) { static_cast<void>(serve_echo(f)); });
  };
  boot(server);
  Fault late = scripted(FaultKind::power_loss);
  late.at = 10s;
  Injector injector{world, {.faults = {late}}, boot};
  injector.start();
  world.run_for(1s);
  injector.heal();
  world.run_for(60s);
  EXPECT_EQ(injector.fired(), 0u);
  EXPECT_EQ(server.incarnation(), 1u);
}

}  // namespace
}  // namespace sim
