// Batches of a workload's own making, with sequences that it keeps itself.
#pragma once

#include "clients/core/cluster.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

struct ProducerSession {
  net::ProducerId id{};
  net::ProducerEpoch epoch{};
};
/// Errors: those of Cluster::request_any(), and what the broker answered (clients::core::broker_code()).
kernel::Result<ProducerSession> new_producer(kernel::Fiber& f, clients::core::Cluster& cluster);

struct Answered {
  net::ErrorCode code = net::ErrorCode::none;
  net::Offset base{-1};
};
/// One Produce with acks=all. Errors: those of Cluster::request_any(); whether the batch was taken is not known then.
kernel::Result<Answered> send_batch(kernel::Fiber& f, clients::core::Cluster& cluster, const PartitionName& at,
                                    std::span<const std::byte> batch, std::int32_t timeout_ms);

}  // namespace scenarios
