#include "broker/admin.h"

#include <fmt/format.h>

#include "broker/broker.h"
#include "broker/log/directory_shard.h"
#include "kernel/node.h"

namespace broker {

namespace {

std::string trouble_of(const Broker& broker, std::size_t directory) {
  const std::string& path = broker.directories().path(directory);
  if (!broker.directories().online(directory)) return fmt::format("log directory {} is offline\n", path);
  bool full = false, stalled = false;
  for (const BrokerShard* shard : broker.shards()) {
    const log::DirectoryShard* part = shard->directories[directory];
    full = full || (part != nullptr && part->full());
    stalled = stalled || (part != nullptr && part->stalled());
  }
  return fmt::format("{}{}", full ? fmt::format("log directory {} has no space left\n", path) : "",
                     stalled ? fmt::format("log directory {} does not answer\n", path) : "");
}

}  // namespace

net::http::Answer answer_admin(const Broker& broker, kernel::Fiber& f, std::string_view path) {
  if (path == "/metrics") {
    std::vector<const kernel::MetricRegistry*> registries;
    for (kernel::Shard* shard : f.node().shards()) registries.push_back(&shard->metrics());
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = kernel::to_prometheus(registries)};
  }
  if (path == "/health") {
    const bool online = broker.online();
    return {.status = online ? 200 : 503,
            .body = online ? "serving\n" : "the log directory of the metadata, or the last one for partitions, is offline\n"};
  }
  if (path == "/ready") {
    std::int64_t offline = 0;
    for (const BrokerShard* shard : broker.shards()) offline += shard->metrics.partitions_offline.value();
    std::string trouble = offline == 0 ? "" : fmt::format("{} partitions are offline\n", offline);
    for (std::size_t i = 0; i < broker.directories().size(); ++i) trouble += trouble_of(broker, i);
    if (trouble.empty()) return {.body = "ready\n"};
    return {.status = 503, .body = std::move(trouble)};
  }
  return {.status = 404, .body = "there is /metrics, /health and /ready\n"};
}

}  // namespace broker
