// What `kalda doctor` says of machines that are well and of machines that are not.
#include <gtest/gtest.h>

#include "broker/doctor/finding.h"
#include "broker/doctor/system_files.h"
#include "tests/broker/log/log_harness.h"
#include "tests/broker/server/broker_world.h"

namespace broker::doctor {
namespace {

using namespace std::chrono_literals;
using log::testing::run_on;

config::BrokerConfig configured(std::vector<std::string> settings) {
  settings.emplace_back("kalda.admin.port=-1");
  auto loaded = config::load_broker_config("", settings);
  EXPECT_TRUE(loaded.config) << (loaded.problems.empty() ? "" : loaded.problems.front());
  return std::move(*loaded.config);
}

class Doctor : public ::testing::Test {
 protected:
  using Look = void (*)(kernel::Fiber&, const config::BrokerConfig&, Findings&);
  Findings seen(Look look, std::vector<std::string> settings, const std::function<void(kernel::Fiber&)>& before = {}) {
    const auto config = configured(std::move(settings));
    Findings out;
    run_on(world_, machine_, [&](kernel::Fiber& f) {
      if (before) before(f);
      look(f, config, out);
      const auto left = f.node().disk().list(f, "/data");
      const auto is_probe = [](const auto& entry) { return entry.name.starts_with("kalda-doctor"); };
      EXPECT_FALSE(left && std::ranges::any_of(*left, is_probe));
    });
    return out;
  }
  std::string here(std::string_view host = {}) { return fmt::format("listeners=PLAINTEXT://{}:9092", host.empty() ? machine_.address() : host); }

  kernel::StackPool stacks_;
  sim::World world_{{.seed = 3}, stacks_};
  sim::Machine& machine_ = world_.add_machine("broker");
  sim::Machine& other_ = world_.add_machine("other");
};

TEST_F(Doctor, finds_a_directory_that_is_not_there_yet_fine_and_times_its_disk) {
  const auto found = seen(look_at_directories, {"log.dirs=/data/kalda"});
  ASSERT_EQ(found.size(), 3u);
  for (const Finding& one : found) EXPECT_EQ(one.verdict, Verdict::fine) << one.text;
  EXPECT_NE(found[0].text.find("not there yet"), std::string::npos);
  EXPECT_NE(found[1].text.find("a sync of 4 KiB takes"), std::string::npos);
  EXPECT_NE(found[2].text.find("free of"), std::string::npos);
}

TEST_F(Doctor, looks_at_the_directory_of_the_metadata_log_too) {
  const auto found = seen(look_at_directories, {"log.dirs=/data", "metadata.log.dir=/metadata"});
  EXPECT_TRUE(std::ranges::any_of(found, [](const Finding& one) { return one.subject == "directory /metadata"; }));
}

TEST_F(Doctor, knows_whose_a_directory_is) {
  const auto write = [](std::string_view text) {
    return [text](kernel::Fiber& f) {
      EXPECT_TRUE(kernel::make_directories(f, f.node().disk(), "/data"));
      EXPECT_TRUE(kernel::replace_file(f, f.node().disk(), "/data/meta.properties", kernel::as_bytes(text)));
    };
  };
  auto found = seen(look_at_directories, {"log.dirs=/data"}, write("version=1\ncluster.id=abc\nnode.id=1\n"));
  EXPECT_EQ(found[0].verdict, Verdict::fine);
  EXPECT_EQ(found[0].text, "belongs to node 1 of cluster abc");
  found = seen(look_at_directories, {"log.dirs=/data"}, write("version=1\ncluster.id=abc\nnode.id=7\n"));
  EXPECT_EQ(found[0].verdict, Verdict::failure);
  EXPECT_EQ(found[0].advice, "set node.id=7, or point log.dirs elsewhere");
  found = seen(look_at_directories, {"log.dirs=/data"}, write("no properties"));
  EXPECT_EQ(found[0].verdict, Verdict::failure);
}

TEST_F(Doctor, finds_a_disk_that_takes_nothing) {
  machine_.disk().faults().capacity_bytes = 16 * 1024;
  const auto found = seen(look_at_directories, {"log.dirs=/data"});
  ASSERT_EQ(found.back().verdict, Verdict::failure);
  EXPECT_EQ(found.back().text, "is full");
}

TEST_F(Doctor, gets_to_itself_by_the_advertised_address_without_a_broker) {
  const auto found = seen(look_at_listeners, {here()});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, Verdict::fine) << found[0].text;
  EXPECT_NE(found[0].text.find("no broker is running"), std::string::npos);
}

TEST_F(Doctor, says_when_the_advertised_address_leads_nowhere) {
  auto found = seen(look_at_listeners, {here(), "advertised.listeners=PLAINTEXT://nowhere:9092"});
  EXPECT_EQ(found[0].verdict, Verdict::failure);
  EXPECT_NE(found[0].text.find("the name nowhere is not known"), std::string::npos) << found[0].text;
  found = seen(look_at_listeners, {here("10.9.9.9")});
  EXPECT_EQ(found[0].verdict, Verdict::failure);
  EXPECT_NE(found[0].text.find("no address of this machine"), std::string::npos) << found[0].text;
}

TEST_F(Doctor, says_when_the_advertised_address_leads_to_another_machine) {
  const std::string elsewhere = fmt::format("advertised.listeners=PLAINTEXT://{}:9092", other_.address());
  auto found = seen(look_at_listeners, {here(), elsewhere});
  EXPECT_EQ(found[0].verdict, Verdict::failure);
  EXPECT_NE(found[0].text.find("nobody listens"), std::string::npos) << found[0].text;
  world_.boot(other_, 1, [&](kernel::Fiber& f) {
    const auto listener = f.node().network().listen(f, {other_.address(), 9092});
    const auto taken = (*listener)->accept(f);
    static_cast<void>(f.sleep(1h));
  });
  found = seen(look_at_listeners, {here(), elsewhere});
  EXPECT_EQ(found[0].verdict, Verdict::failure);
  EXPECT_NE(found[0].text.find("leads to another machine"), std::string::npos) << found[0].text;
}

TEST_F(Doctor, tells_a_broker_from_another_program_on_its_port) {
  Findings found;
  const auto config = configured({here()});
  run_on(world_, machine_, [&](kernel::Fiber& f) {
    const auto listener = f.node().network().listen(f, {machine_.address(), 9092});
    kernel::Scope scope{f};
    scope.spawn("other_program", [&](kernel::Fiber& child) {
      const auto socket = (*listener)->accept(child);
      const kernel::Buffer text = kernel::Buffer::copy_of(kernel::as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
      static_cast<void>((*socket)->write(child, {&text, 1}));
      static_cast<void>(child.sleep(1min));
    });
    look_at_listeners(f, config, found);
    scope.cancel();
    static_cast<void>(scope.join(f));
  });
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, Verdict::failure);
  EXPECT_NE(found[0].text.find("does not speak Kafka's protocol"), std::string::npos) << found[0].text;

  testing::BrokerWorld with_broker;
  bool started = false, ended = false;
  found.clear();
  with_broker.world.boot(with_broker.broker_machine, 1, [&](kernel::Fiber& f) {
    kernel::Scope scope{f};
    scope.spawn("broker", [&](kernel::Fiber& child) {
      static_cast<void>(Broker::run(child, with_broker.config, [&](const Started&) { started = true; }));
    });
    while (!started) ASSERT_TRUE(f.sleep(10ms));
    look_at_listeners(f, with_broker.config, found);
    ended = true;
    scope.cancel();
    static_cast<void>(scope.join(f));
  });
  with_broker.world.run_until([&] { return ended; }, 60s);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].verdict, Verdict::fine) << found[0].text;
  EXPECT_NE(found[0].text.find("a broker answers"), std::string::npos) << found[0].text;
  with_broker.world.kill(with_broker.broker_machine, sim::CrashKind::process_kill);
}

