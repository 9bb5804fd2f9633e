#include <deque>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

using clients::producer::Delivery;
using clients::producer::DeliveryFuture;
using clients::producer::Producer;
using kernel::Fiber;
using namespace std::chrono_literals;

clients::core::ClientConfig client_config(const Stage& stage, std::string_view name) {
  clients::core::ClientConfig config;
  config.bootstrap_servers = {{stage.broker_host, stage.broker_port}};
  config.client_id = std::string{name};
  config.request_timeout = 5s;
  config.connection_setup_timeout = 3s;
  config.allow_auto_create_topics = false;  // or a refresh would bring back what was deleted
  return config;
}

namespace {

struct Pending {
  Identity id;
  PartitionName at;
  Era sent_in;
  DeliveryFuture future;
};

void settle(Stage& stage, const ProducerPlan& plan, const Pending& pending) {
  const Delivery delivery = pending.future.delivery();
  switch (delivery.outcome) {
    case Delivery::Outcome::ok: {
      using clients::producer::Acks;
      if (plan.acks == Acks::none) return;
      const auto how = plan.acks == Acks::all ? Acknowledged::all : Acknowledged::leader;
      stage.ledger.acknowledged(pending.at, pending.id, delivery.offset, how, pending.sent_in);
      return stage.on_moment();
    }
    case Delivery::Outcome::failed: return stage.ledger.refused(pending.at, pending.id);
    case Delivery::Outcome::unknown: return;
  }
}

/// The next record of a producer; where it goes and how large it is are the workload's draws.
struct Source {
  Source(Stage& stage, const ProducerPlan& plan) : stage{stage}, plan{plan}, random{stage.run.random("producer").split(plan.id)} {}
  Identity next() {
    Identity id{.producer = plan.id, .incarnation = life, .sequence = ++sequence};
    id.topic_hash = kernel::hash64(stage.topic);
    id.partition = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(stage.partitions)));
    return id;
  }
  std::size_t padding() { return random.heavy_tail(plan.value_bytes_max, 1); }
  Stage& stage;
  const ProducerPlan& plan;
  kernel::Random random;
  std::uint64_t sequence = 0;
  std::uint32_t life = 0;
};

/// One producer from its opening to its close. False when the run ends.
bool live(Fiber& f, Stage& stage, const ProducerPlan& plan, Source& source, kernel::Scope& scope,
          const std::shared_ptr<clients::core::Cluster>& cluster) {
  clients::producer::ProducerConfig config;
  config.acks = plan.acks;
  config.idempotence = plan.idempotent;
  config.compression = plan.codec;
  config.batch_bytes = plan.batch_bytes;
  config.linger = std::chrono::milliseconds{1};
  config.delivery_timeout = 10min;
  config.block_max = 10min;
  auto producer = Producer::open(scope, cluster, config);
  CHECK(producer.has_value());
  std::deque<Pending> pending;
  bool all_sent = false;
  kernel::Notify more;
  kernel::Scope settling{f};
  settling.spawn("settle", [&](Fiber& child) {  // at once: what the client knows is owed from then on
    for (;;) {
      if (pending.empty()) {
        if (all_sent || !more.wait(child)) return;
        continue;
      }
      if (!pending.front().future.get(child)) return;
      settle(stage, plan, pending.front());
      pending.pop_front();
    }
  });
  bool running = true;
  for (std::uint64_t sent = 0; running && stage.producing && (plan.records_per_life == 0 || sent < plan.records_per_life); ++sent) {
    const Identity id = source.next();
    const PartitionName at{stage.topic, id.partition};
    const std::vector<std::byte> value = encode_value(id, stage.run.seed(), source.padding());
    stage.ledger.sent(at, id, plan.idempotent);
    ++stage.records_sent;
    const Era now = stage.ledger.era();
    auto future = (*producer)->send(f, {.topic = stage.topic, .partition = net::PartitionId{id.partition}, .value = value});
    if (future) {
      pending.push_back({id, at, now, std::move(*future)});
      more.notify_all();
    } else {
      stage.ledger.refused(at, id);
      running = f.sleep(100ms).has_value();
    }
    if (running && plan.pause_max.count() > 0) {
      running = f.sleep(kernel::Duration{static_cast<std::int64_t>(source.random.heavy_tail(
                            static_cast<std::uint64_t>(plan.pause_max.count()), 1))}).has_value();
    }
  }
  all_sent = true;
  more.notify_all();
  static_cast<void>(settling.join(f));
  static_cast<void>((*producer)->close(f));
  return running;
}

}  // namespace

void produce(Fiber& f, Stage& stage, const ProducerPlan& plan) {
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  auto cluster = std::make_shared<clients::core::Cluster>(scope, client_config(stage, "producer"));
  Source source{stage, plan};
  while (stage.producing && live(f, stage, plan, source, scope, cluster)) ++source.life;
  cluster.reset();
  scope.cancel();
  static_cast<void>(scope.join(f));
  ++stage.producers_done;
}

}  // namespace scenarios
