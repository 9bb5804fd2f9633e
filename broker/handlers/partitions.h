// Asking many partitions something, each on the shard where it lives.
//
//   const auto end = at_partition(f, call, key, [](Fiber& there, replication::Partition& p) { return p.log_start(); });
//   if (!end) answer.error_code = wire_code(end.error());
#pragma once

#include "broker/handlers/call.h"
#include "kernel/shard.h"

namespace broker::handlers {

/// The partition of `topic` that a request names by number; nothing when there is none.
inline std::optional<PartitionKey> find_partition(const metadata::Topic* topic, net::PartitionId partition) {
  const auto index = static_cast<std::size_t>(partition.raw());
  if (topic == nullptr || partition.raw() < 0 || index >= topic->partitions.size()) return std::nullopt;
  return PartitionKey{topic->id, partition};
}

/// What `ask` answers, a Result. Errors also: deleted (the topic went meanwhile), why the partition is offline. Suspends.
template <class Ask>
auto at_partition(kernel::Fiber& f, Call& call, const PartitionKey& key, Ask&& ask)
    -> std::invoke_result_t<Ask&, kernel::Fiber&, replication::Partition&> {
  using Answer = std::invoke_result_t<Ask&, kernel::Fiber&, replication::Partition&>;
  BrokerShard& home = call.broker().home_of(key);
  return kernel::call_on(f, home.shard(), [&](kernel::Fiber& there) -> Answer {
    Hosted* hosted = home.find(key);
    if (hosted == nullptr) return kernel::fail(replication::PartitionReason::deleted);
    if (hosted->partition == nullptr) return std::unexpected(hosted->why_offline);
    const auto kept = hosted->partition;  // it may be deleted while we ask
    return ask(there, *kept);
  });
}

}  // namespace broker::handlers
