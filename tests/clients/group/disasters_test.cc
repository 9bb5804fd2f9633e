// A group while machines crash and links break: everything is read, nothing that was committed was skipped, and once
// all works again the group comes to rest.
#include <set>

#include "sim/faults/plan.h"
#include "tests/clients/group/group_world.h"

namespace clients::group {
namespace {

using namespace std::chrono_literals;
using kernel::Fiber;
using testing::GroupWorld;

constexpr int kRecords = 120;
constexpr std::int32_t kPartitions = 5;

struct Watch {
  std::set<std::string> seen;
  std::vector<std::string> errors;
  std::map<std::string, std::size_t> owned;
  std::size_t ended = 0;
  bool stop = false;
};

void run_member(GroupWorld& world, Watch& watch, const std::string& name, AssignorKind kind) {
  watch.owned[name] = 0;
  world.client(name, [&watch, name, kind](Fiber& f, kernel::Scope& scope, testing::ClusterRef cluster) {
    GroupConfig config{.group_id = "g", .session_timeout = 6s, .heartbeat_interval = 1s, .max_poll_interval = 20s,
                       .assignors = {kind}, .auto_commit_interval = 500ms};
    config.reading.offset_reset = consumer::OffsetReset::earliest;
    config.reading.fetch_wait_max = 200ms;
    auto consumer = *GroupConsumer::open(scope, cluster, config);
    consumer->subscribe({"t"});
    while (!watch.stop) {
      const auto polled = consumer->poll(f, 200ms);
      watch.owned[name] = consumer->assignment().size();
      if (!polled) {
        watch.errors.push_back(core::explain(polled.error()));
        break;
      }
      if (!*polled) continue;
      if ((*polled)->error) watch.errors.push_back(core::explain(*(*polled)->error));
      for (const auto& record : (*polled)->records) watch.seen.insert(std::string{kernel::as_text(*record.value)});
      if (!f.sleep(150ms)) break;
    }
    (void)consumer->close(f);
    ++watch.ended;
  });
}

void disasters(std::uint64_t seed) {
  using sim::FaultKind;
  const auto kind = seed % 3 == 0 ? AssignorKind::range : seed % 3 == 1 ? AssignorKind::cooperative_sticky : AssignorKind::sticky;
  GroupWorld world{seed};
  world.start_broker();
  world.fill("t", kPartitions, kRecords);
  Watch watch;
  const std::vector<std::string> names{"a", "b", "c"};
  for (const auto& name : names) run_member(world, watch, name, kind);

  constexpr auto kSafety = 30s;
  const sim::FaultPlan plan = sim::draw_plan(
      world.world.random(kernel::Domain::faults, 7),
      {.victims = {0, 2, 3, 4}, .peers = {0, 2, 3, 4}, .duration = kSafety,
       .allowed = {FaultKind::process_kill, FaultKind::power_loss, FaultKind::pause, FaultKind::crash_loop, FaultKind::cut,
                   FaultKind::cut_one_way, FaultKind::clog, FaultKind::slow_reader, FaultKind::reset_one, FaultKind::reset_all,
                   FaultKind::refuse, FaultKind::flaky_streams}});
  sim::Injector injector{world.world, plan, [&](sim::Machine& machine) {
                           if (&machine == &world.broker_machine) world.boot_broker();
                           else run_member(world, watch, std::string{machine.name()}, kind);
                         }};
  injector.start();
  world.run_for(kSafety);
  injector.heal();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ASSERT_TRUE(world.until([&] { return watch.seen.size() == static_cast<std::size_t>(kPartitions * kRecords); })) << watch.seen.size();
  ASSERT_TRUE(world.until([&] {
    std::size_t sum = 0;
    for (const auto& [name, owned] : watch.owned) sum += owned;
    return sum == kPartitions && std::ranges::all_of(watch.owned, [](const auto& one) { return one.second > 0; });
  }));
  watch.stop = true;
  world.until([&] { return watch.ended >= names.size(); });
  for (const std::string& error : watch.errors) ADD_FAILURE() << error;
}

TEST(Groups, survive_disasters) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) disasters(seed);
}

}  // namespace
}  // namespace clients::group
