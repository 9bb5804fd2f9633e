// A world of two machines: a scripted broker and a client.
#pragma once

#include <gtest/gtest.h>

#include "clients/core/cluster.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/world.h"
#include "tests/clients/fake_broker.h"

namespace clients::testing {

class ClientWorld {
 public:
  explicit ClientWorld(std::uint64_t seed, sim::PolicyKind policy = sim::PolicyKind::uniform)
      : world{{.seed = seed, .policy = policy, .nudges = true}, stacks_},
        broker_machine{world.add_machine("broker")},
        client_machine{world.add_machine("client")},
        broker{broker_machine.address()} {}

  [[nodiscard]] core::ClientConfig config() const {
    core::ClientConfig config;
    config.bootstrap_servers = {{broker_machine.address(), 9092}};
    config.request_timeout = std::chrono::seconds{2};
    return config;
  }
  /// Runs `client` against the broker; true when it ended within `limit` of virtual time.
  bool run(const std::function<void(kernel::Fiber&, kernel::Scope&, std::shared_ptr<core::Cluster>)>& client,
           kernel::Duration limit = std::chrono::seconds{600}) {
    bool ended = false;
    world.boot(broker_machine, 1, [&](kernel::Fiber& f) { broker.serve(f); });
    world.boot(client_machine, 1, [&](kernel::Fiber& f) {
      kernel::Scope scope{f};
      client(f, scope, std::make_shared<core::Cluster>(scope, config()));
      ASSERT_TRUE(scope.join(f));
      ended = true;
    });
    world.run_until([&] { return ended; }, limit);
    EXPECT_EQ(world.error_lines(), 0u);
    return ended;
  }

 private:
  kernel::StackPool stacks_;

 public:
  sim::World world;
  sim::Machine& broker_machine;
  sim::Machine& client_machine;
  FakeBroker broker;
};

inline std::string text_of(const net::record::NullableBytes& bytes) {
  return bytes ? std::string{kernel::as_text(*bytes)} : std::string{"(null)"};
}

}  // namespace clients::testing
