#include "broker/admin.h"

#include <fmt/format.h>

#include "broker/broker.h"
#include "kernel/node.h"

namespace broker {

net::http::Answer answer_admin(const Broker& broker, kernel::Fiber& f, std::string_view path) {
  if (path == "/metrics") {
    std::vector<const kernel::MetricRegistry*> registries;
    for (kernel::Shard* shard : f.node().shards()) registries.push_back(&shard->metrics());
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = kernel::to_prometheus(registries)};
  }
  if (path == "/health") {
    const bool online = broker.online();
    return {.status = online ? 200 : 503, .body = online ? "serving\n" : "the log directory is offline\n"};
  }
  if (path == "/ready") {
    std::int64_t offline = 0;
    bool full = false;
    for (const BrokerShard* shard : broker.shards()) {
      offline += shard->metrics.partitions_offline.value();
      full = full || shard->directory->full();
    }
    if (offline == 0 && broker.online() && !full) return {.body = "ready\n"};
    return {.status = 503, .body = fmt::format("{} partitions are offline\n{}", offline,
                                               full ? "there is no space left in the log directory\n" : "")};
  }
  return {.status = 404, .body = "there is /metrics, /health and /ready\n"};
}

}  // namespace broker