TEST_F(Doctor, compares_allowed_files_with_what_is_there) {
  const auto limits = [](std::string_view soft) {
    return [soft](kernel::Fiber& f) {
      kernel::Disk& disk = f.node().disk();
      EXPECT_TRUE(kernel::make_directories(f, disk, "/proc/self"));
      EXPECT_TRUE(kernel::make_directories(f, disk, "/data/orders-0"));
      EXPECT_TRUE(kernel::replace_file(f, disk, "/proc/self/limits", kernel::as_bytes(fmt::format(
          "Limit                     Soft Limit           Hard Limit           Units\n"
          "Max open files            {}                 1048576              files\n", soft))));
    };
  };
  auto found = seen(look_at_limits, {"log.dirs=/data"}, limits("1024"));
  EXPECT_EQ(found[0].verdict, Verdict::warning);
  EXPECT_EQ(found[0].advice, "`ulimit -n 1048576` before the start, or LimitNOFILE= in the systemd unit");
  found = seen(look_at_limits, {"log.dirs=/data"}, limits("4099"));
  EXPECT_EQ(found[0].verdict, Verdict::fine) << found[0].text;
}

TEST(SystemFiles, limits_are_read_by_name) {
  constexpr std::string_view kLimits = "Limit                     Soft Limit           Hard Limit           Units     \n"
                                       "Max file locks            unlimited            unlimited            locks     \n"
                                       "Max open files            1024                 524288               files     \n";
  EXPECT_EQ(parse_limit(kLimits, "Max open files"), (Limit{1024, 524288}));
  EXPECT_EQ(parse_limit(kLimits, "Max file locks"), (Limit{kUnlimited, kUnlimited}));
  EXPECT_EQ(parse_limit(kLimits, "Max nice priority"), std::nullopt);
  EXPECT_EQ(parse_limit("Max open files   many", "Max open files"), std::nullopt);
  EXPECT_EQ(parse_limit("Max open files   7", "Max open files"), std::nullopt);
}

}  // namespace
}  // namespace broker::doctor
