// A world of one real broker and several client machines, for tests of groups.
//
//   GroupWorld world{seed};
//   world.start_broker();
//   world.client("a", [&](kernel::Fiber& f, kernel::Scope& scope, auto cluster) { ... });
//   world.until([&] { return done; });
#pragma once

#include <gtest/gtest.h>

#include "broker/broker.h"
#include "broker/config/broker_config.h"
#include "clients/admin/admin.h"
#include "clients/group/group_consumer.h"
#include "clients/producer/producer.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/world.h"

namespace clients::testing {

using namespace std::chrono_literals;
using kernel::Fiber;
using ClusterRef = std::shared_ptr<core::Cluster>;
using ClientBody = std::function<void(Fiber&, kernel::Scope&, ClusterRef)>;

inline const core::TopicPartition kFirst{"t", net::PartitionId{0}}, kSecond{"t", net::PartitionId{1}};

class GroupWorld {
 public:
  explicit GroupWorld(std::uint64_t seed, std::vector<std::string> settings = {})
      : world{{.seed = seed, .nudges = true}, stacks_}, broker_machine{world.add_machine("broker")} {
    settings.insert(settings.begin(), {fmt::format("listeners=PLAINTEXT://{}:9092", broker_machine.address()),
                                       "log.dirs=/data", "kalda.admin.port=-1", "kalda.shards=2",
                                       "offsets.topic.num.partitions=3", "group.initial.rebalance.delay.ms=300"});
    auto loaded = broker::config::load_broker_config("", settings);
    EXPECT_TRUE(loaded.config) << (loaded.problems.empty() ? "" : loaded.problems.front());
    config_ = std::move(*loaded.config);
  }

  void start_broker() {
    boot_broker();
    until([this] { return serving_; });
  }
  void boot_broker() {
    serving_ = false;
    world.boot(broker_machine, 2, [this](Fiber& f) {
      (void)broker::Broker::run(f, config_, [this](const broker::Started&) { serving_ = true; });
    });
  }
  void kill_broker() { world.kill(broker_machine, sim::CrashKind::process_kill); }
  /// Runs `body` on a machine of its own; `name` again starts it again.
  void client(const std::string& name, ClientBody body) {
    auto& machine = machines_[name];
    if (machine == nullptr) machine = &world.add_machine(name);
    if (machine->up()) kill(name);  // its process has ended, or is replaced
    world.boot(*machine, 1, [this, body = std::move(body), name](Fiber& f) {
      kernel::Scope scope{f};
      core::ClientConfig config;
      config.bootstrap_servers = {{broker_machine.address(), 9092}};
      config.client_id = name;
      config.request_timeout = 5s;
      config.allow_auto_create_topics = false;
      config.metadata_max_age = 10s;
      body(f, scope, std::make_shared<core::Cluster>(scope, config));
      (void)scope.join(f);
    });
  }
  [[nodiscard]] sim::Machine& machine(const std::string& name) { return *machines_.at(name); }
  void kill(const std::string& name) { world.kill(*machines_.at(name), sim::CrashKind::process_kill); }
  /// Fails when `done` takes more than `limit` of virtual time.
  bool until(const std::function<bool()>& done, kernel::Duration limit = 300s) {
    bool reached = false;
    world.run_until([&] { return reached = done(); }, limit);
    EXPECT_TRUE(reached) << "not within " << limit / 1s << " s";
    EXPECT_EQ(world.error_lines(), 0u) << (world.errors().empty() ? "" : world.errors().front().text);
    return reached;
  }
  void run_for(kernel::Duration time) {
    const kernel::Mono end = world.now() + time;
    world.run_until([&] { return world.now() >= end; }, time + 1s);
  }
  /// Runs one client to its end.
  void run(ClientBody body) {
    bool ended = false;
    client("once", [&](Fiber& f, kernel::Scope& scope, ClusterRef cluster) {
      body(f, scope, cluster);
      cluster.reset();
      ended = true;
    });
    until([&] { return ended; });
  }
  /// Creates `topic` and writes `count` records of one number each to every partition, numbered through.
  void fill(const std::string& topic, std::int32_t partitions, int count) {
    run([&](Fiber& f, kernel::Scope& scope, ClusterRef cluster) {
      const auto created = admin::create_topics(f, *cluster, {{.name = topic, .partitions = partitions}});
      EXPECT_TRUE(created);
      produce(f, scope, cluster, topic, partitions, count);
    });
  }
  void produce(Fiber& f, kernel::Scope& scope, const ClusterRef& cluster, const std::string& topic,
               std::int32_t partitions, int count) {
    auto producer = *producer::Producer::open(scope, cluster, {.linger = 1ms, .batch_bytes = 200});
    std::vector<producer::DeliveryFuture> sent;
    for (int i = 0; i < count; ++i) {
      for (std::int32_t p = 0; p < partitions; ++p) {
        const std::string value = fmt::format("{}/{}/{}", topic, p, written_[{topic, net::PartitionId{p}}]++);
        auto future = producer->send(f, {.topic = topic, .partition = net::PartitionId{p}, .value = kernel::as_bytes(value)});
        EXPECT_TRUE(future);
        if (future) sent.push_back(std::move(*future));
      }
    }
    for (auto& one : sent) EXPECT_TRUE(one.get(f));
    (void)producer->close(f);
  }
  [[nodiscard]] std::int64_t written(const core::TopicPartition& at) const { return written_.at(at); }

 private:
  kernel::StackPool stacks_;
  broker::config::BrokerConfig config_;
  bool serving_ = false;
  std::map<std::string, sim::Machine*> machines_;
  std::map<core::TopicPartition, std::int64_t> written_;

 public:
  sim::World world;
  sim::Machine& broker_machine;
};

}  // namespace clients::testing
