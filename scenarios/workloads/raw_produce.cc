#include "scenarios/workloads/raw_produce.h"

#include "net/messages/init_producer_id.h"
#include "net/messages/produce.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

Result<ProducerSession> new_producer(Fiber& f, Cluster& cluster) {
  net::InitProducerIdRequest request;
  request.transactional_id.reset();
  request.producer_id = net::kProducerIdNone;
  request.producer_epoch = net::kProducerEpochNone;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s}));
  if (answer->error_code != net::ErrorCode::none) return clients::core::fail_code(answer->error_code);
  return ProducerSession{answer->producer_id, answer->producer_epoch};
}

Result<Answered> send_batch(Fiber& f, Cluster& cluster, const PartitionName& at, std::span<const std::byte> batch,
                            std::int32_t timeout_ms) {
  net::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = timeout_ms;
  net::ProduceRequest::PartitionProduceData data;
  data.index = net::PartitionId{at.partition};
  data.records = net::Records::view(batch);
  net::ProduceRequest::TopicProduceData topic;
  topic.name = at.topic;
  topic.partition_data = net::List<net::ProduceRequest::PartitionProduceData>{&data, 1};
  request.topic_data = net::List<net::ProduceRequest::TopicProduceData>{&topic, 1};
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s, .versions = {.first = 3, .last = 12}}));
  if (answer->responses.empty() || answer->responses[0].partition_responses.empty())
    return kernel::fail(clients::core::Reason::malformed_answer);
  const auto& told = answer->responses[0].partition_responses[0];
  return Answered{told.error_code, told.base_offset};
}

}  // namespace scenarios
