// DescribeProducers v0. Which idempotent producers a partition remembers, for finding transactions that hang.
#include "broker/controller/topic_names.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/partitions.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/describe_producers.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using kernel::Result;
using net::DescribeProducersRequest;
using net::DescribeProducersResponse;
using net::ErrorCode;
using ProducersAnswer = DescribeProducersResponse::PartitionResponse;
using Producers = std::map<net::ProducerId, log::ProducerEntry>;

void refuse(ProducersAnswer& answer, ErrorCode code, std::string_view message) {
  answer.error_code = code;
  answer.error_message = message;
}

void fill(Fiber& f, Call& call, const metadata::Topic* topic, net::PartitionId wanted, ProducersAnswer& answer) {
  const auto key = find_partition(topic, wanted);
  if (!key) return refuse(answer, ErrorCode::unknown_topic_or_partition, "this server does not host this partition");
  const auto found = at_partition(f, call, *key, [](Fiber&, replication::Partition& partition) -> Result<Producers> {
    return partition.log().producers().entries();
  });
  if (!found) return refuse(answer, wire_code(found.error()), call.arena->copy(wire_message(found.error())));
  for (const auto& [id, producer] : *found)
    call.arena->push_back(answer.active_producers,
                          {.producer_id = id,
                           .producer_epoch = producer.epoch.raw(),
                           .last_sequence = producer.last_sequence(),
                           .last_timestamp = producer.last_timestamp_ms,
                           .coordinator_epoch = producer.coordinator_epoch,
                           .current_txn_start_offset = producer.open_transaction_start.value_or(net::Offset{-1})});
}

DescribeProducersResponse respond(Fiber& f, Call& call, const DescribeProducersRequest& request) {
  DescribeProducersResponse response;
  const metadata::ImageRef image = call.image();
  response.topics = call.arena->list<DescribeProducersResponse::TopicResponse>(request.topics.size());
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto& wanted = request.topics[t];
    const auto invalid = controller::check_topic_name(wanted.name);
    response.topics[t].name = wanted.name;
    response.topics[t].partitions = call.arena->list<ProducersAnswer>(wanted.partition_indexes.size());
    const metadata::Topic* topic = image->find_topic(wanted.name);
    for (std::size_t p = 0; p < wanted.partition_indexes.size(); ++p) {
      ProducersAnswer& answer = response.topics[t].partitions[p];
      answer.partition_index = wanted.partition_indexes[p];
      if (invalid) refuse(answer, ErrorCode::invalid_topic_exception, call.arena->copy(*invalid));
      else fill(f, call, topic, answer.partition_index, answer);
    }
  }
  return response;
}

}  // namespace

void handle_describe_producers(Fiber& f, Call& call) { answer<DescribeProducersRequest>(f, call, respond); }

}  // namespace broker::handlers
