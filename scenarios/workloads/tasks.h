// Workloads: fibers of client machines that use the cluster and tell the ledger what they did and what they were told.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clients/core/cluster.h"
#include "clients/producer/producer.h"
#include "kernel/fiber.h"
#include "scenarios/oracles/ledger.h"

namespace scenarios {

/// What the clients of a run share.
struct Stage {
  explicit Stage(Run& run) : run{run}, ledger{run} {}
  Run& run;
  Ledger ledger;
  std::string broker_host;
  std::uint16_t broker_port = 9092;
  std::string topic = "orders";
  std::int32_t partitions = 1;
  std::map<std::string, std::string> topic_settings;
  bool topic_ready = false;
  bool producing = true;   ///< false: no new sends; finish what is under way
  bool stopping = false;   ///< false until the run is over
  std::size_t producers_done = 0;
  std::uint64_t records_sent = 0;
};

clients::core::ClientConfig client_config(const Stage& stage, std::string_view name);

struct ProducerPlan {
  std::uint32_t id = 0;
  bool idempotent = true;
  clients::producer::Acks acks = clients::producer::Acks::all;
  net::compress::Codec codec = net::compress::Codec::none;
  std::size_t value_bytes_max = 200;
  std::size_t batch_bytes = 16 * 1024;
  kernel::Duration pause_max{};   ///< between sends
  std::uint64_t records_max = 0;
};
/// Sends until told to stop, then waits until every record is decided.
void produce(kernel::Fiber& f, Stage& stage, const ProducerPlan& plan);

/// Fetches one partition from its beginning, for ever, with requests of its own making (no consumer in between).
void read_partition(kernel::Fiber& f, Stage& stage, std::int32_t partition, std::uint64_t reader);

/// Creates the topic that everybody uses, trying until it is there.
void create_topic(kernel::Fiber& f, Stage& stage);

/// Creates topics, writes a little to each, and deletes them again.
void churn_topics(kernel::Fiber& f, Stage& stage);

/// Reads every partition from its start to its end, once, retrying until it has; answers false if it could not.
bool final_read(kernel::Fiber& f, Stage& stage);

}  // namespace scenarios
