// Workloads: fibers of client machines that use the cluster and tell the ledger what they did and what they were told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
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
  bool healed = false;     ///< no fault comes any more, and none is under way since a while
  bool stopping = false;   ///< false until the run is over
  std::size_t producers_done = 0;
  std::uint64_t records_sent = 0;
  std::map<std::int32_t, net::Offset> reader_at;  ///< how far the reader of each partition has come
  /// Called when a client was told something that must hold from now on, or is about to ask for a change: moments at
  /// which a crash hurts most.
  std::function<void()> on_moment = [] {};
  /// Whether the injector's book has damage to files of that partition: what the broker serves of them need not hold
  /// together, but must not pass for whole.
  std::function<bool(const PartitionName&)> may_be_damaged = [](const PartitionName&) { return false; };
  /// Whether every coordinator has loaded its groups since the broker started. One that has not takes heartbeats of
  /// anybody, as Kafka's does: it does not know better yet.
  std::function<bool()> coordinators_loaded = [] { return true; };
  std::uint64_t broker_starts = 0;
  std::set<net::TopicId> topic_ids;               ///< given out so far
  std::set<net::ProducerId> producer_ids;         ///< given out so far, to askers of this stage
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
  std::uint64_t records_per_life = 0;  ///< then the producer is closed and another one opened; 0: never
};
/// Sends until told to stop, then waits until every record is decided.
void produce(kernel::Fiber& f, Stage& stage, const ProducerPlan& plan);

/// Sends batches of its own making to one partition and many of them again, as a producer does whose answers are lost:
/// I6, what is known is said to be known, at its offset.
void repeat_batches(kernel::Fiber& f, Stage& stage, std::int32_t partition);

/// Fetches one partition from its beginning, for ever, with requests of its own making (no consumer in between).
void read_partition(kernel::Fiber& f, Stage& stage, std::int32_t partition, std::uint64_t reader);
/// Fetches a little from anywhere below what was shown, again and again.
void read_anywhere(kernel::Fiber& f, Stage& stage, std::uint64_t reader);

/// Fetches all partitions of the topic in one session and takes some out of it now and then. P1: what an incremental
/// answer leaves out has no news.
void read_by_session(kernel::Fiber& f, Stage& stage, std::uint64_t reader);

/// Asks for all topics again and again. M8: what was learnt is not unlearnt; a topic that has gone stays away.
void watch_topics(kernel::Fiber& f, Stage& stage);

/// Creates a topic, trying until it is there.
void create_topic(kernel::Fiber& f, Stage& stage, const std::string& name, std::int32_t partitions,
                  const std::map<std::string, std::string>& settings);
/// The topic that everybody uses.
void create_topic(kernel::Fiber& f, Stage& stage);

/// Creates topics, writes a little to each, reads it back and deletes them again; few names, so that they come again.
/// Asks for producer ids on the way.
void churn_topics(kernel::Fiber& f, Stage& stage);

/// What an operator does meanwhile: deletes records of the topic that everybody uses, changes its settings, and gives
/// partitions to a topic of its own. What was acknowledged has to hold.
void operate_topics(kernel::Fiber& f, Stage& stage);

/// Reads every partition from its start to its end, once, retrying until it has; answers false if it could not.
bool final_read(kernel::Fiber& f, Stage& stage, std::map<PartitionName, net::Offset>& ends);

/// Waits at the end of the first partition while a record is sent to it, several times: P2, no wake-up is lost.
void poll_for_news(kernel::Fiber& f, Stage& stage, const std::map<PartitionName, net::Offset>& ends);

}  // namespace scenarios
